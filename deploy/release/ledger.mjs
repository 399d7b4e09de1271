// What was signed last into each folder, kept beside the key. The folder may be on a web server, and whoever holds that could put an older document
// back and have it signed anew; so the signer goes on from its own copy.
import fs from 'node:fs';
import path from 'node:path';
import { LaunchError } from '../local/steps.mjs';
import { writeWhole } from './files.mjs';

/** @typedef {import('@lapwing/contracts').ReleaseChannel} ReleaseChannel */
/** By folder and channel, the signed document. @typedef {Record<string, Partial<Record<ReleaseChannel, string>>>} Ledger */

/**
 * The document of a channel that was signed last into a folder; undefined when there is none.
 * @param {string} ledger file beside the key
 * @param {string} folder
 * @param {ReleaseChannel} channel
 */
export function lastSigned(ledger, folder, channel) {
  return read(ledger)[placeOf(folder)]?.[channel];
}

/**
 * Notes a document before it is published: the other way round, one that was published could be forgotten.
 * @param {string} ledger
 * @param {string} folder
 * @param {ReleaseChannel} channel
 * @param {string} text
 */
export function noteSigned(ledger, folder, channel, text) {
  const all = read(ledger);
  const place = placeOf(folder);
  try {
    writeWhole(ledger, `${JSON.stringify({ ...all, [place]: { ...all[place], [channel]: text } }, null, 2)}\n`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new LaunchError(
      `what is signed must be noted beside the key, and cannot be; nothing was published: ${message}`,
    );
  }
}

/**
 * @param {string} ledger
 * @returns {Ledger}
 */
function read(ledger) {
  if (!fs.existsSync(ledger)) return {};
  try {
    return JSON.parse(fs.readFileSync(ledger, 'utf8'));
  } catch {
    throw new LaunchError(`${ledger} is broken: bring it back from where the key is kept, too`);
  }
}

/** @param {string} folder */
function placeOf(folder) {
  return fs.existsSync(folder) ? fs.realpathSync(folder) : path.resolve(folder);
}
