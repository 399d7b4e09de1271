// `lapwing-release sign`: the feed of a channel is one signed document; a release is added to it, or it is issued anew.
import { ReleaseChannel } from '@lapwing/contracts';
import { signEnvelope, verifyEnvelope } from '@lapwing/signing';
import { FEED_STATEMENT, Feed, FeedRelease, MAX_FEED_BYTES } from '@lapwing/updates/domain/feed';
import fs from 'node:fs';
import path from 'node:path';
import semver from 'semver';
import { LaunchError, step } from '../local/steps.mjs';
import { manifestInside } from './archive.mjs';
import { inOrder, sha256Of, writeWhole } from './files.mjs';
import { lastSigned, noteSigned } from './ledger.mjs';

/** Of each platform, in a feed. */
const MAX_RELEASES = 20;
const DAY_MS = 86_400_000;
const NAME = /^lapwing-(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+?)?)-([a-z0-9]+-[a-z0-9]+)\.tar\.gz$/;

/**
 * @typedef {object} Signing
 * @property {string} feed the folder
 * @property {string[]} keys private keys in PEM; all of them sign
 * @property {string[]} trusted public keys that may have signed the feed as it is
 * @property {string} ledger file that knows what was signed last
 * @property {number} days for which the feed is believed
 * @property {string} [channel]
 * @property {string} [archive]
 * @property {string} [notes] the text of the release notes
 */

/** @param {Signing} options */
export async function sign(options) {
  const { feed: folder, archive, notes } = options;
  if (options.channel !== undefined) checkChannel(options.channel);
  if (archive === undefined) {
    if (notes !== undefined) throw new LaunchError('--notes wants --archive: notes are of a release');
    return renew(options);
  }
  const { version, platform } = partsOfName(archive);
  const channels = channelsOf(version, options.channel);
  await checkInside(archive, version, platform);
  const { files } = await bringIn(archive, folder);
  const release = FeedRelease.parse({ ...files, notes: notes ?? '', releasedAt: new Date().toISOString() });
  for (const channel of channels) issue(options, channel, release);
}

/**
 * The feeds in which a release stands. What is good enough for everybody is offered to those who try the next one, too.
 * @param {string} version
 * @param {string} [wanted]
 * @returns {ReleaseChannel[]}
 */
export function channelsOf(version, wanted) {
  const isCandidate = semver.prerelease(version) !== null;
  if (isCandidate && wanted === 'stable')
    throw new LaunchError(`${version} is a candidate, and does not go into the channel stable`);
  return isCandidate || wanted === 'rc' ? ['rc'] : ['stable', 'rc'];
}

/** @param {string} channel */
export function checkChannel(channel) {
  if (!ReleaseChannel.safeParse(channel).success)
    throw new LaunchError(`--channel must be ${ReleaseChannel.options.join(' or ')}, not "${channel}"`);
}

/**
 * Says again what is in the feeds, so that they do not expire.
 * @param {Signing} options
 */
function renew(options) {
  const wanted = ReleaseChannel.options.filter((channel) => channel === (options.channel ?? channel));
  const there = wanted.filter((channel) => fs.existsSync(fileOf(options.feed, channel)));
  if (there.length === 0) throw new LaunchError(`${options.feed} has no feed ${wanted.join('.json or ')}.json`);
  for (const channel of there) issue(options, channel);
}

/**
 * @param {Signing} options
 * @param {ReleaseChannel} channel
 * @param {FeedRelease} [release]
 */
function issue({ feed: folder, keys, trusted, days, ledger }, channel, release) {
  const file = fileOf(folder, channel);
  const before = newestOf(folder, channel, trusted, ledger);
  const others = (before?.releases ?? []).filter((other) => !isSame(other, release));
  // A clock that was set back must not make a feed that looks older than the one before.
  const issuedAt = Math.max(Date.now(), Date.parse(before?.issuedAt ?? '1970-01-01T00:00:00Z'));
  const head = {
    schema: /** @type {const} */ (1),
    channel,
    sequence: (before?.sequence ?? 0) + 1,
    issuedAt: new Date(issuedAt).toISOString(),
    expiresAt: new Date(issuedAt + days * DAY_MS).toISOString(),
  };
  const text = signed(head, release ? [release, ...others] : others, keys);
  noteSigned(ledger, folder, channel, text);
  writeWhole(file, text);
  step(`${path.basename(file)} is number ${head.sequence}, and expires at ${head.expiresAt}`);
}

/**
 * The newest document of a channel: what is in the folder, or what was signed last into it when somebody has put an older one there.
 * @param {string} folder
 * @param {ReleaseChannel} channel
 * @param {string[]} trusted
 * @param {string} ledger
 */
