// What the tools for releases do with files.
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

/**
 * SHA-256 of a file, hexadecimal. Reads it piece by piece.
 * @param {string} file
 */
export async function sha256Of(file) {
  const hash = createHash('sha256');
  await pipeline(fs.createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * Writes a file so that whoever reads it sees the old one or the new one, whole.
 * @param {string} file
 * @param {string} text
 */
export function writeWhole(file, text) {
  const other = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  const handle = fs.openSync(other, 'wx', 0o644);
  try {
    fs.writeFileSync(handle, text);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  fs.renameSync(other, file);
}

/** @param {string} file */
export const readJson = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));

/** Of texts, by code unit: the same on every machine, whatever its language. @param {string} a @param {string} b */
export const inOrder = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * All below a folder, in order: a folder before what is in it. Links are not followed.
 * @param {string} folder
 * @param {(relative: string, entry: fs.Dirent) => boolean} [wanted]
 * @param {string} [under]
 * @returns {Generator<{ relative: string, entry: fs.Dirent }>}
 */
export function* walk(folder, wanted = () => true, under = '') {
  const entries = fs.readdirSync(path.join(folder, under), { withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => inOrder(a.name, b.name))) {
    const relative = under === '' ? entry.name : `${under}/${entry.name}`;
    if (!wanted(relative, entry)) continue;
    yield { relative, entry };
    if (entry.isDirectory()) yield* walk(folder, wanted, relative);
  }
}
