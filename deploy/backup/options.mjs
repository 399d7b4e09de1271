// The options of `npm run backup` and `npm run restore`.
import path from 'node:path';
import { readOptions } from '../local/options.mjs';
import { LaunchError } from '../local/steps.mjs';

const texts = {
  backup: `Saves the whole database and the keys of a Lapwing, running or not, into a new folder.

  npm run backup -- FOLDER [--data-dir FOLDER] [--database-url URL]
`,
  restore: `Puts back what "npm run backup" has saved. Lapwing must not run meanwhile.

  npm run restore -- FOLDER [--force] [--check] [--data-dir FOLDER] [--database-url URL]

  --force   replaces the Lapwing that the database holds
  --check   only looks whether the backup is whole
`,
};
const shared = `
  LAPWING_DATA_DIR (--data-dir) is the folder of the data (.data), DATABASE_URL (--database-url) a database of your own: better by the
  environment, since others on this machine can read arguments. Keys of your own are found by LAPWING_SECRET_KEY(_FILE),
  NATS_CREDENTIALS_DIR, FLEET_AUTHORITY_FILE, LICENSE_FILE and UPDATES_ENVIRONMENT_FILE. More: docs/backup.md
`;

/**
 * Reads the command line. Prints the help and ends the process when asked to.
 * @param {'backup' | 'restore'} command
 */
export function readBackupOptions(command) {
  const all = process.argv.slice(2);
  if (all.includes('--help')) {
    process.stdout.write(texts[command] + shared);
    process.exit(0);
  }
  const flags = command === 'restore' ? ['--force', '--check'] : [];
  const [first = '', ...rest] = all.filter((arg) => !flags.includes(arg));
  if (first === '' || first.startsWith('-')) throw new LaunchError(`name a folder\n\n${texts[command]}${shared}`);
  // npm runs scripts where package.json is; the folder is meant from where it was typed.
  const folder = path.resolve(process.env.INIT_CWD ?? process.cwd(), first);
  return { ...readOptions(rest), folder, force: all.includes('--force'), checkOnly: all.includes('--check') };
}
