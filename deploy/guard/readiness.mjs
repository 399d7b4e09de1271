// Whether what runs is ready, as its own API says.
import { address } from './settings.mjs';

const DEADLINE_MS = 3000;

/**
 * Why what runs is not ready, in words.
 * @param {string} version that must answer
 * @param {Set<string>} awayBefore services that were not well before
 */
export async function unready(version, awayBefore) {
  try {
    const { version: told } = /** @type {{ version?: string }} */ (await (await ask('/health')).json());
    if (told !== version) return `version ${told} answers instead`;
    const { status } = await ask('/api/system/health/ready');
    // A service that is away does not keep the rest from being ready, but a version that brings it down does not hold.
    const faults = (await unhealthy()).filter(({ name }) => status !== 200 || !awayBefore.has(name));
    if (status === 200 && faults.length === 0) return undefined;
    return `not ready (status ${status}${faults.map(({ name, message }) => `, ${name}: ${message}`).join('')})`;
  } catch {
    return 'it does not answer';
  }
}

/** The services that are not well at all. @returns {Promise<{ name: string, message: string | undefined }[]>} */
export async function unhealthy() {
  const answer = await ask('/api/system/health');
  const { services = {} } = /** @type {{ services?: Record<string, { status: string, message?: string }> }} */ (
    await answer.json()
  );
  const away = Object.entries(services).filter(([, { status }]) => status === 'unhealthy');
  return away.map(([name, { message }]) => ({ name, message }));
}

/** @param {string} route */
function ask(route) {
  return fetch(address + route, { signal: AbortSignal.timeout(DEADLINE_MS), redirect: 'manual' });
}
