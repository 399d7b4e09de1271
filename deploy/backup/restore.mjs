// `npm run restore -- FOLDER`: checks a backup, puts its database back in one transaction, and its keys where they belong.
import path from 'node:path';
import { databaseOf } from '../local/database.mjs';
import { build, installPackages } from '../local/install.mjs';
import { root } from '../local/options.mjs';
import { LaunchError, fail, step } from '../local/steps.mjs';
import { checkKeys, restoreKeys } from './keys.mjs';
import { readBackup } from './manifest.mjs';
import { readBackupOptions } from './options.mjs';
import { schemaFolders } from './schemas.mjs';

/** @type {import('../local/child.mjs').Child | undefined} */
let started;

async function main() {
  const { dataDir, environment, folder, force, checkOnly } = readBackupOptions('restore');
  step('checking the backup');
  const manifest = await readBackup(folder);
  step(`it is of Lapwing ${manifest.version}, ${manifest.createdAt}, and whole`);
  if (checkOnly) return;
  const keys = path.join(folder, 'keys');
  checkKeys(keys, dataDir);
  installPackages();
  build();
  const { BackupError, loadDatabase } = await import(path.join(root, 'libs/postgres/dist/index.js'));
  const server = environment.DATABASE_URL ? { url: environment.DATABASE_URL } : await databaseOf(dataDir);
  started = 'child' in server ? server.child : undefined;
  step('putting the database back');
  const restoration = {
    backup: manifest.database,
    folder: path.join(folder, 'database'),
    migrations: await schemaFolders(),
    force,
  };
  await loadDatabase(server.url, restoration).catch((/** @type {Error} */ error) => {
    throw error instanceof BackupError ? new LaunchError(error.message) : error;
  });
  step('putting the keys back');
  const { written, aside, homeless } = restoreKeys(keys, manifest.keys, dataDir);
  step(`${written} files of keys were written${aside ? `; what was there before is in ${aside}` : ''}`);
  if (homeless.length > 0)
    step(`NOTE: these have no place here and stay in the backup: ${homeless.join(', ')} (see docs/backup.md)`);
  step('done: start Lapwing, and look at "npm run audit:verify"');
}

main().then(
  async () => {
    await started?.stop();
    process.exit(0);
  },
  async (error) => {
    await started?.stop().catch(() => {});
    fail(error);
  },
);
let stopping = false;
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    const told = new LaunchError('stopped: the database is as it was before, unless the keys were being put back');
    void Promise.resolve(started?.stop()).finally(() => fail(told));
  });
