// The keys that sign releases. A private key is only ever in a file that nobody else can read, and is never shown.
import { isPublicKey, keyIdOf, makeKeys, publicKeyOf } from '@lapwing/signing';
import fs from 'node:fs';
import { LaunchError } from '../local/steps.mjs';
import { many } from './options.mjs';

/** At most so many can sign: an envelope holds eight signatures. */
const MAX_KEYS = 8;

/**
 * Makes a key: `file` holds the private half, `file.pub` the public one.
 * @param {string} file
 */
export function makeKeyFiles(file) {
  const { privateKey, publicKey } = makeKeys();
  writeNew(file, privateKey, 0o600);
  try {
    writeNew(`${file}.pub`, `${publicKey}\n`, 0o644);
  } catch (error) {
    fs.rmSync(file);
    throw error;
  }
  return { publicKey, keyId: keyIdOf(publicKey) };
}

/**
 * @param {string} file
 * @param {string} text
 * @param {number} mode
 */
function writeNew(file, text, mode) {
  try {
    fs.writeFileSync(file, text, { mode, flag: 'wx' });
    // The mode of a new file is less what the process masks.
    fs.chmodSync(file, mode);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new LaunchError(`${file} is there already: a key is never overwritten`);
  }
}

/**
 * The private keys that were named, in PEM; none where none was named.
 * @param {import('./options.mjs').Values} values
 */
export function privateKeys(values) {
  const files = keyFiles(values);
  if (files.length > MAX_KEYS) throw new LaunchError(`at most ${MAX_KEYS} keys can sign`);
  return files.map(readKey);
}

/** @param {import('./options.mjs').Values} values */
function keyFiles(values) {
  const named = many(values, 'key');
  const { LAPWING_RELEASE_KEY_FILE: other } = process.env;
  return named.length > 0 ? named : other ? [other] : [];
}

/**
 * The file beside the first key that knows what was signed with it.
 * @param {import('./options.mjs').Values} values
 */
export function ledgerOf(values) {
  return `${keyFiles(values)[0] ?? 'release'}.signed.json`;
}

/**
 * The same, at least one.
 * @param {import('./options.mjs').Values} values
 */
export function signingKeys(values) {
  const keys = privateKeys(values);
  if (keys.length === 0) throw new LaunchError('name the private key: --key FILE, or LAPWING_RELEASE_KEY_FILE');
  return keys;
}

/** @param {string} file */
function readKey(file) {
  const state = fs.statSync(file, { throwIfNoEntry: false });
  if (!state?.isFile()) throw new LaunchError(`there is no file ${file} with a private key`);
  if ((state.mode & 0o077) !== 0)
    throw new LaunchError(
      `others may read the private key in ${file}: take that away with chmod 0600, or change the key`,
    );
  const pem = fs.readFileSync(file, 'utf8');
  publicKeyOf(pem);
  return pem;
}

/**
 * All that are believed: of --trust, and the public halves of those that sign.
 * @param {import('./options.mjs').Values} values
 * @param {string[]} [own] private keys
 */
export function trustedKeys(values, own = []) {
  const named = many(values, 'trust');
  const odd = named.find((key) => !isPublicKey(key));
  if (odd !== undefined)
    throw new LaunchError('--trust must be a public key as keygen prints it: "ed25519:" and 32 bytes in base64');
  return [...new Set([...own.map(publicKeyOf), ...named])];
}