function newestOf(folder, channel, trusted, ledger) {
  const file = fileOf(folder, channel);
  const there = fs.existsSync(file) ? readFeed(file, channel, trusted) : undefined;
  const text = lastSigned(ledger, folder, channel);
  const last = text === undefined ? undefined : verifyEnvelope(text, FEED_STATEMENT, Feed, trusted);
  if (!last || (there && there.sequence > last.sequence)) return there;
  if (there?.sequence !== last.sequence)
    step(
      `NOTE: ${channel}.json in ${folder} is not number ${last.sequence}, which was signed last: going on from that`,
    );
  return last;
}

/**
 * The signed document, with as many of the newest releases as it may hold.
 * @param {Omit<Feed, 'releases'>} head
 * @param {FeedRelease[]} releases
 * @param {string[]} keys
 */
function signed(head, releases, keys) {
  for (let kept = MAX_RELEASES; kept > 0; kept--) {
    const feed = Feed.safeParse({ ...head, releases: newest(releases, kept) });
    const text = feed.success ? `${JSON.stringify(signEnvelope(FEED_STATEMENT, feed.data, keys))}\n` : undefined;
    if (text !== undefined && Buffer.byteLength(text) <= MAX_FEED_BYTES) return text;
  }
  throw new LaunchError(`the feed would be larger than ${MAX_FEED_BYTES} bytes: shorten the notes`);
}

/**
 * @param {FeedRelease[]} releases
 * @param {number} count of each platform
 */
function newest(releases, count) {
  const sorted = releases.toSorted((a, b) => semver.rcompare(a.version, b.version) || inOrder(a.platform, b.platform));
  return sorted.filter(
    ({ platform }, index) => sorted.slice(0, index).filter((other) => other.platform === platform).length < count,
  );
}

/**
 * @param {FeedRelease} a
 * @param {FeedRelease | undefined} b
 */
const isSame = (a, b) => a.version === b?.version && a.platform === b.platform;

/**
 * A feed that one of these keys has signed. Whether it has expired does not matter here.
 * @param {string} file
 * @param {ReleaseChannel} channel
 * @param {string[]} trusted
 */
export function readFeed(file, channel, trusted) {
  const feed = believed(file, trusted);
  if (feed.channel !== channel) throw new LaunchError(`${file} is the feed of the channel ${feed.channel}`);
  return feed;
}

/**
 * @param {string} file
 * @param {string[]} trusted
 */
function believed(file, trusted) {
  try {
    return verifyEnvelope(fs.readFileSync(file, 'utf8'), FEED_STATEMENT, Feed, trusted);
  } catch (error) {
    throw new LaunchError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * @param {string} folder
 * @param {ReleaseChannel} channel
 */
export const fileOf = (folder, channel) => path.join(folder, `${channel}.json`);

/** @param {string} archive */
function partsOfName(archive) {
  const [, version = '', platform = ''] = NAME.exec(path.basename(archive)) ?? [];
  if (version === '' || !semver.valid(version))
    throw new LaunchError(`--archive must be a file that "pack" made, lapwing-VERSION-PLATFORM.tar.gz, not ${archive}`);
  return { version, platform };
}

/**
 * A name is soon changed: what is signed as a version must be that version.
 * @param {string} archive
 * @param {string} version
 * @param {string} platform
 */
async function checkInside(archive, version, platform) {
  const manifest = await manifestInside(archive, version).catch(() => undefined);
  if (manifest?.version !== version || manifest.platform !== platform)
    throw new LaunchError(`${archive} is no release ${version} for ${platform}, whatever its name says`);
}

/**
 * Puts an archive and what belongs to it into the folder of the feed, and says what they are.
 * @param {string} archive
 * @param {string} folder
 */
async function bringIn(archive, folder) {
  const parts = partsOfName(archive);
  const file = path.basename(archive);
  const sbom = file.replace(/\.tar\.gz$/, '.sbom.json');
  fs.mkdirSync(folder, { recursive: true });
  for (const name of [file, `${file}.sha256`, sbom]) {
    const source = path.join(path.dirname(archive), name);
    const target = path.join(folder, name);
    if (!fs.existsSync(source)) throw new LaunchError(`${source} is missing: pack the release again`);
    if (path.resolve(source) !== path.resolve(target)) copyWhole(source, target);
  }
  const place = path.join(folder, file);
  const sha256 = await sha256Of(place);
  if (fs.readFileSync(`${place}.sha256`, 'utf8') !== `${sha256}  ${file}\n`)
    throw new LaunchError(`${archive} is not what its .sha256 says: pack the release again`);
  const { size } = fs.statSync(place);
  return {
    files: { ...parts, file, size, sha256, sbom: { file: sbom, sha256: await sha256Of(path.join(folder, sbom)) } },
  };
}

/**
 * @param {string} source
 * @param {string} target
 */
function copyWhole(source, target) {
  fs.copyFileSync(source, `${target}.tmp`, fs.constants.COPYFILE_FICLONE);
  fs.renameSync(`${target}.tmp`, target);
}
