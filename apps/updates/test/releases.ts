import { makeKeys, signEnvelope } from '@lapwing/signing';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { gzipSync } from 'node:zlib';
import type { Feed, FeedRelease } from '../src/domain/feed';
import { FEED_STATEMENT } from '../src/domain/feed';

/** An entry of an archive: its text, or where it leads. */
export interface Piece {
  name: string;
  text?: string;
  link?: string;
  type?: 'file' | 'link' | 'directory' | 'fifo' | 'character-device' | 'symlink';
  /** Bytes of zeros instead of a text. */
  zeros?: number;
}

export const platform = `${process.platform}-${process.arch}`;
export const keys = makeKeys();

/** Makes an archive (tar, gzip) of just these entries, however odd they are. */
export async function archiveOf(pieces: Piece[]): Promise<Buffer> {
  const archive = pack();
  const whole = buffer(archive);
  for (const { name, text = '', link, type, zeros } of pieces) {
    const content = zeros === undefined ? Buffer.from(text) : Buffer.alloc(zeros);
    if (link === undefined && (type === undefined || type === 'file')) archive.entry({ name, mode: 0o644 }, content);
    else archive.entry({ name, type: type ?? 'symlink', ...(link !== undefined && { linkname: link }) });
  }
  archive.finalize();
  return gzipSync(await whole);
}

/** What a small release holds that can be installed: it looks at itself, migrates nothing, and runs nothing. */
export function smallRelease(version: string, changes: Record<string, string> = {}): Piece[] {
  const files: Record<string, string> = {
    'package.json': JSON.stringify({ version, type: 'module' }),
    'release.json': JSON.stringify({ schema: 1, version, platform, feedUrl: null, trustedKeys: [] }),
    'apps/standalone/dist/self-test.js': `console.log('ok ${version}');`,
    'apps/updates/dist/migrate.js': '',
    'deploy/local/start.mjs': '',
    ...Object.fromEntries(
      ['settings', 'auth', 'metrics-store', 'log-store', 'fleet', 'alerting', 'updates'].map((app) => [
        `apps/${app}/migrations/0001_first.sql`,
        'SELECT 1;',
      ]),
    ),
    ...changes,
  };
  return Object.entries(files).map(([name, text]) => ({ name: `lapwing-${version}/${name}`, text }));
}

/** Puts a release beside the feed, and says how the feed is to name it. */
export async function putRelease(
  folder: string,
  version: string,
  pieces = smallRelease(version),
): Promise<FeedRelease> {
  const archive = await archiveOf(pieces);
  const file = `lapwing-${version}-${platform}.tar.gz`;
  await writeFile(path.join(folder, file), archive);
  const sha256 = createHash('sha256').update(archive).digest('hex');
  const releasedAt = '2026-01-15T10:30:00Z';
  const sbom = { file: `lapwing-${version}-${platform}.sbom.json`, sha256: 'cd'.repeat(32) };
  return {
    version,
    platform,
    releasedAt,
    notes: `what is new in ${version}`,
    file,
    size: archive.length,
    sha256,
    sbom,
  };
}

/** Signs a feed of these releases and puts it in place. */
export async function putFeed(
  folder: string,
  releases: FeedRelease[],
  changes: Partial<Feed> = {},
  privateKey = keys.privateKey,
): Promise<string> {
  const feed: Feed = {
    schema: 1,
    channel: 'stable',
    sequence: 1,
    issuedAt: new Date(Date.now() - 60_000).toISOString(),
    expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
    releases,
    ...changes,
  };
  const text = JSON.stringify(signEnvelope(FEED_STATEMENT, feed, [privateKey]));
  await writeFile(path.join(folder, `${feed.channel}.json`), text);
  return text;
}

/** The text of a feed that is in place. */
export const feedText = (folder: string, channel = 'stable'): Promise<string> =>
  readFile(path.join(folder, `${channel}.json`), 'utf8');
