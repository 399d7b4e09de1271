import { foldRanges, type Gap, type OutputOf, type SeqRange, type ledgerGet } from '@lapwing/contracts';
import { unnestColumns, type Postgres, type Transaction } from '@lapwing/postgres';
import type { Quarantine } from '../domain/admission.js';

/** A sample that is put aside. */
export interface QuarantinedRow {
  resourceId: number;
  outbox: string;
  seq: number;
  time: number;
  reason: Quarantine;
}

/** A gap that a collector reported. */
export interface GapRow {
  resourceId: number;
  outbox: string;
  gap: Gap;
}

type Ledger = OutputOf<typeof ledgerGet>;

/** Keeps the books: what was stored, put aside and lost, and why time has no samples. */
export class LedgerStore {
  constructor(private readonly postgres: Postgres) {}

  /** Puts samples aside; counted once, in the hour in which they came. */
  async quarantine(transaction: Transaction, rows: QuarantinedRow[], now: number): Promise<void> {
    if (rows.length === 0) return;
    const columns = { resource_id: 'int4', outbox: 'text', seq: 'int8', time_ms: 'int8', reason: 'text' } as const;
    const { from, values } = unnestColumns(
      columns,
      rows.map((row) => [row.resourceId, row.outbox, row.seq, row.time, row.reason]),
      'incoming',
    );
    await transaction.query(
      `WITH put_aside AS (
         INSERT INTO metrics.quarantined_sample (resource_id, outbox, seq, time_ms, reason, received_at)
         SELECT resource_id, outbox, seq, time_ms, reason, $6::timestamptz FROM ${from}
         ON CONFLICT DO NOTHING RETURNING resource_id, outbox, seq)
       INSERT INTO metrics.ledger_hour AS l (resource_id, outbox, hour, first_seq, last_seq, quarantined)
       SELECT resource_id, outbox, date_trunc('hour', $6::timestamptz), min(seq), max(seq), count(*) FROM put_aside
       GROUP BY 1, 2 ORDER BY 1, 2
       ON CONFLICT (resource_id, hour, outbox) DO UPDATE SET quarantined = l.quarantined + excluded.quarantined,
         first_seq = least(l.first_seq, excluded.first_seq), last_seq = greatest(l.last_seq, excluded.last_seq)`,
      [...values, new Date(now)],
    );
  }

  /**
   * Notes gaps; what was lost in them is counted once, in the hour in which the gap begins. A collector that ended again
   * before it took a sample tells the same gap with a later end: then it grows.
   */
  async noteGaps(transaction: Transaction, rows: GapRow[]): Promise<void> {
    for (const { resourceId, outbox, gap } of rows) {
      const [first, last] = gap.lost ?? [null, null];
      await transaction.query(
        `WITH noted AS (
           INSERT INTO metrics.gap AS g (resource_id, starts, ends, cause, first_lost_seq, last_lost_seq)
           VALUES ($1, $2, $3, $4, $5::bigint, $6::bigint)
           ON CONFLICT (resource_id, starts, cause) DO UPDATE SET ends = excluded.ends
             WHERE g.first_lost_seq IS NULL AND excluded.first_lost_seq IS NULL AND g.ends < excluded.ends
           RETURNING *)
         INSERT INTO metrics.ledger_hour AS l (resource_id, outbox, hour, first_seq, last_seq, lost)
         SELECT resource_id, $7, date_trunc('hour', starts), first_lost_seq, last_lost_seq, last_lost_seq - first_lost_seq + 1
         FROM noted WHERE first_lost_seq IS NOT NULL
         ON CONFLICT (resource_id, hour, outbox) DO UPDATE SET lost = l.lost + excluded.lost,
           first_seq = least(l.first_seq, excluded.first_seq), last_seq = greatest(l.last_seq, excluded.last_seq)`,
        [resourceId, new Date(gap.from), new Date(gap.to), gap.cause, first, last, outbox],
      );
    }
  }

  /** Which numbers of an outbox are stored or put aside, among those taken between two times. */
  async storedSeqs(agentId: string, outbox: string, seqs: SeqRange, from: number, to: number): Promise<SeqRange[]> {
    const { rows } = await this.postgres.query<{ seq: number }>(
      'ledger.stored',
      `SELECT s.seq FROM metrics.host_sample s JOIN metrics.resource r ON r.id = s.resource_id
       WHERE r.kind = 'host' AND r.agent_id = $1 AND s.time >= $2 AND s.time <= $3 AND s.seq BETWEEN $4 AND $5
       UNION SELECT q.seq FROM metrics.quarantined_sample q JOIN metrics.resource r ON r.id = q.resource_id
       WHERE r.kind = 'host' AND r.agent_id = $1 AND q.outbox = $6 AND q.seq BETWEEN $4 AND $5`,
      [agentId, new Date(from), new Date(to), seqs[0], seqs[1], outbox],
    );
    return foldRanges(rows.map((row) => row.seq));
  }

  /** The ledger of a host between two times, hour by hour; null for a host that was never heard. */
  async read(agentId: string, from: number, to: number): Promise<Ledger | null> {
    const known = await this.postgres.query<{ id: number }>(
      'ledger.host',
      `SELECT id FROM metrics.resource WHERE kind = 'host' AND agent_id = $1`,
      [agentId],
    );
    const id = known.rows[0]?.id;
    if (id === undefined) return null;
    const hours = await this.postgres.query<Omit<Ledger['hours'][number], 'taken'>>(
      'ledger.hours',
      `SELECT hour, sum(stored)::bigint AS stored, sum(backfilled)::bigint AS backfilled,
         sum(quarantined)::bigint AS quarantined, sum(lost)::bigint AS lost,
         sum(greatest(last_seq - first_seq + 1 - stored - quarantined - lost, 0))::bigint AS pending
       FROM metrics.ledger_hour WHERE resource_id = $1 AND hour >= date_trunc('hour', $2::timestamptz) AND hour < $3
       GROUP BY hour ORDER BY hour`,
      [id, new Date(from), new Date(to)],
    );
    const gaps = await this.postgres.query<{
      from: number;
      to: number;
      cause: Gap['cause'];
      first: number | null;
      last: number | null;
    }>(
      'ledger.gaps',
      `SELECT starts AS from, ends AS to, cause, first_lost_seq AS first, last_lost_seq AS last
       FROM metrics.gap WHERE resource_id = $1 AND starts < $3 AND ends > $2 ORDER BY starts LIMIT 10000`,
      [id, new Date(from), new Date(to)],
    );
    return {
      hours: hours.rows.map((row) => ({ ...row, taken: row.stored + row.quarantined + row.lost + row.pending })),
      gaps: gaps.rows.map(({ first, last, ...gap }) => ({
        ...gap,
        lost: first === null || last === null ? null : ([first, last] as SeqRange),
      })),
    };
  }
}
