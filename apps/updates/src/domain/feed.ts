import { Release, ReleaseChannel, Version } from '@lapwing/contracts';
import { z } from 'zod';

/** The type of the signed statement that is a feed (DSSE). */
export const FEED_STATEMENT = 'application/vnd.lapwing.feed+json';

/** A feed larger than this is none: to verify and read so much takes some 10 ms. Bytes. */
export const MAX_FEED_BYTES = 2 ** 18;

/** The name of a file beside the feed: no folder, no address. */
const FileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,150}$/, 'a plain file name');
const Sha256 = Release.shape.sha256;
const Time = z.iso.datetime({ offset: true });

/** A release as the feed names it; its files lie beside the feed. */
export const FeedRelease = z.object({
  version: Version,
  platform: Release.shape.platform,
  releasedAt: Time,
  /** Markdown. */
  notes: Release.shape.notes,
  file: FileName,
  size: Release.shape.size,
  sha256: Sha256,
  sbom: z.object({ file: FileName, sha256: Sha256 }),
});
/** See {@link FeedRelease}. */
export type FeedRelease = z.infer<typeof FeedRelease>;

/**
 * The one signed document of a channel, `<channel>.json`. All its releases are signed together, so that none can be mixed with those of another
 * day; `sequence` grows with each, so that an older one is noticed; and it expires, so that whoever withholds newer ones is noticed.
 * Source of the threats: The Update Framework, specification 1.0, section 1.5.2.
 */
export const Feed = z.object({
  schema: z.literal(1),
  channel: ReleaseChannel,
  sequence: z.int().positive(),
  issuedAt: Time,
  expiresAt: Time,
  releases: z.array(FeedRelease).max(200),
});
/** See {@link Feed}. */
export type Feed = z.infer<typeof Feed>;

/** A feed may be issued by a clock that is so much ahead, milliseconds. */
const AHEAD_MS = 86_400_000;
/** Whoever could raise the number further at once could make every later feed look old. */
const MAX_STEP = 1_000_000;

/** What is known of the newest feed of a channel that was believed. */
export interface FeedMark {
  sequence: number;
  /** SHA-256 of the signed document, hexadecimal. */
  digest: string;
  /** Milliseconds since 1970. */
  issuedAt: number;
}

/**
 * Why a feed whose signature is good must not be believed all the same; undefined when it may.
 * @param seen the newest that was believed before; undefined without one.
 * @param now milliseconds since 1970; a clock that stands before what was believed earlier counts as that.
 */
export function feedProblem(
  feed: Feed,
  digest: string,
  { channel, seen, now }: { channel: ReleaseChannel; seen: FeedMark | undefined; now: number },
): string | undefined {
  if (feed.channel !== channel) return `the feed is of the channel "${feed.channel}", not "${channel}"`;
  if (seen && feed.sequence < seen.sequence)
    return `the feed is number ${feed.sequence}, older than number ${seen.sequence} that was seen before`;
  if (seen && feed.sequence === seen.sequence && digest !== seen.digest)
    return `there are two feeds of number ${feed.sequence}`;
  if (Date.parse(feed.issuedAt) > notBefore(now, seen?.issuedAt) + AHEAD_MS)
    return `the feed was issued at ${feed.issuedAt}, which by the clock of this server is still to come`;
  if (feed.sequence > (seen?.sequence ?? 0) + MAX_STEP)
    return `the feed is number ${feed.sequence}, far beyond number ${seen?.sequence ?? 0}: nothing could follow it`;
  if (seen && Date.parse(feed.issuedAt) < seen.issuedAt) return 'the feed was issued before one that was seen earlier';
  if (Date.parse(feed.expiresAt) <= notBefore(now, seen?.issuedAt)) return `the feed has expired at ${feed.expiresAt}`;
  return undefined;
}

/** The time, by a clock that may have been set back: never before what was signed and seen. Milliseconds since 1970. */
export function notBefore(now: number, seenAt: number | undefined): number {
  return Math.max(now, seenAt ?? 0);
}
