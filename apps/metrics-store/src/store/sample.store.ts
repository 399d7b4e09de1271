import { LapwingError, type HostSample } from '@lapwing/contracts';
import { unnestColumns, type Postgres, type Table, type Transaction } from '@lapwing/postgres';
import { sampleTables, type Kind } from '../domain/tables.js';
import { insertRows, noteLate } from './rows.js';

/** A host's sample on its way into the database. */
export interface HostRow {
  resourceId: number;
  outbox: string;
  sample: HostSample;
  values: (number | null)[];
}

/** What one commit writes. */
export interface SampleRows {
  hosts: HostRow[];
  /** Rows of the things of hosts: resource, time, values. */
  parts: Record<Exclude<Kind, 'host'>, (number | null)[][]>;
}

const DAY_MS = 86_400_000;
/** SQLSTATE of a row that no partition takes. Source: PostgreSQL, appendix A. */
const NO_PARTITION = '23514';

const hostColumns = Object.keys(sampleTables.host.columns).join(', ');

const insertHosts = (from: string, first: number): string => `
  WITH stored AS (
    INSERT INTO metrics.host_sample (${hostColumns}) SELECT ${hostColumns} FROM ${from}
    ON CONFLICT DO NOTHING RETURNING resource_id, time, seq)
  INSERT INTO metrics.ledger_hour AS l (resource_id, outbox, hour, first_seq, last_seq, stored, backfilled)
  SELECT s.resource_id, o.outbox, date_trunc('hour', s.time), min(s.seq), max(s.seq), count(*),
    count(*) FILTER (WHERE s.time < $${first}::timestamptz - interval '1 minute')
  FROM stored s JOIN unnest($${first + 1}::integer[], $${first + 2}::text[]) AS o (resource_id, outbox) USING (resource_id)
  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (resource_id, hour, outbox) DO UPDATE SET
    first_seq = least(l.first_seq, excluded.first_seq), last_seq = greatest(l.last_seq, excluded.last_seq),
    stored = l.stored + excluded.stored, backfilled = l.backfilled + excluded.backfilled`;

/** Writes samples: each row once, however often it comes. */
export class SampleStore {
  readonly #partitions = new Set<string>();

  constructor(private readonly postgres: Postgres) {}

  /** Makes sure that there are partitions for the times to come in; asks the database only for days it has not seen. */
  async ensurePartitions(
    times: number[],
    tables: readonly Pick<Table, 'name'>[] = Object.values(sampleTables),
  ): Promise<void> {
    const days = new Set(times.map((time) => Math.floor(time / DAY_MS) * DAY_MS));
    for (const day of days) {
      for (const { name } of tables) {
        const key = `${name} ${day}`;
        if (this.#partitions.has(key)) continue;
        await this.postgres.query('partition.ensure', 'SELECT lapwing.ensure_partitions($1, $2, $2)', [
          name,
          new Date(day),
        ]);
        this.#partitions.add(key);
      }
    }
    if (this.#partitions.size > 10_000) this.#partitions.clear();
  }

  /**
   * Does what writes samples. A partition that is known may have gone: then it is made again with the next try.
   * @throws LapwingError `UNAVAILABLE` when there was no partition for a row.
   */
  async retryable(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if ((error as { code?: unknown }).code !== NO_PARTITION) throw error;
      this.#partitions.clear();
      throw new LapwingError('UNAVAILABLE', 'a partition has gone meanwhile');
    }
  }

  /** Writes the rows, the ledger's counts, and the newest sample of each host. */
  async insert(transaction: Transaction, rows: SampleRows, now: number): Promise<void> {
    for (const kind of ['disk', 'interface', 'gpu'] as const)
      await insertRows(transaction, sampleTables[kind], rows.parts[kind]);
    // The ledger, the marks of what is late and the newest samples come last: two transactions of the same hosts share them.
    await this.#insertHosts(transaction, rows.hosts, now);
    await this.#noteLate(transaction, rows, now);
    await this.#keepNewest(transaction, rows.hosts);
  }

  /** Writes hosts' rows and counts those that are new; in one statement for each outbox that a host has in the batch. */
  async #insertHosts(transaction: Transaction, hosts: HostRow[], now: number): Promise<void> {
    const outboxes = new Map<number, string>();
    const rows: (number | null)[][] = [];
    const others: HostRow[] = [];
    for (const host of hosts) {
      const outbox = outboxes.get(host.resourceId) ?? host.outbox;
      outboxes.set(host.resourceId, outbox);
      if (host.outbox === outbox) rows.push([host.resourceId, host.sample.time, ...host.values]);
      else others.push(host);
    }
    if (rows.length === 0) return;
    const { from, values } = unnestColumns(sampleTables.host.columns, rows, 'incoming');
    const named = unnestColumns({ resource_id: 'int4', outbox: 'text' }, [...outboxes], 'o').values;
    await transaction.query(
      insertHosts(from, values.length + 1),
      [...values, new Date(now), ...named],
      'host_sample.insert',
    );
    await this.#insertHosts(transaction, others, now);
  }

  async #noteLate(transaction: Transaction, rows: SampleRows, now: number): Promise<void> {
    const hosts = rows.hosts.map((row) => [row.resourceId, row.sample.time]);
    await noteLate(transaction, sampleTables.host.name, hosts, now);
    for (const kind of ['disk', 'interface', 'gpu'] as const)
      await noteLate(transaction, sampleTables[kind].name, rows.parts[kind], now);
  }

  async #keepNewest(transaction: Transaction, hosts: HostRow[]): Promise<void> {
    const newest = new Map<number, HostRow>();
    for (const row of hosts) {
      const known = newest.get(row.resourceId);
      if (!known || known.sample.time < row.sample.time) newest.set(row.resourceId, row);
    }
    if (newest.size === 0) return;
    const rows = [...newest.values()].map(({ resourceId, sample }) => [
      resourceId,
      sample.time,
      JSON.stringify(sample),
    ]);
    const { from, values } = unnestColumns(
      { resource_id: 'int4', time: 'timestamptz', sample: 'text' },
      rows,
      'newest',
    );
    await transaction.query(
      `INSERT INTO metrics.last_sample AS l (resource_id, time, sample)
       SELECT resource_id, time, sample::json FROM ${from} ORDER BY resource_id
       ON CONFLICT (resource_id) DO UPDATE SET time = excluded.time, sample = excluded.sample WHERE l.time < excluded.time`,
      values,
      'last_sample.upsert',
    );
  }

  /** The newest sample of a host, or of the host that was heard last. */
  async latest(agentId: string | null): Promise<{ agentId: string; sample: HostSample } | null> {
    const { rows } = await this.postgres.query<{ agent_id: string; sample: HostSample }>(
      'sample.latest',
      `SELECT r.agent_id, l.sample FROM metrics.last_sample l JOIN metrics.resource r ON r.id = l.resource_id
       WHERE $1::text IS NULL OR r.agent_id = $1 ORDER BY l.time DESC LIMIT 1`,
      [agentId],
    );
    const [row] = rows;
    return row ? { agentId: row.agent_id, sample: row.sample } : null;
  }
}
