import type { Postgres } from '@lapwing/postgres';

const PIECE = 20_000;

/** Keeps the counts of lines from growing for ever. */
export class VolumeStore {
  constructor(private readonly postgres: Postgres) {}

  /** Deletes counts of minutes whose lines are gone. */
  async tidy(): Promise<void> {
    for (let count = PIECE; count >= PIECE;) {
      const result = await this.postgres.query(
        'volume.tidy',
        `DELETE FROM logs.volume WHERE (minute, stream_id, level) IN (
           SELECT minute, stream_id, level FROM logs.volume
           WHERE minute < (SELECT date_trunc('minute', logs.floor())) OR (lines <= 0 AND minute < now() - interval '1 hour') LIMIT ${PIECE})`,
      );
      count = result.count;
    }
  }
}
