// What the guard is told, by the environment alone: it asks the server whether it is ready, and so must know where that listens.
import path from 'node:path';

/** The folder in which releases are installed. */
export const install = path.resolve(process.env.LAPWING_INSTALL_DIR ?? path.join(import.meta.dirname, '..'));
export const releases = path.join(install, 'releases');

const { HOST = '127.0.0.1', PORT = '8080', LAPWING_DATA_DIR, LAPWING_TRIAL_SECONDS = '60' } = process.env;
const flags = process.argv.slice(2).filter((flag) => /^--(port|host|data-dir)\b/.test(flag));

/** Data stays when versions change: it must not lie in one of them. */
export const dataDir = LAPWING_DATA_DIR || path.join(install, 'data');

/** Where Lapwing answers, seen from this machine. */
export const address = `http://${{ '0.0.0.0': '127.0.0.1', '::': '[::1]' }[HOST] ?? (HOST.includes(':') ? `[${HOST}]` : HOST)}:${PORT}`;

/** So long a new version may take to become ready, milliseconds. */
export const trialMs = 1000 * Number(LAPWING_TRIAL_SECONDS);

/** What is wrong with the settings, in words. @returns {string[]} */
export function problems() {
  const isWithin = `${path.resolve(dataDir)}${path.sep}`.startsWith(`${releases}${path.sep}`);
  return [
    ...(path.isAbsolute(dataDir) && !isWithin
      ? []
      : [`LAPWING_DATA_DIR must be an absolute path outside of ${releases}, not "${dataDir}"`]),
    ...(/^\d{1,5}$/.test(PORT) && Number(PORT) > 0 ? [] : [`PORT must be a number from 1 to 65535, not "${PORT}"`]),
    ...(trialMs >= 1000 && trialMs <= 3_600_000
      ? []
      : [`LAPWING_TRIAL_SECONDS must be 1 to 3600, not "${LAPWING_TRIAL_SECONDS}"`]),
    ...flags.map((flag) => `${flag} must come by the environment: PORT, HOST, LAPWING_DATA_DIR`),
  ];
}
