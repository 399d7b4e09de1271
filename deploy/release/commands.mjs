// What the commands of `lapwing-release` do, out of their options.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from '../local/options.mjs';
import { LaunchError, step } from '../local/steps.mjs';
import { pack } from './archive.mjs';
import { channelsOf, checkChannel, sign } from './feed.mjs';
import { ledgerOf, makeKeyFiles, privateKeys, signingKeys, trustedKeys } from './keys.mjs';
import { days, existing, feedUrl, given, one } from './options.mjs';
import { checkVersion, stage } from './stage.mjs';
import { verify } from './verify.mjs';

/** Characters of notes; the feed takes no more. */
const MAX_NOTES = 65_536;

/** @typedef {import('./options.mjs').Values} Values */

/** By name. @type {Record<'release' | 'keygen' | 'stage' | 'pack' | 'sign' | 'verify', (values: Values) => Promise<void> | void>} */
export const commands = {
  keygen(values) {
    const file = given(values, 'out');
    const { publicKey, keyId } = makeKeyFiles(file);
    process.stdout.write(
      `${publicKey}\nkey id: ${keyId}\nprivate key: ${file} (keep it offline, and a copy elsewhere)\n`,
    );
  },

  async stage(values) {
    const keys = privateKeys(values);
    const withPostgres = !values['without-postgres'];
    await stage({ ...stageOf(values, keys), version: given(values, 'version'), to: given(values, 'to'), withPostgres });
  },

  async pack(values) {
    const archive = await pack(existing('from', given(values, 'from')), given(values, 'out'));
    process.stdout.write(`${archive}\n`);
  },

  async sign(values) {
    const keys = signingKeys(values);
    const archive = one(values, 'archive');
    if (archive !== undefined) existing('archive', archive);
    await sign({ ...signingOf(values, keys), feed: given(values, 'feed'), archive, notes: notesOf(values) });
  },

  async verify(values) {
    const channel = one(values, 'channel');
    if (channel !== undefined) checkChannel(channel);
    await verify({ feed: existing('feed', given(values, 'feed')), trusted: trustedKeys(values), channel });
  },

  async release(values) {
    const keys = signingKeys(values);
    const version = given(values, 'version');
    const feed = given(values, 'out');
    const notes = notesOf(values);
    const signing = signingOf(values, keys);
    const staging = stageOf(values, keys);
    checkVersion(version);
    if (signing.channel !== undefined) checkChannel(signing.channel);
    channelsOf(version, signing.channel);
    sayWhetherClean();
    const place = fs.mkdtempSync(path.join(os.tmpdir(), 'lapwing-release-'));
    try {
      await stage({ ...staging, version, to: place });
      const archive = await pack(place, feed);
      await sign({ ...signing, feed, archive, notes });
      await verify({ feed, trusted: signing.trusted });
      process.stdout.write(`${archive}\n`);
    } finally {
      fs.rmSync(place, { recursive: true, force: true });
    }
  },
};

/**
 * @param {Values} values
 * @param {string[]} keys
 */
function stageOf(values, keys) {
  const trusted = trustedKeys(values, keys);
  if (trusted.length === 0) step('NOTE: no --key and no --trust: an installation of this believes no release');
  const agentStatement = one(values, 'agent-statement');
  if (agentStatement !== undefined) existing('agent-statement', agentStatement);
  return { feedUrl: feedUrl(one(values, 'feed-url')), trusted, keys, agentStatement };
}

/**
 * @param {Values} values
 * @param {string[]} keys
 */
function signingOf(values, keys) {
  const channel = one(values, 'channel');
  return {
    keys,
    trusted: trustedKeys(values, keys),
    days: days(one(values, 'expires-days')),
    channel,
    ledger: ledgerOf(values),
  };
}

/** @param {Values} values */
function notesOf(values) {
  const file = one(values, 'notes');
  if (file === undefined) return undefined;
  const text = fs.readFileSync(existing('notes', file), 'utf8');
  if (text.length > MAX_NOTES)
    throw new LaunchError(`the notes have ${text.length} characters, more than ${MAX_NOTES}`);
  return text;
}

/** Only what is committed can be made again. */
function sayWhetherClean() {
  const { status, stdout } = spawnSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' });
  if (status !== 0 || stdout !== '')
    step('NOTE: this is not a clean checkout of a commit: nobody can make this release again');
}
