// `npm run audit:verify`: checks the audit trail of the Lapwing whose data lie in the data folder, running or not; with
// DATABASE_URL and LAPWING_SECRET_KEY(_FILE) that of any other.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build, installPackages } from './install.mjs';
import { readOptions, root } from './options.mjs';
import { startPostgres } from './servers.mjs';
import { LaunchError, fail } from './steps.mjs';

async function main() {
  const { dataDir, environment } = readOptions();
  installPackages();
  build();
  const key = path.join(dataDir, 'secret.key');
  const own = process.env.LAPWING_SECRET_KEY || process.env.LAPWING_SECRET_KEY_FILE;
  if (!own && !fs.existsSync(key)) throw new LaunchError(`${dataDir} holds no Lapwing: choose another with --data-dir`);
  const server = environment.DATABASE_URL ? undefined : await database(dataDir);
  const { status } = spawnSync(process.execPath, [path.join(root, 'apps/auth/dist/verify-audit.js')], {
    stdio: 'inherit',
    env: {
      ...process.env,
      LOG_LEVEL: 'silent',
      DATABASE_URL: environment.DATABASE_URL ?? server?.url,
      ...(!own && { LAPWING_SECRET_KEY_FILE: key }),
    },
  });
  await server?.child?.stop();
  process.exit(status ?? 2);
}

/**
 * The database of a data folder: the server that runs on it, else one that is started for as long as it takes.
 * @param {string} dataDir
 * @returns {Promise<{ url: string, child?: import('./child.mjs').Child }>}
 */
async function database(dataDir) {
  const running = path.join(dataDir, 'postgres/data/postmaster.pid');
  if (!fs.existsSync(running)) return startPostgres(dataDir);
  const port = fs.readFileSync(running, 'utf8').split('\n')[3]?.trim();
  const password = fs.readFileSync(path.join(dataDir, 'postgres/password'), 'utf8').trim();
  return { url: `postgres://lapwing:${password}@127.0.0.1:${port}/postgres` };
}

main().catch(fail);
