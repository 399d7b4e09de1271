// `npm run backup -- FOLDER`: the whole database as it is at one instant, and the keys, in a new folder that appears only when it is complete.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { databaseOf } from '../local/database.mjs';
import { build, installPackages } from '../local/install.mjs';
import { root } from '../local/options.mjs';
import { LaunchError, fail, step } from '../local/steps.mjs';
import { saveKeys } from './keys.mjs';
import { FORMAT, checked, keyPath, ownVersion, writeManifest } from './manifest.mjs';
import { readBackupOptions } from './options.mjs';
import { hasDatabase, schemaFolders } from './schemas.mjs';

/** What is undone when it does not come to an end. @type {(() => unknown)[]} */
const undo = [];

async function main() {
  const { dataDir, environment, folder } = readBackupOptions('backup');
  if (fs.existsSync(folder)) throw new LaunchError(`${folder} is there already: a backup goes into a new folder`);
  installPackages();
  build();
  const { DATABASE_URL: given } = environment;
  if (!given && !hasDatabase(dataDir))
    throw new LaunchError(`${dataDir} holds no Lapwing: choose another with --data-dir, or set DATABASE_URL`);
  const partial = `${folder}.partial-${randomBytes(4).toString('hex')}`;
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  fs.mkdirSync(partial, { mode: 0o700 });
  undo.push(() => fs.rmSync(partial, { recursive: true, force: true }));
  const server = given ? undefined : await databaseOf(dataDir);
  if (server?.child) undo.push(() => server.child?.stop());
  const manifest = await save(given ?? server?.url ?? '', dataDir, partial);
  await writeManifest(partial, manifest);
  await server?.child?.stop();
  // Two backups of one name at once: the second finds a folder that is not empty, and fails.
  fs.renameSync(partial, folder);
  const rows = Object.values(manifest.rows).reduce((sum, count) => sum + count, 0);
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  step(`saved ${rows} rows of ${manifest.database.tables.length} tables and ${manifest.keys.length} files of keys`);
  step(`${folder} (${Math.ceil(bytes / 1024)} KiB) holds keys in the open: keep it as safe as the server itself`);
}

/**
 * @param {string} url
 * @param {string} dataDir
 * @param {string} folder
 * @returns {Promise<import('./manifest.mjs').Manifest>}
 */
async function save(url, dataDir, folder) {
  const { BackupError, dumpDatabase } = await import(path.join(root, 'libs/postgres/dist/index.js'));
  const createdAt = new Date().toISOString();
  for (const part of ['database', 'keys']) fs.mkdirSync(path.join(folder, part), { mode: 0o700 });
  step('saving the keys');
  const keys = saveKeys(dataDir, path.join(folder, 'keys'));
  step('saving the database');
  const schemas = ['lapwing', ...Object.keys(await schemaFolders())];
  const database = await dumpDatabase(url, schemas, path.join(folder, 'database'), step).catch(
    (/** @type {Error} */ error) => {
      throw error instanceof BackupError ? new LaunchError(error.message) : error;
    },
  );
  const files = [];
  for (const { file, bytes, sha256 } of database.tables) files.push({ file: `database/${file}`, bytes, sha256 });
  for (const name of keys) files.push(await checked(folder, keyPath(name)));
  /** @type {Record<string, number>} */
  const rows = Object.fromEntries(
    database.tables.map((/** @type {any} */ table) => [`${table.schema}.${table.name}`, table.rows]),
  );
  return { format: FORMAT, version: ownVersion(), createdAt, rows, files, keys, database };
}

async function giveUp() {
  for (const part of undo.toReversed()) await part();
}

let stopping = false;
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    void giveUp().finally(() => fail(new LaunchError('stopped: nothing was saved')));
  });

main().then(
  () => process.exit(0),
  async (error) => {
    await giveUp();
    fail(error);
  },
);
