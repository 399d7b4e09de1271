// The schemas of the services, and where their migrations are.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../local/options.mjs';

/** @returns {Promise<Record<string, URL>>} the folder of the migrations of each schema */
export async function schemaFolders() {
  const { serviceSchemas } = await import(path.join(root, 'apps/updates/dist/domain/schemas.js'));
  return Object.fromEntries(
    serviceSchemas.map((/** @type {{ app: string, schema: string }} */ { app, schema }) => [
      schema,
      pathToFileURL(`${path.join(root, 'apps', app, 'migrations')}/`),
    ]),
  );
}

/** Whether a data folder has a database of its own. @param {string} dataDir */
export const hasDatabase = (dataDir) => fs.existsSync(path.join(dataDir, 'postgres/data/PG_VERSION'));
