import type { Postgres } from '@lapwing/postgres';

/** Keeps the hypertable of lines within its bounds, where there is TimescaleDB. */
export class ChunkStore {
  constructor(private readonly postgres: Postgres) {}

  /** Drops the oldest chunks while all take more than `maxBytes` or they are too old; never the newest. Volume of their time goes with them. */
  async trim(maxBytes: number, keptSince: number): Promise<void> {
    const { rows } = await this.postgres.query<{ ends: number; bytes: number }>(
      'chunk.list',
      `SELECT c.range_end AS ends, d.total_bytes AS bytes FROM timescaledb_information.chunks c
       JOIN chunks_detailed_size('logs.entry') d USING (chunk_schema, chunk_name)
       WHERE c.hypertable_schema = 'logs' AND c.hypertable_name = 'entry' ORDER BY c.range_start`,
    );
    let bytes = rows.reduce((sum, chunk) => sum + chunk.bytes, 0);
    for (const { ends, bytes: own } of rows.slice(0, -1)) {
      if (bytes <= maxBytes && ends > keptSince) return;
      await this.postgres.transaction('chunk.drop', async (transaction) => {
        await transaction.query(`SET LOCAL lock_timeout = '1s'`);
        await transaction.query(`SELECT drop_chunks('logs.entry', older_than => $1::timestamptz)`, [new Date(ends)]);
        await transaction.query('DELETE FROM logs.volume WHERE minute < $1', [new Date(ends)]);
      });
      bytes -= own;
    }
  }
}
