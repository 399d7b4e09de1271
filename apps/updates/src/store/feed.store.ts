import type { ReleaseChannel } from '@lapwing/contracts';
import { instant, type Schema } from '@lapwing/postgres';
import { Feed, type FeedMark } from '../domain/feed.js';

/** A feed that was believed. */
export interface KnownFeed extends FeedMark {
  feed: Feed;
  /** When it was fetched and believed, milliseconds since 1970. */
  checkedAt: number;
}

/** A feed as it is kept; without its content where another version has kept what this one does not understand. */
export type StoredFeed = Omit<KnownFeed, 'feed'> & { feed: Feed | undefined };

/** The newest feed of each channel that was believed. */
export class FeedStore {
  constructor(private readonly schema: Schema) {}

  /** The one of a channel. */
  async find(channel: ReleaseChannel): Promise<StoredFeed | undefined> {
    const { rows } = await this.schema.query<{
      sequence: number;
      digest: string;
      issuedAt: number;
      document: unknown;
      checkedAt: number;
    }>(
      'feed.find',
      `SELECT sequence, digest, issued_at AS "issuedAt", document, checked_at AS "checkedAt" FROM updates.feed WHERE channel = $1`,
      [channel],
    );
    const [row] = rows;
    if (!row) return undefined;
    return {
      sequence: row.sequence,
      digest: row.digest,
      issuedAt: row.issuedAt,
      // Another version may have kept what this one does not understand: its number counts all the same.
      feed: Feed.safeParse(row.document).data,
      checkedAt: row.checkedAt,
    };
  }

  /** Keeps a feed, unless one that is newer came meanwhile. False then. */
  async put({ sequence, digest, issuedAt, feed, checkedAt }: KnownFeed): Promise<boolean> {
    const { count } = await this.schema.query(
      'feed.put',
      `INSERT INTO updates.feed AS known (channel, sequence, digest, issued_at, document, checked_at)
       VALUES ($1, $2, $3, ${instant('$4')}, $5, ${instant('$6')})
       ON CONFLICT (channel) DO UPDATE SET sequence = excluded.sequence, digest = excluded.digest, issued_at = excluded.issued_at,
         document = excluded.document, checked_at = excluded.checked_at
       WHERE known.sequence < excluded.sequence OR (known.sequence = excluded.sequence AND known.digest = excluded.digest)`,
      [feed.channel, sequence, digest, issuedAt, JSON.stringify(feed), checkedAt],
    );
    return count > 0;
  }
}
