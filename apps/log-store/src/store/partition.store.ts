import type { Postgres } from '@lapwing/postgres';
import type { Partition, PartitionStep, TextIndex } from '../domain/partitions.js';

/** Readers and writers wait no longer than this for a change of partitions; it is tried again. */
const LOCK_TIMEOUT = '1s';
const STATEMENTS: Record<PartitionStep['step'], string> = {
  close: 'SELECT logs.close_partition($1)',
  drop: 'SELECT logs.drop_partition($1)',
  strip: 'SELECT logs.strip_partition($1)',
};

type Row = Omit<Partition, 'missing'> & { words: boolean; trigrams: boolean };

/** Knows and changes the partitions of lines, where there is no TimescaleDB. */
export class PartitionStore {
  constructor(private readonly postgres: Postgres) {}

  /** All partitions, from the oldest to the open one. */
  async list(): Promise<Partition[]> {
    const has = (index: TextIndex): string => `EXISTS (
      SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
      WHERE i.indrelid = c.oid AND i.indisvalid AND x.relname = p.name || '_${index}') AS ${index}`;
    const { rows } = await this.postgres.query<Row>(
      'partition.list',
      `SELECT p.name, p.starts, p.ends, p.opened_at AS "openedAt", pg_total_relation_size(c.oid) AS bytes,
         pg_stat_get_tuples_inserted(c.oid) AS inserted, pg_relation_size(c.oid) = 0 AS "isEmpty", ${has('words')}, ${has('trigrams')}
       FROM logs.partition p JOIN pg_class c ON c.relname = p.name AND c.relnamespace = 'logs'::regnamespace ORDER BY p.starts`,
    );
    return rows.map(({ words, trigrams, ...row }) => ({
      ...row,
      starts: Number.isFinite(row.starts) ? row.starts : -Infinity,
      ends: Number.isFinite(row.ends) ? row.ends : Infinity,
      missing: [...(words ? [] : (['words'] as const)), ...(trigrams ? [] : (['trigrams'] as const))],
    }));
  }

  /** Changes a partition, or leaves it when it is no longer what it was. Throws `UNAVAILABLE` when others use it for too long. */
  async take({ step, name }: PartitionStep): Promise<void> {
    await this.postgres.transaction(`partition.${step}`, async (transaction) => {
      await transaction.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      await transaction.query(STATEMENTS[step], [name]);
    });
  }
}
