import { instant, type Schema, type Statements } from '@lapwing/postgres';
import type { FlapState } from '../domain/quiet/flapping.js';
import type { RateState } from '../domain/quiet/rate.js';
import { alertColumns, type AlertRow } from './alert-row.js';

/** Something that happened to an alert. */
export interface ChangeRow extends AlertRow {
  changeId: number;
  kind: 'fired' | 'level' | 'resolved' | 'cleared' | 'acknowledged' | 'unacknowledged';
  at: number;
  /** When the sample that made it was taken, and when it was judged; null where that does not count. */
  watchedAt: number | null;
  detectedAt: number | null;
}

/** What is remembered of an alert from one time to the next. */
export interface AlertMemory {
  flaps: FlapState;
  told: RateState;
}

/** What happened to alerts and has led to nothing yet, and what is remembered of them. */
export class ChangeStore {
  constructor(private readonly schema: Schema) {}

  /** The oldest changes that led to nothing yet. */
  async unrouted(limit: number): Promise<ChangeRow[]> {
    const { rows } = await this.schema.query<ChangeRow>(
      'change.unrouted',
      `SELECT c.id AS "changeId", c.kind, c.at, c.watched_at AS "watchedAt", c.detected_at AS "detectedAt", ${alertColumns} FROM alerting.change c JOIN alerting.alert a USING (occurrence)
       WHERE NOT c.routed ORDER BY c.id LIMIT $1`,
      [limit],
    );
    return rows;
  }

  /** Notes that changes lead to what they lead to. Returns those that nobody else has noted. */
  async take(statements: Statements, ids: readonly number[]): Promise<number[]> {
    const { rows } = await statements.query<{ id: number }>(
      'UPDATE alerting.change SET routed = true WHERE id = ANY($1) AND NOT routed RETURNING id',
      [ids],
    );
    return rows.map(({ id }) => id);
  }

  /** What is remembered of alerts. */
  async memories(statements: Statements, alertIds: readonly string[]): Promise<Map<string, AlertMemory>> {
    const { rows } = await statements.query<AlertMemory & { id: string }>(
      'SELECT alert_id AS id, flaps, told FROM alerting.memory WHERE alert_id = ANY($1)',
      [alertIds],
    );
    return new Map(rows.map(({ id, flaps, told }) => [id, { flaps, told }]));
  }

  /** Remembers something of alerts. */
  async remember(statements: Statements, memories: ReadonlyMap<string, AlertMemory>, now: number): Promise<void> {
    const records = [...memories].map(([id, memory]) => ({ id, ...memory }));
    await statements.query(
      `INSERT INTO alerting.memory (alert_id, flaps, told, updated_at)
       SELECT x.id, x.flaps, x.told, ${instant('$2')} FROM jsonb_to_recordset($1::jsonb) AS x(id text, flaps jsonb, told jsonb)
       ON CONFLICT (alert_id) DO UPDATE SET flaps = excluded.flaps, told = excluded.told, updated_at = excluded.updated_at`,
      [JSON.stringify(records), now],
    );
  }

  /** Marks the alerts that come and go too often. */
  async markFlapping(statements: Statements, occurrences: readonly number[]): Promise<void> {
    await statements.query('UPDATE alerting.alert SET flapping = true WHERE occurrence = ANY($1) AND NOT flapping', [
      occurrences,
    ]);
  }
}
