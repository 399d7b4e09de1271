import { LapwingError } from '@lapwing/contracts';
import type { Migrations, Postgres, Result, Transaction } from '@lapwing/postgres';

type Row = Record<string, unknown>;

/** Whatever runs statements: the pool, or a transaction. */
export interface Statements {
  query<R extends Row>(text: string, values?: unknown[]): Promise<Result<R>>;
}

/** Serialises changes that look at all users before they decide. */
const USERS_LOCK = 7_524_602;

/** The schema `auth`, once it is up to date. */
export class Database {
  constructor(
    private readonly postgres: Postgres,
    private readonly migrations: Migrations,
  ) {}

  /** Runs one statement. Throws `UNAVAILABLE` while the schema is not ready, or the database away. */
  query<R extends Row>(name: string, text: string, values: unknown[] = []): Promise<Result<R>> {
    this.#wantTables();
    return this.postgres.query<R>(name, text, values);
  }

  /** Statements outside a transaction. */
  plain(name: string): Statements {
    return { query: (text, values) => this.query(name, text, values) };
  }

  /** All of it or nothing. */
  transaction<T>(name: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    this.#wantTables();
    return this.postgres.transaction(name, work);
  }

  /** A transaction beside which no other one changes users, roles or tokens. */
  change<T>(name: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.transaction(name, async (transaction) => {
      await transaction.query('SELECT pg_advisory_xact_lock($1)', [USERS_LOCK]);
      return work(transaction);
    });
  }

  #wantTables(): void {
    if (!this.migrations.ready) throw new LapwingError('UNAVAILABLE', 'the database is not ready yet');
  }
}

/** Whether a statement failed because a row of the same key exists (SQLSTATE 23505). */
export function isDuplicate(error: unknown): boolean {
  return (error as { code?: unknown }).code === '23505';
}
