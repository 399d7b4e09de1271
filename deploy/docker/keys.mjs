// `node deploy/docker/keys.mjs FOLDER`: makes the keys of an installation of containers, and gives to each service its own. FOLDER holds a
// volume for each of those who get something. Run again it keeps what is there, and renews the services' permissions for this version.
import { busServices, makeBusKeys } from '@lapwing/bus';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/**
 * Makes the keys, and puts them where they belong.
 * @param {string} folder
 */
async function makeKeys(folder) {
  const all = path.join(folder, 'keys');
  await makeBusKeys(all);
  hand(path.join(all, 'auth.conf'), path.join(folder, 'nats-auth'), 0o644);
  hand(path.join(all, 'authority.json'), path.join(folder, 'authority'));
  for (const service of busServices)
    hand(path.join(all, 'credentials', `${service}.creds`), path.join(folder, `bus-${service}`));
  const secret = path.join(folder, 'secret-key', 'key');
  if (!fs.existsSync(secret)) write(secret, `${randomBytes(32).toString('hex')}\n`, 0o600);
}

/**
 * @param {string} file
 * @param {string} folder
 * @param {number} [mode]
 */
function hand(file, folder, mode = 0o600) {
  write(path.join(folder, path.basename(file)), fs.readFileSync(file, 'utf8'), mode);
}

/**
 * Whoever reads the file meanwhile, because it is started, sees the old one or the new one.
 * @param {string} file
 * @param {string} text
 * @param {number} mode
 */
function write(file, text, mode) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.tmp`, text, { mode });
  fs.renameSync(`${file}.tmp`, file);
}

const [folder] = process.argv.slice(2);
if (!folder) {
  process.stderr.write('usage: node deploy/docker/keys.mjs FOLDER\n');
  process.exit(2);
}
await makeKeys(path.resolve(folder));
process.stdout.write('the keys are in their volumes\n');
