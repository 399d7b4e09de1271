import { Bus } from '@lapwing/bus';
import {
  logCollected,
  logentryCount,
  logentryList,
  type LogBatch,
  type LogEntry,
  type OutputOf,
  type PayloadOf,
  type QuestionOf,
  type StoredLogEntry,
} from '@lapwing/contracts';
import { Migrations, Postgres } from '@lapwing/postgres';
import { NatsServer, createDatabase, eventually, type DatabaseKind } from '@lapwing/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { loadConfig } from '../src/config';
import { LogStoreModule } from '../src/log-store.module';
import { MaintenanceService } from '../src/services/maintenance.service';

type Message = PayloadOf<typeof logCollected>;
type Filter = QuestionOf<typeof logentryList>['filter'];

/** The outbox of which messages come unless they say another. */
export const OUTBOX = '0a1b2c3d4e5f';

/** A line, with what matters to a test. */
export function line(message: string, time: number, more: Partial<LogEntry> = {}): LogEntry {
  return { time, source: 'file', name: '/var/log/app.log', level: 'info', message, fields: {}, ...more };
}

/** A batch of lines. */
export function batch(seq: number, entries: LogEntry[]): LogBatch {
  return { seq, time: entries[0]?.time ?? 0, entries };
}

/** log-store on a database of one kind, a NATS server of its own, and a bus that plays all others. */
export class Harness {
  readonly #apps: INestApplicationContext[] = [];

  private constructor(
    readonly nats: NatsServer,
    readonly database: Awaited<ReturnType<typeof createDatabase>>,
    readonly bus: Bus,
    readonly postgres: Postgres,
  ) {}

  static async start(kind: DatabaseKind): Promise<Harness> {
    const nats = await NatsServer.start();
    const database = await createDatabase(kind);
    const bus = new Bus({
      service: 'test',
      servers: '',
      agent: { id: 'web-1', door: () => ({ servers: nats.url, credentials: null }) },
    });
    bus.onModuleInit();
    const postgres = new Postgres({ service: 'test', url: database.url });
    const harness = new Harness(nats, database, bus, postgres);
    await harness.serve();
    await eventually(() => bus.online);
    return harness;
  }

  /** Starts a replica of the service. */
  async serve(): Promise<INestApplicationContext> {
    const config = loadConfig({ NATS_URL: this.nats.url, DATABASE_URL: this.database.url });
    const app = await NestFactory.createApplicationContext(LogStoreModule.register(config), { logger: false });
    this.#apps.push(app);
    await eventually(() => app.get(Migrations).ready);
    return app;
  }

  /** Stops all replicas; {@link serve} starts one again. */
  async suspend(): Promise<void> {
    await Promise.all(this.#apps.splice(0).map((app) => app.close()));
  }

  async stop(): Promise<void> {
    await this.suspend();
    await this.postgres.onApplicationShutdown();
    await this.bus.onApplicationShutdown();
    await this.database.drop();
    await this.nats.stop();
  }

  /** Sends batches in one message. */
  send(batches: LogBatch[], more: Partial<Message> = {}) {
    const message = { agentId: 'web-1', outbox: OUTBOX, batches, ...more };
    return this.bus.publish(logCollected, message.agentId, message);
  }

  async rows<R extends object>(sql: string, values: unknown[] = []): Promise<R[]> {
    return (await this.postgres.query<R & Record<string, unknown>>('test', sql, values)).rows;
  }

  async count(table = 'logs.entry'): Promise<number> {
    return (await this.rows<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n ?? 0;
  }

  /** Waits until so many lines are stored. */
  async until(rows: number): Promise<void> {
    await eventually(async () => expect(await this.count()).toBe(rows), 60_000);
  }

  /** The messages of the newest lines that match. */
  async find(filter: Filter = {}, limit = 100): Promise<string[]> {
    const { entries } = await this.bus.request(logentryList, { filter, limit });
    return entries.map(({ message }) => message);
  }

  /** How many lines match. */
  total(filter: Filter = {}) {
    return this.bus.request(logentryCount, { filter });
  }

  /** All lines that match, page by page. */
  async pages(
    filter: Filter,
    limit: number,
    between: () => Promise<unknown> = async () => {},
  ): Promise<StoredLogEntry[]> {
    const all: StoredLogEntry[] = [];
    for (let after: string | null = null; ;) {
      const page: OutputOf<typeof logentryList> = await this.bus.request(logentryList, { filter, limit, after });
      all.push(...page.entries);
      if (page.next === null) return all;
      after = page.next;
      await between();
    }
  }

  get maintenance(): MaintenanceService {
    const [app] = this.#apps;
    if (!app) throw new Error('no replica runs');
    return app.get(MaintenanceService);
  }
}
