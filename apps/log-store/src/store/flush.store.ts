import type { Schema } from '@lapwing/postgres';

const PIECE = 5000;
/** The oldest lines of stream $1, up to the instant $2. */
const OLDEST = `SELECT time, seq, line FROM logs.entry WHERE stream_id = $1 AND time <= $2 ORDER BY time, seq, line LIMIT ${PIECE}`;

/** Deletes lines that somebody wants to be gone. */
export class FlushStore {
  constructor(private readonly schema: Schema) {}

  /**
   * Deletes some of the oldest lines of a stream, and what the volume knows of them.
   * @param upTo lines after this instant stay, milliseconds since 1970.
   * @returns how many; 0 when none is left.
   */
  piece(streamId: number, upTo: number): Promise<number> {
    const upToDate = new Date(upTo);
    return this.schema.transaction('entry.flush', async (transaction) => {
      const { rows } = await transaction.query<{ end: number | null }>(`SELECT max(time) AS end FROM (${OLDEST}) e`, [
        streamId,
        upToDate,
      ]);
      const end = rows[0]?.end ?? null;
      if (end === null) {
        await transaction.query('UPDATE logs.stream SET last_at = NULL WHERE id = $1 AND last_at <= $2', [
          streamId,
          upToDate,
        ]);
        return 0;
      }
      // In the order in which those that store lock them.
      await transaction.query(
        `SELECT FROM logs.volume WHERE stream_id = $1 AND minute <= $2 ORDER BY minute, stream_id, level FOR UPDATE`,
        [streamId, new Date(end)],
      );
      const deleted = await transaction.query<{ lines: number }>(
        `WITH gone AS (
           DELETE FROM logs.entry e USING (${OLDEST}) o
           WHERE e.stream_id = $1 AND e.time = o.time AND e.seq = o.seq AND e.line = o.line RETURNING e.time, e.level),
         counted AS (SELECT date_trunc('minute', time) AS minute, level, count(*)::integer AS lines FROM gone GROUP BY 1, 2),
         less AS (
           UPDATE logs.volume v SET lines = v.lines - c.lines FROM counted c
           WHERE v.stream_id = $1 AND v.minute = c.minute AND v.level = c.level)
         SELECT count(*) AS lines FROM gone`,
        [streamId, upToDate],
      );
      return deleted.rows[0]?.lines ?? 0;
    });
  }
}
