// `npm run mock:on | mock:off | mock:status`: switches mock mode of a Lapwing that runs, and says how it is. With `npm start` on this machine
// it logs in by itself; else LAPWING_URL says where it is, and LAPWING_TOKEN is an API token that may manage settings.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './options.mjs';
import { LaunchError, fail } from './steps.mjs';

const { LAPWING_URL: url = `http://127.0.0.1:${process.env.PORT ?? 8080}`, LAPWING_TOKEN: token } = process.env;
const dataDir = process.env.LAPWING_DATA_DIR ?? path.join(root, '.data');

/**
 * @param {string} route
 * @param {RequestInit} init
 * @returns {Promise<Record<string, any>>}
 */
async function ask(route, init) {
  const signal = AbortSignal.timeout(10_000);
  const answer = await fetch(url + route, { ...init, signal }).catch(() => {
    throw new LaunchError(`nobody answers at ${url}: start Lapwing, or set LAPWING_URL`);
  });
  const body = /** @type {Record<string, any>} */ (await answer.json().catch(() => ({})));
  if (!answer.ok) throw new LaunchError(`${url} answers ${answer.status}: ${body.error ?? ''}`);
  return body;
}

async function credential() {
  if (token) return token;
  const file = path.join(dataDir, 'admin-password');
  const password =
    process.env.LAPWING_ADMIN_PASSWORD ?? (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim() : '');
  if (password === '') throw new LaunchError('set LAPWING_TOKEN to an API token that may manage settings');
  const body = JSON.stringify({ username: 'admin', password });
  const session = await ask('/api/v1/auth/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return session.token;
}

async function main() {
  const wanted = process.argv[2];
  if (!['on', 'off', 'status'].includes(wanted ?? '')) throw new LaunchError('on, off or status');
  const headers = { authorization: `Bearer ${await credential()}`, 'content-type': 'application/json' };
  const change = { method: 'PUT', headers, body: JSON.stringify({ enabled: wanted === 'on' }) };
  const { enabled, config } = await ask('/api/system/mock-mode', wanted === 'status' ? { headers } : change);
  process.stdout.write(`mock mode is ${enabled ? 'on' : 'off'} (${JSON.stringify(config)})\n`);
}

main().catch(fail);
