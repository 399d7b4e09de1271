import { logLevels, type LogEntry } from '@lapwing/contracts';
import { unnestColumns, type ColumnType, type Postgres, type Transaction } from '@lapwing/postgres';
import type { EntryKey } from '../domain/entry-id.js';

/** A line on its way into the database. */
export interface EntryRow extends EntryKey, Pick<LogEntry, 'message' | 'fields'> {
  /** See `levelNumber`. */
  level: number;
}

const COLUMNS = {
  time: 'timestamptz',
  seq: 'int8',
  stream_id: 'int4',
  line: 'int2',
  level: 'int2',
  message: 'text',
  fields: 'text',
} satisfies Record<string, ColumnType>;

const MINUTE_MS = 60_000;
const LEVELS = logLevels.length;

/** Writes lines, and how many there are. */
export class EntryStore {
  constructor(private readonly postgres: Postgres) {}

  /** Lines before this instant have no place any more: what was there has gone to make room. Milliseconds since 1970, or minus infinity. */
  async floor(): Promise<number> {
    const { rows } = await this.postgres.query<{ floor: number | null }>(
      'entry.floor',
      `SELECT nullif(logs.floor(), '-infinity') AS floor`,
    );
    return rows[0]?.floor ?? Number.NEGATIVE_INFINITY;
  }

  /** Writes lines. */
  async insert(transaction: Transaction, rows: EntryRow[]): Promise<void> {
    const { from, values } = unnestColumns(
      COLUMNS,
      rows.map((row) => [
        row.time,
        row.seq,
        row.streamId,
        row.line,
        row.level,
        row.message,
        Object.keys(row.fields).length > 0 ? JSON.stringify(row.fields) : null,
      ]),
      'incoming',
    );
    await transaction.query(
      `INSERT INTO logs.entry (time, seq, stream_id, line, level, message, fields)
       SELECT time, seq, stream_id, line, level, message, fields::jsonb FROM ${from}`,
      values,
      'entry.insert',
    );
  }

  /** Counts lines that this transaction wrote. After them, and once: two transactions that count the same streams wait for each other here. */
  async count(transaction: Transaction, volume: Volume): Promise<void> {
    const columns = { minute: 'timestamptz', stream_id: 'int4', level: 'int2', lines: 'int4' } as const;
    const { from, values } = unnestColumns(columns, volume.rows(), 'counted');
    await transaction.query(
      `INSERT INTO logs.volume AS v (minute, stream_id, level, lines)
       SELECT minute, stream_id, level, lines FROM ${from} ORDER BY minute, stream_id, level
       ON CONFLICT (minute, stream_id, level) DO UPDATE SET lines = v.lines + excluded.lines`,
      values,
      'volume.count',
    );
  }
}

/** Counts lines by minute, stream and level. */
export class Volume {
  /** By minute, then by stream and level in one number. */
  readonly #minutes = new Map<number, Map<number, number>>();

  add({ time, streamId, level }: Pick<EntryRow, 'time' | 'streamId' | 'level'>): void {
    const minute = time - (time % MINUTE_MS);
    let counts = this.#minutes.get(minute);
    if (counts === undefined) this.#minutes.set(minute, (counts = new Map()));
    const key = streamId * LEVELS + level;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }

  /** Minute, stream, level and lines of each. */
  rows(): number[][] {
    return [...this.#minutes].flatMap(([minute, counts]) =>
      [...counts].map(([key, lines]) => [minute, Math.floor(key / LEVELS), key % LEVELS, lines]),
    );
  }
}
