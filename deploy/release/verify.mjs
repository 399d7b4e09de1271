// `lapwing-release verify`: looks at a folder as an installation would, and at every file that its feeds name.
import { ReleaseChannel } from '@lapwing/contracts';
import { feedProblem } from '@lapwing/updates/domain/feed';
import fs from 'node:fs';
import path from 'node:path';
import { LaunchError, step } from '../local/steps.mjs';
import { fileOf, readFeed } from './feed.mjs';
import { readJson, sha256Of } from './files.mjs';

/** @typedef {import('@lapwing/updates/domain/feed').FeedRelease} FeedRelease */

/**
 * Throws with all that is wrong.
 * @param {{ feed: string, trusted: string[], channel?: string | undefined }} options
 */
export async function verify({ feed: folder, trusted, channel: wanted }) {
  const channels = ReleaseChannel.options.filter((channel) => channel === (wanted ?? channel));
  const there = channels.filter((channel) => fs.existsSync(fileOf(folder, channel)));
  if (there.length === 0) throw new LaunchError(`${folder} has no feed ${channels.join('.json or ')}.json`);
  /** @type {string[]} */
  const problems = [];
  /** @type {Map<string, FeedRelease>} */
  const releases = new Map();
  for (const channel of there) {
    const { problem, found } = feedOf(folder, channel, trusted);
    if (problem) problems.push(problem);
    // A release of both channels is looked at once, unless they say different things of it.
    for (const release of found) releases.set(JSON.stringify(release), release);
  }
  for (const release of releases.values()) problems.push(...(await problemsOf(folder, release)));
  if (problems.length > 0)
    throw new LaunchError(`the feed is NOT good:\n${problems.map((one) => `  ${one}`).join('\n')}`);
  step(`the feed is good: ${there.join(' and ')}, ${releases.size} release(s)`);
}

/**
 * @param {string} folder
 * @param {ReleaseChannel} channel
 * @param {string[]} trusted
 * @returns {{ problem?: string | undefined, found: FeedRelease[] }}
 */
function feedOf(folder, channel, trusted) {
  try {
    const feed = readFeed(fileOf(folder, channel), channel, trusted);
    const problem = feedProblem(feed, '', { channel, seen: undefined, now: Date.now() });
    return { problem: problem && `${channel}.json: ${problem}`, found: feed.releases };
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    return { problem: error.message, found: [] };
  }
}

/**
 * What is wrong with the files of a release.
 * @param {string} folder
 * @param {FeedRelease} release
 * @returns {Promise<string[]>}
 */
async function problemsOf(folder, release) {
  const { file, size, sha256, sbom } = release;
  return [
    await wrong(folder, file, sha256, size),
    sumProblem(folder, file, sha256),
    (await wrong(folder, sbom.file, sbom.sha256)) ?? billProblem(folder, release),
  ].filter((problem) => problem !== undefined);
}

/**
 * @param {string} folder
 * @param {string} name
 * @param {string} sha256
 * @param {number} [size]
 */
async function wrong(folder, name, sha256, size) {
  const file = path.join(folder, name);
  const state = fs.statSync(file, { throwIfNoEntry: false });
  if (!state?.isFile()) return `${name} is missing`;
  if (size !== undefined && state.size !== size) return `${name} has ${state.size} bytes, not ${size}`;
  const actual = await sha256Of(file);
  return actual === sha256 ? undefined : `${name} has the SHA-256 ${actual}, not ${sha256}`;
}

/**
 * @param {string} folder
 * @param {string} name
 * @param {string} sha256
 */
function sumProblem(folder, name, sha256) {
  const file = path.join(folder, `${name}.sha256`);
  if (!fs.existsSync(file)) return `${name}.sha256 is missing`;
  return fs.readFileSync(file, 'utf8') === `${sha256}  ${name}\n` ? undefined : `${name}.sha256 says something else`;
}

/**
 * @param {string} folder
 * @param {FeedRelease} release
 */
function billProblem(folder, { sbom, version }) {
  try {
    const { bomFormat, metadata } = readJson(path.join(folder, sbom.file));
    if (bomFormat === 'CycloneDX' && metadata.component.version === version) return undefined;
  } catch {
    // told below
  }
  return `${sbom.file} is no bill of materials of ${version}`;
}
