// The files without which a database that was put back is of no use: they open its secrets, prove its audit trail and let its agents in.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LaunchError, step } from '../local/steps.mjs';

/** A file of keys: its name in a backup, and where a running Lapwing has it. @typedef {{ name: string, file: string }} KeyFile */

const env = process.env;

/**
 * Where the secret key lies, unless the environment holds it itself.
 * @param {string} dataDir
 */
const secretFile = (dataDir) => env.LAPWING_SECRET_KEY_FILE || path.join(dataDir, 'secret.key');

/** Where the keys of NATS lie. @param {string} dataDir */
function natsFolders(dataDir) {
  const keys = path.join(dataDir, 'nats/keys');
  const given = Boolean(env.NATS_URL);
  return {
    keys: given ? undefined : keys,
    credentials: given ? env.NATS_CREDENTIALS_DIR : undefined,
    authority: given ? env.FLEET_AUTHORITY_FILE : undefined,
  };
}

/**
 * Where a file of a backup belongs. Undefined for one that has no place here: it stays in the backup.
 * @param {string} name
 * @param {string} dataDir
 * @returns {string | undefined}
 */
export function placeOf(name, dataDir) {
  const { keys, credentials, authority } = natsFolders(dataDir);
  if (name === 'secret.key') return secretFile(dataDir);
  if (name === 'admin-password') return path.join(dataDir, name);
  if (name === 'collector/identity.json') return path.join(dataDir, name);
  if (name === 'license.json') return env.LICENSE_FILE;
  if (name === 'environment') return env.UPDATES_ENVIRONMENT_FILE;
  const inNats = /^nats\/(.+)$/.exec(name)?.[1];
  if (inNats === undefined) return undefined;
  if (keys) return path.join(keys, inNats);
  if (inNats === 'authority.json') return authority;
  const credential = /^credentials\/([^/]+)$/.exec(inNats)?.[1];
  return credential && credentials ? path.join(credentials, credential) : undefined;
}

/**
 * All files of keys that are there.
 * @param {string} dataDir
 * @returns {KeyFile[]}
 */
function keyFiles(dataDir) {
  const { keys, credentials, authority } = natsFolders(dataDir);
  const within = (/** @type {string | undefined} */ folder, /** @type {string} */ prefix) =>
    folder && fs.existsSync(folder)
      ? fs
          .readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => path.join(entry.parentPath, entry.name))
          .map((file) => ({ name: `${prefix}${path.relative(folder, file).split(path.sep).join('/')}`, file }))
      : [];
  const single = ['admin-password', 'collector/identity.json', 'license.json', 'environment'].flatMap((name) => {
    const file = placeOf(name, dataDir);
    return file ? [{ name, file }] : [];
  });
  return [
    ...single,
    ...(authority ? [{ name: 'nats/authority.json', file: authority }] : []),
    ...within(keys, 'nats/'),
    ...within(credentials, 'nats/credentials/'),
  ].filter(({ file }) => fs.existsSync(file));
}

/**
 * The secret key as it is in force. Throws where there is none: without it a backup could open nothing.
 * @param {string} dataDir
 */
function secretKey(dataDir) {
  const file = secretFile(dataDir);
  const text = env.LAPWING_SECRET_KEY ?? (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
  if (!/^[0-9a-f]{64}$/i.test(text.trim()))
    throw new LaunchError(
      `there is no secret key in ${file}: name the data folder with --data-dir, or set LAPWING_SECRET_KEY or LAPWING_SECRET_KEY_FILE`,
    );
  return text.trim();
}

/**
 * Copies all keys into a folder.
 * @param {string} dataDir
 * @param {string} folder
 * @returns {string[]} their names
 */
export function saveKeys(dataDir, folder) {
  const put = (/** @type {string} */ name, /** @type {string | Buffer} */ content) => {
    const target = path.join(folder, name);
    fs.mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
    fs.writeFileSync(target, content, { mode: 0o600, flag: 'wx', flush: true });
    return name;
  };
  const names = [put('secret.key', secretKey(dataDir))];
  for (const { name, file } of keyFiles(dataDir)) names.push(put(name, fs.readFileSync(file)));
  if (!names.includes('nats/authority.json'))
    step('NOTE: no keys of NATS were found: where agents enrol, save authority.json and the credentials yourself');
  return names;
}

/**
 * Says, before anything is changed, why keys cannot be put back.
 * @param {string} folder
 * @param {string} dataDir
 */
export function checkKeys(folder, dataDir) {
  const saved = fs.readFileSync(path.join(folder, 'secret.key'), 'utf8').trim();
  if (env.LAPWING_SECRET_KEY && env.LAPWING_SECRET_KEY.trim() !== saved)
    throw new LaunchError(
      `LAPWING_SECRET_KEY is not the key of this backup, and could open none of its secrets: set it to what ${path.join(folder, 'secret.key')} holds, or unset it`,
    );
  fs.mkdirSync(dataDir, { recursive: true });
  fs.accessSync(dataDir, fs.constants.W_OK);
}

/**
 * Puts keys where they belong. What is there and differs is moved aside first.
 * @param {string} folder
 * @param {string[]} names
 * @param {string} dataDir
 * @returns {{ written: number, aside: string | undefined, homeless: string[] }}
 */
export function restoreKeys(folder, names, dataDir) {
  const asideFolder = path.join(dataDir, `replaced-keys-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`);
  const homeless = [];
  let written = 0;
  for (const name of names) {
    const target = name === 'secret.key' && env.LAPWING_SECRET_KEY ? undefined : placeOf(name, dataDir);
    if (target === undefined) {
      if (name !== 'secret.key') homeless.push(name);
      continue;
    }
    const content = fs.readFileSync(path.join(folder, name));
    if (fs.existsSync(target) && fs.readFileSync(target).equals(content)) continue;
    if (fs.existsSync(target)) keepAside(target, path.join(asideFolder, name));
    fs.mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
    const temporary = `${target}.${randomBytes(6).toString('hex')}.restoring`;
    fs.writeFileSync(temporary, content, { mode: 0o600, flag: 'wx', flush: true });
    fs.renameSync(temporary, target);
    written++;
  }
  return { written, aside: fs.existsSync(asideFolder) ? asideFolder : undefined, homeless };
}

/**
 * @param {string} file
 * @param {string} aside
 */
function keepAside(file, aside) {
  fs.mkdirSync(path.dirname(aside), { recursive: true, mode: 0o700 });
  fs.copyFileSync(file, aside, fs.constants.COPYFILE_EXCL);
  fs.chmodSync(aside, 0o600);
}
