// What stands in a backup beside the data: of what and when it is, and a checksum of every file, so that damage is found before anything is changed.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { root } from '../local/options.mjs';
import { LaunchError } from '../local/steps.mjs';

/**
 * @typedef {{ file: string, bytes: number, sha256: string }} Checked
 * @typedef {{ format: number, version: string, createdAt: string, rows: Record<string, number>, files: Checked[], keys: string[],
 *   database: { server: string, migrations: Record<string, string[]>, tables: any[], sequences: any[] } }} Manifest
 */

export const FORMAT = 1;
const MANIFEST = 'manifest.json';
const SEAL = 'manifest.sha256';
const MAX_MANIFEST = 2 ** 26;

/** The version of this Lapwing. @returns {string} */
export const ownVersion = () => JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')).version;

/**
 * @param {string} file
 * @returns {Promise<string>} SHA-256, hexadecimal
 */
async function sha256(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * @param {string} folder
 * @param {string} file relative to it
 * @returns {Promise<Checked>}
 */
export async function checked(folder, file) {
  const full = path.join(folder, file);
  return { file, bytes: fs.statSync(full).size, sha256: await sha256(full) };
}

/**
 * @param {string} folder
 * @param {Manifest} manifest
 */
export async function writeManifest(folder, manifest) {
  const write = (/** @type {string} */ name, /** @type {string} */ text) =>
    fs.writeFileSync(path.join(folder, name), text, { mode: 0o600, flush: true });
  write(MANIFEST, `${JSON.stringify(manifest, null, 1)}\n`);
  write(SEAL, `${await sha256(path.join(folder, MANIFEST))}  ${MANIFEST}\n`);
}

/**
 * Reads a backup's manifest and checks every file that it names.
 * @param {string} folder
 * @returns {Promise<Manifest>}
 * @throws LaunchError for what is no backup, is damaged, or is newer than this Lapwing.
 */
export async function readBackup(folder) {
  const damaged = (/** @type {string} */ what) => new LaunchError(`the backup ${folder} is damaged: ${what}`);
  const file = path.join(folder, MANIFEST);
  if (!fs.existsSync(file) || !fs.existsSync(path.join(folder, SEAL)))
    throw new LaunchError(`${folder} is no backup, or not a whole one: it has no ${MANIFEST} with its checksum`);
  if (fs.statSync(file).size > MAX_MANIFEST) throw damaged(`${MANIFEST} is too large`);
  if (fs.readFileSync(path.join(folder, SEAL), 'utf8').split(' ')[0] !== (await sha256(file)))
    throw damaged(`${MANIFEST} is not what it was`);
  /** @type {Manifest} */
  const manifest = JSON.parse(fs.readFileSync(file, 'utf8'));
  if (manifest.format > FORMAT || isNewer(manifest.version, ownVersion()))
    throw new LaunchError(
      `the backup is of Lapwing ${manifest.version}, and this is ${ownVersion()}: install that version, or a later one`,
    );
  for (const { file: name, bytes, sha256: expected } of manifest.files) {
    if (!/^[\w][\w./-]*$/.test(name) || name.split('/').includes('..')) throw damaged(`"${name}" is no name of a file`);
    const full = path.join(folder, name);
    const found = fs.lstatSync(full, { throwIfNoEntry: false });
    if (!found?.isFile()) throw damaged(`${name} is missing`);
    if (found.size !== bytes || (await sha256(full)) !== expected) throw damaged(`${name} is not what it was`);
  }
  const named = new Set(manifest.files.map(({ file: name }) => name));
  const wanted = [...manifest.database.tables.map((table) => `database/${table.file}`), ...manifest.keys.map(keyPath)];
  const unnamed = wanted.find((name) => !named.has(name));
  if (unnamed) throw damaged(`${unnamed} has no checksum`);
  return manifest;
}

/** Where a key lies in a backup. @param {string} name */
export const keyPath = (name) => `keys/${name}`;

/**
 * @param {string} one
 * @param {string} other
 */
function isNewer(one, other) {
  const parts = (/** @type {string} */ version) => version.split(/[.+-]/).slice(0, 3).map(Number);
  const [a, b] = [parts(one), parts(other)];
  const at = a.findIndex((part, index) => part !== b[index]);
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0);
}
