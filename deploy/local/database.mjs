// The database of a data folder, for what works beside `npm start` or without it.
import fs from 'node:fs';
import path from 'node:path';
import { acceptsLogins, startPostgres } from './servers.mjs';

/**
 * Whether a process is there, and is a PostgreSQL: after a crash its number may be somebody else's.
 * @param {number} pid
 */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    const name = `/proc/${pid}/comm`;
    return !fs.existsSync(name) || fs.readFileSync(name, 'utf8').startsWith('postgres');
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * The database of a data folder: the server that runs on it, else one that is started for as long as it takes.
 * @param {string} dataDir
 * @returns {Promise<{ url: string, child?: import('./child.mjs').Child }>}
 */
export async function databaseOf(dataDir) {
  const file = path.join(dataDir, 'postgres/data/postmaster.pid');
  const [pid, , , port] = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n') : [];
  // A server that was killed leaves its file behind.
  if (!port || !isRunning(Number(pid))) return startPostgres(dataDir);
  await acceptsLogins(path.dirname(file));
  const password = fs.readFileSync(path.join(dataDir, 'postgres/password'), 'utf8').trim();
  return { url: `postgres://lapwing:${password}@127.0.0.1:${port.trim()}/postgres` };
}
