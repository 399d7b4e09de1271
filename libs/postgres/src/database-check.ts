import type { HealthStatus } from '@lapwing/contracts';
import type { OnApplicationShutdown, Provider } from '@nestjs/common';
import pg from 'pg';
import { Migrations } from './migrations.js';
import { Postgres, type PostgresOptions } from './pool.js';

/** Shorter than a health check waits. */
const DEADLINE_MS = 900;

/**
 * Asks the database whether it answers now, over a connection of its own: a pool whose connections are all busy is no sign that the database is
 * away, and a connection that hangs is given up with the first question that it leaves open.
 */
export class DatabaseCheck implements OnApplicationShutdown {
  #client: pg.Client | undefined;
  #asking: Promise<boolean> | undefined;

  constructor(
    private readonly options: Pick<PostgresOptions, 'service' | 'url'>,
    private readonly migrations: Pick<Migrations, 'waitingFor'>,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.#asking;
    this.#giveUp();
  }

  /** Whether it answers, and whether the service's schema is up to date. Several who ask at once get one answer. */
  async look(): Promise<{ status: HealthStatus; message: string }> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    if (!(await this.#asking)) return { status: 'unhealthy', message: 'Database does not answer' };
    const { waitingFor } = this.migrations;
    return waitingFor === undefined
      ? { status: 'healthy', message: 'Database operational' }
      : { status: 'unhealthy', message: waitingFor };
  }

  async #ask(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), DEADLINE_MS);
    });
    const answered = this.#query().catch(() => false);
    const answers = await Promise.race([answered, late]);
    clearTimeout(timer);
    if (!answers) this.#giveUp();
    return answers;
  }

  async #query(): Promise<boolean> {
    let client = this.#client;
    if (!client) {
      const { service, url } = this.options;
      client = this.#client = new pg.Client({
        connectionString: url,
        connectionTimeoutMillis: DEADLINE_MS,
        application_name: `lapwing-${service}-health`,
      });
      // Without a listener the end of the connection would end the process.
      const gone = client;
      client.on('error', () => this.#forget(gone));
      client.on('end', () => this.#forget(gone));
      await client.connect();
    }
    await client.query('SELECT 1');
    return true;
  }

  #forget(client: pg.Client): void {
    if (this.#client === client) this.#client = undefined;
  }

  /** With a question open this cuts the connection: to say good-bye, a server that hangs would have to answer. */
  #giveUp(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.end().catch(() => {});
  }
}

/** The provider of a service's look at its database. */
export const databaseCheckProvider: Provider = {
  provide: DatabaseCheck,
  useFactory: (postgres: Postgres, migrations: Migrations) => new DatabaseCheck(postgres.options, migrations),
  inject: [Postgres, Migrations],
};
