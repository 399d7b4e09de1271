import type { SeqRange } from '@lapwing/contracts';
import { unnestColumns, type Schema, type Transaction } from '@lapwing/postgres';

/** A batch of an outbox, by their numbers. */
export interface BatchKey {
  outboxId: number;
  seq: number;
}

const MAX_KNOWN = 50_000;
/** Runs that an answer holds: what is left out is sent again, and found to be stored. */
const MAX_RUNS = 10_000;
/** Outboxes with more holes than this do not number as they should: then holes but the newest count as stored. */
const MAX_HOLES = 10_000;
const LOCK = 752_463;

/** Knows which batches are stored. */
export class DeliveryStore {
  #known = new Map<string, number>();

  constructor(private readonly schema: Pick<Schema, 'query' | 'transaction'>) {}

  /** Numbers outboxes that have no number yet; committed at once. */
  async ensure(outboxes: { agentId: string; outbox: string }[]): Promise<(agentId: string, outbox: string) => number> {
    if (this.#known.size > MAX_KNOWN) this.#known = new Map();
    const known = this.#known;
    const unknown = new Map(outboxes.map(({ agentId, outbox }) => [`${agentId}\n${outbox}`, [agentId, outbox]]));
    for (const key of unknown.keys()) if (known.has(key)) unknown.delete(key);
    if (unknown.size > 0) {
      const columns = { agent_id: 'text', outbox: 'text' } as const;
      const { from, values } = unnestColumns(columns, [...unknown.values()], 'wanted');
      await this.schema.query(
        'outbox.insert',
        `INSERT INTO logs.outbox (agent_id, outbox) SELECT agent_id, outbox FROM ${from}
         WHERE NOT EXISTS (SELECT FROM logs.outbox o WHERE (o.agent_id, o.outbox) = (wanted.agent_id, wanted.outbox))
         ORDER BY 1, 2 ON CONFLICT DO NOTHING`,
        values,
      );
      const { rows } = await this.schema.query<{ id: number; agent_id: string; outbox: string }>(
        'outbox.select',
        `SELECT id, agent_id, outbox FROM logs.outbox JOIN ${from} USING (agent_id, outbox)`,
        values,
      );
      for (const { id, agent_id, outbox } of rows) known.set(`${agent_id}\n${outbox}`, id);
    }
    return (agentId, outbox) => known.get(`${agentId}\n${outbox}`) ?? 0;
  }

  /** Numbers are asked for again: one that was known is no more. */
  forgetNumbers(): void {
    this.#known = new Map();
  }

  /**
   * Claims batches for this transaction. Returns those that no other has stored; one that another is just storing is waited for.
   */
  async claim(transaction: Transaction, batches: BatchKey[]): Promise<BatchKey[]> {
    const outboxIds = [...new Set(batches.map(({ outboxId }) => outboxId))].toSorted((a, b) => a - b);
    // Runs must not be joined between the look at them and the insert. A statement of its own, so that the next one sees what is now.
    await transaction.query(
      `SELECT pg_advisory_xact_lock_shared(${LOCK}, id) FROM unnest($1::integer[]) AS id`,
      [outboxIds],
      'batch.lock',
    );
    const columns = { outbox_id: 'int4', seq: 'int8' } as const;
    const { from, values } = unnestColumns(
      columns,
      batches.map(({ outboxId, seq }) => [outboxId, seq]),
      'i',
    );
    const { rows } = await transaction.query<{ outboxId: number; seq: number }>(
      `INSERT INTO logs.batch (outbox_id, seq, upto)
       SELECT i.outbox_id, i.seq, i.seq FROM ${from}
       WHERE NOT EXISTS (SELECT FROM (
         SELECT b.upto FROM logs.batch b WHERE b.outbox_id = i.outbox_id AND b.seq <= i.seq ORDER BY b.seq DESC LIMIT 1) b
         WHERE b.upto >= i.seq)
       ORDER BY 1, 2 ON CONFLICT DO NOTHING RETURNING outbox_id AS "outboxId", seq`,
      values,
      'batch.claim',
    );
    await transaction.query(
      `UPDATE logs.outbox SET heard_at = now() WHERE id = ANY ($1) AND heard_at < now() - interval '1 day'`,
      [outboxIds],
      'outbox.heard',
    );
    return rows;
  }

  /** Which numbers of an outbox are stored, within a range. */
  async stored(agentId: string, outbox: string, [first, last]: SeqRange): Promise<SeqRange[]> {
    const { rows } = await this.schema.query<{ first: number; last: number }>(
      'batch.stored',
      `WITH own AS (SELECT id FROM logs.outbox WHERE agent_id = $1 AND outbox = $2),
       run AS (
         SELECT b.seq, b.upto FROM own JOIN logs.batch b ON b.outbox_id = own.id WHERE b.seq BETWEEN $3 AND $4
         UNION (SELECT b.seq, b.upto FROM own JOIN logs.batch b ON b.outbox_id = own.id WHERE b.seq < $3 AND b.upto >= $3 ORDER BY b.seq DESC LIMIT 1)),
       marked AS (SELECT seq, upto, seq - 1 > lag(upto) OVER (ORDER BY seq) AS begins FROM run),
       island AS (SELECT seq, upto, count(*) FILTER (WHERE begins) OVER (ORDER BY seq) AS island FROM marked)
       SELECT greatest(min(seq), $3) AS first, least(max(upto), $4) AS last FROM island GROUP BY island ORDER BY 1 LIMIT ${MAX_RUNS}`,
      [agentId, outbox, first, last],
    );
    return rows.map((row) => [row.first, row.last]);
  }

  /** Joins neighbouring runs, outbox by outbox, and forgets outboxes of which nothing came since. */
  async tidy(unheardSince: number): Promise<void> {
    const { rows } = await this.schema.query<{ id: number }>(
      'batch.long',
      'SELECT outbox_id AS id FROM logs.batch GROUP BY outbox_id HAVING count(*) > 1 ORDER BY 1 LIMIT 10000',
    );
    for (const { id } of rows)
      await this.schema.transaction('batch.fold', async (transaction) => {
        await transaction.query(`SET LOCAL lock_timeout = '2s'`);
        await transaction.query(`SELECT pg_advisory_xact_lock(${LOCK}, $1)`, [id]);
        await transaction.query(FOLD, [id]);
      });
    await this.schema.query('outbox.forget', 'DELETE FROM logs.outbox WHERE heard_at < $1', [new Date(unheardSince)]);
  }
}

/** Each run becomes part of the first of its island, which then reaches to the island's end. */
const FOLD = `
  WITH marked AS (
    SELECT seq, upto, seq - 1 > lag(upto) OVER (ORDER BY seq) AS begins, count(*) OVER () AS runs FROM logs.batch WHERE outbox_id = $1),
  island AS (SELECT seq, upto, count(*) FILTER (WHERE begins) OVER (ORDER BY seq) AS island FROM marked),
  joined AS (
    SELECT seq, upto, CASE WHEN island < max(island) OVER () - ${MAX_HOLES} THEN 0 ELSE island END AS island FROM island),
  whole AS (SELECT min(seq) AS seq, max(upto) AS upto FROM joined GROUP BY island),
  gone AS (DELETE FROM logs.batch b USING joined j WHERE b.outbox_id = $1 AND b.seq = j.seq AND b.seq NOT IN (SELECT seq FROM whole))
  UPDATE logs.batch b SET upto = whole.upto FROM whole WHERE b.outbox_id = $1 AND b.seq = whole.seq AND b.upto < whole.upto`;
