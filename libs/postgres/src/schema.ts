import { LapwingError } from '@lapwing/contracts';
import type pg from 'pg';
import type { Migrations } from './migrations.js';
import type { Postgres, Result, Statements, Transaction } from './pool.js';

/** The schema of a service, once it is up to date; until then, everything is `UNAVAILABLE`. */
export class Schema {
  constructor(
    private readonly postgres: Postgres,
    private readonly migrations: Migrations,
  ) {}

  /** Whether it is up to date. */
  get ready(): boolean {
    return this.migrations.ready;
  }

  /** Calls `use` as soon as it is up to date; once, also when it is already. */
  whenReady(use: () => void): void {
    this.migrations.whenReady(use);
  }

  /** Runs one statement. Errors as those of {@link Postgres.query}. */
  query<R extends pg.QueryResultRow>(name: string, text: string, values: unknown[] = []): Promise<Result<R>> {
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

  /**
   * A transaction beside which no other one with the same lock runs.
   * @param lock a number of this kind of change, and which one of them is changed; all of them without.
   */
  exclusive<T>(
    name: string,
    lock: { kind: number; of?: string },
    work: (transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    return this.transaction(name, async (transaction) => {
      await this.hold(transaction, lock);
      return work(transaction);
    });
  }

  /** Takes a lock as {@link exclusive} does, for the rest of a transaction; those who take several take them in the order of their numbers. */
  async hold(transaction: Transaction, lock: { kind: number; of?: string }): Promise<void> {
    await transaction.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [lock.kind, lock.of ?? '']);
  }

  #wantTables(): void {
    if (!this.migrations.ready) throw new LapwingError('UNAVAILABLE', 'the database is not ready yet');
  }
}

/** Whether a statement failed because a row of the same key exists (SQLSTATE 23505). */
export function isDuplicate(error: unknown): boolean {
  return (error as { code?: unknown }).code === '23505';
}

/** The SQL of an instant that comes as milliseconds since 1970 in a parameter, e.g. `$1`, or in an expression, e.g. `$1 - $2`. */
export function instant(parameter: string): string {
  return `to_timestamp((${parameter})::float8 / 1000)`;
}
