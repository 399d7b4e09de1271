import type { Postgres } from '@lapwing/postgres';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { TextIndex } from '../domain/partitions.js';

const LOCK = 7_524_602;

/** Builds text indexes, on one connection: one replica at a time does it. */
export class TextIndexStore {
  readonly #log = createLogger('log-store', 'indexes');
  #trigrams: string | null | undefined;

  /** @param postgres of one connection. */
  constructor(private readonly postgres: Postgres) {}

  /** Whether parts of words are found by an index: false where the extension pg_trgm is missing or forbidden. */
  get hasTrigrams(): boolean {
    return this.#trigrams !== null;
  }

  /** Does something unless another replica is at it. */
  async alone(work: () => Promise<void>): Promise<void> {
    const { rows } = await this.postgres.query<{ mine: boolean }>(
      'index.lock',
      `SELECT pg_try_advisory_lock(${LOCK}) AS mine`,
    );
    if (!rows[0]?.mine) return;
    try {
      await work();
    } finally {
      await this.postgres.query('index.unlock', `SELECT pg_advisory_unlock(${LOCK})`);
    }
  }

  /** The kinds of index that this database can have. */
  async kinds(): Promise<TextIndex[]> {
    if (this.#trigrams === undefined) this.#trigrams = await this.#operators();
    return this.#trigrams === null ? ['words'] : ['words', 'trigrams'];
  }

  /**
   * Builds an index unless it is there; one that was left half built is built anew.
   * @param concurrently while lines are written; a hypertable cannot do that, and is empty when it gets its indexes.
   */
  async build(table: string, kind: TextIndex, concurrently: boolean): Promise<void> {
    const name = `${table}_${kind}`;
    const [there] = (
      await this.postgres.query<{ valid: boolean }>(
        'index.there',
        `SELECT i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE c.relnamespace = 'logs'::regnamespace AND c.relname = $1`,
        [name],
      )
    ).rows;
    if (there?.valid) return;
    if (there) await this.postgres.query('index.clear', `DROP INDEX CONCURRENTLY logs.${name}`);
    await this.postgres.query('index.memory', `SET maintenance_work_mem = '128MB'`);
    // Two cores may be all there are, and lines come first.
    await this.postgres.query('index.workers', 'SET max_parallel_maintenance_workers = 0');
    const what =
      kind === 'words'
        ? `to_tsvector('simple', logs.folded(message))`
        : `logs.folded(message) ${this.#trigrams ?? ''}.gin_trgm_ops`;
    await this.postgres.query(
      'index.build',
      `CREATE INDEX ${concurrently ? 'CONCURRENTLY' : ''} IF NOT EXISTS ${name} ON logs.${table} USING gin (${what}) WITH (gin_pending_list_limit = 1024)`,
    );
  }

  /** Lets the planner know what is in a table, and in its text indexes. */
  async analyze(table: string): Promise<void> {
    await this.postgres.query('index.analyze', `ANALYZE logs.${table}`);
  }

  /** The schema of pg_trgm; made here where it is missing and allowed. */
  async #operators(): Promise<string | null> {
    const find = () =>
      this.postgres.query<{ schema: string }>(
        'index.extension',
        `SELECT quote_ident(n.nspname) AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm'`,
      );
    const [there] = (await find()).rows;
    if (there) return there.schema;
    try {
      await this.postgres.query('index.extend', 'CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA logs');
      return (await find()).rows[0]?.schema ?? null;
    } catch (error) {
      // 42501, 58P01, 0A000: forbidden, not installed. What passes is tried again.
      if (!['42501', '58P01', '0A000'].includes((error as { code?: string }).code ?? '')) throw error;
      this.#log.warn(
        { error: describeError(error) },
        'pg_trgm cannot be used: parts of words are found without an index, slowly',
      );
      return null;
    }
  }
}
