import { LapwingError } from '@lapwing/contracts';
import { SpanKind, createLogger, describeError, inSpan, tracedHistogram, type Logger } from '@lapwing/telemetry';
import type { OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import { countFailure, watchPool } from './pool-metrics.js';

/** Where the database is and how it is used. */
export interface PostgresOptions {
  service: string;
  /** `postgres://user:password@host:port/database`. */
  url: string;
  /** Connections at most. */
  poolSize?: number;
  /** A statement that runs longer is cancelled, milliseconds. */
  statementTimeoutMs?: number;
}

/** Rows of a query, and how many a statement touched. */
export interface Result<R> {
  rows: R[];
  count: number;
}

/** Whatever runs statements: the pool, or a transaction. */
export interface Statements {
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Result<R>>;
}

// Counters and sums come as 64-bit integers; JavaScript's numbers are exact up to 2^53, which is 9 petabytes.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number);
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => new Date(text).getTime());

const seconds = tracedHistogram<'service' | 'statement'>({
  name: 'lapwing_postgres_statement_seconds',
  help: 'How long statements took',
  labelNames: ['service', 'statement'],
});

/** SQLSTATE classes after which the same statement may well succeed: connection lost, resources, shut-down, rollback. */
const PASSING = /^(08|53|57P|40|55P03|57014)/;
/** Of those the ones of a database that is there: rollback (deadlock, serialization), a lock that was not got, a statement that took too long. */
const BUSY = /^(40|55P03|57014)/;
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/**
 * Whether an error means that the database is away for now, and not that the statement is wrong.
 * Source: PostgreSQL, appendix A (SQLSTATE), and Node's socket errors.
 */
export function isDatabaseAway(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string') return PASSING.test(code) || NETWORK.has(code);
  return (
    error instanceof Error && /terminated|timeout exceeded when trying to connect|Connection ended/i.test(error.message)
  );
}

/** What a failure is counted as: someone has to see to a database that is away, and to nothing after a deadlock. */
function reasonOf(error: unknown): 'away' | 'passing' | 'refused' {
  if (!isDatabaseAway(error)) return 'refused';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && BUSY.test(code) ? 'passing' : 'away';
}

/**
 * Whether PostgreSQL refused a text because of a character that it cannot keep, which no schema of ours forbids everywhere:
 * that is the fault of whoever sent it. Source: PostgreSQL, appendix A (22021, 22P05, 22P02).
 */
function isTextRefused(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  // Half of a surrogate pair makes JSON that cannot be kept.
  const isJson = code === '22P02' && /type json/.test(String(message));
  return code === '22021' || code === '22P05' || isJson;
}

/** A connection inside a transaction. */
export class Transaction {
  constructor(private readonly client: pg.PoolClient) {}

  /**
   * Runs one statement with parameters.
   * @param name a statement that runs often is parsed and planned once for each connection and name; the name must stand
   * for this text alone.
   */
  async query<R extends pg.QueryResultRow>(text: string, values: unknown[] = [], name?: string): Promise<Result<R>> {
    const result = await this.client.query<R>({ text, values, ...(name !== undefined && { name }) });
    return { rows: result.rows, count: result.rowCount ?? 0 };
  }
}

/** The pool of connections of one service. */
export class Postgres implements OnApplicationShutdown {
  readonly #pool: pg.Pool;
  readonly #log: Logger;
  readonly #place;
  readonly #unwatch;

  constructor(readonly options: PostgresOptions) {
    this.#log = createLogger(options.service, 'postgres');
    this.#pool = new pg.Pool({
      connectionString: options.url,
      max: options.poolSize ?? 4,
      connectionTimeoutMillis: 3000,
      idleTimeoutMillis: 60_000,
      statement_timeout: options.statementTimeoutMs ?? 30_000,
      idle_in_transaction_session_timeout: 30_000,
      application_name: `lapwing-${options.service}`,
      options: '-c timezone=UTC',
    });
    this.#place = placeOf(options.url);
    this.#unwatch = watchPool(options.service, this.#pool);
    // A connection that is cut between two statements of a transaction has nobody who waits for it: without a listener the
    // process would end. The next statement fails and tells.
    this.#pool.on('connect', (client) => client.on('error', () => {}));
    this.#pool.on('error', (error) => this.#log.warn({ error: describeError(error) }, 'an idle connection was lost'));
  }

  async onApplicationShutdown(): Promise<void> {
    this.#unwatch();
    await this.#pool.end();
  }

  /**
   * Runs one statement with parameters.
   * @param name what the statement does, for traces and metrics, e.g. `history.select`.
   * @throws LapwingError `UNAVAILABLE` when the database is away.
   */
  query<R extends pg.QueryResultRow>(name: string, text: string, values: unknown[] = []): Promise<Result<R>> {
    return this.#measured(name, async () => {
      const result = await this.#pool.query<R>(text, values);
      return { rows: result.rows, count: result.rowCount ?? 0 };
    });
  }

  /** Runs `work` in one transaction: all of it or nothing. Errors as those of {@link query}. */
  transaction<T>(name: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#measured(name, async () => {
      const client = await this.#pool.connect();
      let broken: unknown;
      try {
        await client.query('BEGIN');
        const result = await work(new Transaction(client));
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((failure: unknown) => (broken = failure));
        throw error;
      } finally {
        client.release(broken !== undefined);
      }
    });
  }

  async #measured<T>(statement: string, work: () => Promise<T>): Promise<T> {
    const { service } = this.options;
    const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': statement, ...this.#place };
    try {
      return await inSpan(`sql ${statement}`, { kind: SpanKind.CLIENT, attributes }, async (span) => {
        const begun = performance.now();
        try {
          return await work();
        } catch (error) {
          const { code } = error as { code?: unknown };
          if (typeof code === 'string') span.setAttribute('db.response.status_code', code);
          throw error;
        } finally {
          seconds.observe({ service, statement }, (performance.now() - begun) / 1000, span);
        }
      });
    } catch (error) {
      // What work throws on purpose ends a transaction, and is no failure of the database.
      if (!(error instanceof LapwingError)) countFailure(service, reasonOf(error));
      if (isTextRefused(error)) throw new LapwingError('INVALID_INPUT', 'text may hold no NUL characters');
      if (!isDatabaseAway(error)) throw error;
      throw new LapwingError('UNAVAILABLE', 'the database is away', {
        reason: describeError(error).code ?? 'connection',
      });
    }
  }
}

/** Where a database is, as spans say it; nothing of a URL that is none. */
function placeOf(url: string): Record<string, string | number> {
  if (!URL.canParse(url)) return {};
  const { hostname, port, pathname } = new URL(url);
  return { 'server.address': hostname, 'server.port': Number(port || 5432), 'db.namespace': pathname.slice(1) };
}
