import type { Postgres } from '@lapwing/postgres';

const PIECE = 20_000;
const GONE = `minute < (SELECT date_trunc('minute', logs.floor())) OR (lines <= 0 AND minute < now() - interval '1 hour')`;

/** Keeps the counts of lines from growing for ever. */
export class VolumeStore {
  constructor(private readonly postgres: Postgres) {}

  /** Deletes counts of minutes whose lines are gone. */
  async tidy(): Promise<void> {
    for (let count = PIECE; count >= PIECE;) {
      const result = await this.postgres.query(
        'volume.tidy',
        // Said twice: lines may be counted into a row while this waits for it, and then it must stay.
        `DELETE FROM logs.volume WHERE (${GONE}) AND (minute, stream_id, level) IN (
           SELECT minute, stream_id, level FROM logs.volume WHERE ${GONE} LIMIT ${PIECE})`,
      );
      count = result.count;
    }
  }
}
