// `npm run audit:verify`: checks the audit trail of the Lapwing whose data lie in the data folder, running or not; with
// DATABASE_URL and LAPWING_SECRET_KEY(_FILE) that of any other.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { databaseOf } from './database.mjs';
import { build, installPackages } from './install.mjs';
import { readOptions, root } from './options.mjs';
import { LaunchError, fail } from './steps.mjs';

async function main() {
  const { dataDir, environment } = readOptions();
  installPackages();
  build();
  const key = path.join(dataDir, 'secret.key');
  const own = process.env.LAPWING_SECRET_KEY || process.env.LAPWING_SECRET_KEY_FILE;
  if (!own && !fs.existsSync(key)) throw new LaunchError(`${dataDir} holds no Lapwing: choose another with --data-dir`);
  const server = environment.DATABASE_URL ? undefined : await databaseOf(dataDir);
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

main().catch(fail);
