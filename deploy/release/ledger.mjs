// What was signed last into each folder, kept beside the key: the folder is on a web server, and whoever holds that could put an older document back and
// have it signed anew.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LaunchError } from '../local/steps.mjs';
import { writeWhole } from './files.mjs';

/** @typedef {{ sequence: number, digest: string }} Mark */
/** @typedef {import('@lapwing/contracts').ReleaseChannel} ReleaseChannel */

/**
 * Refuses a folder whose document is not the newest that this key has signed there; one that another machine has signed since may be newer.
 * @param {string} ledger file beside the key
 * @param {string} folder
 * @param {ReleaseChannel} channel
 * @param {{ sequence: number, text: string } | undefined} there the document that is in the folder
 */
export function checkNewest(ledger, folder, channel, there) {
  const last = read(ledger)[path.resolve(folder)]?.[channel];
  if (!last) return;
  const known = `number ${last.sequence} was signed with this key`;
  if (!there)
    throw new LaunchError(`${channel}.json is not in ${folder}, and ${known}: bring it back, or see why it is gone`);
  if (there.sequence < last.sequence || (there.sequence === last.sequence && digestOf(there.text) !== last.digest))
    throw new LaunchError(
      `${channel}.json in ${folder} is number ${there.sequence} and not what ${known} (${ledger}): somebody has put an older one there; bring the newest back first`,
    );
}

/**
 * @param {string} ledger
 * @param {string} folder
 * @param {ReleaseChannel} channel
 * @param {{ sequence: number, text: string }} signed
 */
export function noteSigned(ledger, folder, channel, { sequence, text }) {
  const all = read(ledger);
  const place = path.resolve(folder);
  const noted = { ...all, [place]: { ...all[place], [channel]: { sequence, digest: digestOf(text) } } };
  writeWhole(ledger, `${JSON.stringify(noted, null, 2)}\n`);
}

/**
 * @param {string} ledger
 * @returns {Record<string, Partial<Record<ReleaseChannel, Mark>>>}
 */
function read(ledger) {
  return fs.existsSync(ledger) ? JSON.parse(fs.readFileSync(ledger, 'utf8')) : {};
}

/** @param {string} text of an envelope */
function digestOf(text) {
  const { payload } = JSON.parse(text);
  return createHash('sha256').update(payload).digest('hex');
}
