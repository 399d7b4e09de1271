import { Bus } from '@lapwing/bus';
import { hostSampled, type HostSample, type PayloadOf } from '@lapwing/contracts';
import { Migrations, Postgres } from '@lapwing/postgres';
import { NatsServer, createDatabase, eventually, type DatabaseKind } from '@lapwing/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { loadConfig } from '../src/config';
import { MetricsStoreModule } from '../src/metrics-store.module';
import { MaintenanceStore } from '../src/store/maintenance.store';
import { PipelineStore } from '../src/store/pipeline.store';

type Batch = PayloadOf<typeof hostSampled>;

/** metrics-store on a database of one kind, a NATS server of its own, and a bus that plays all others. */
export class Harness {
  private constructor(
    readonly nats: NatsServer,
    readonly database: Awaited<ReturnType<typeof createDatabase>>,
    readonly bus: Bus,
    readonly postgres: Postgres,
    private app: INestApplicationContext,
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
    const app = await Harness.#serve(nats.url, database.url);
    await eventually(() => bus.online);
    return new Harness(nats, database, bus, postgres, app);
  }

  static async #serve(natsUrl: string, databaseUrl: string): Promise<INestApplicationContext> {
    const config = loadConfig({ NATS_URL: natsUrl, DATABASE_URL: databaseUrl });
    const app = await NestFactory.createApplicationContext(MetricsStoreModule.register(config), { logger: false });
    await eventually(() => app.get(Migrations).ready);
    return app;
  }

  /** Stops the service; {@link resume} starts it again. */
  suspend(): Promise<void> {
    return this.app.close();
  }

  async resume(): Promise<void> {
    this.app = await Harness.#serve(this.nats.url, this.database.url);
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.postgres.onApplicationShutdown();
    await this.bus.onApplicationShutdown();
    await this.database.drop();
    await this.nats.stop();
  }

  /** Sends samples in one message. */
  send(samples: HostSample[], more: Partial<Batch> = {}) {
    const batch = { agentId: 'web-1', outbox: '0a1b2c3d4e5f', samples, ...more };
    return this.bus.publish(hostSampled, batch.agentId, batch);
  }

  async rows<R extends object>(sql: string, values: unknown[] = []): Promise<R[]> {
    return (await this.postgres.query<R & Record<string, unknown>>('test', sql, values)).rows;
  }

  async count(table: string): Promise<number> {
    return (await this.rows<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n ?? 0;
  }

  /** Waits until a table has so many rows. */
  async until(table: string, rows: number): Promise<void> {
    await eventually(async () => expect(await this.count(table)).toBe(rows));
  }

  /** Brings the roll-ups up to date, as time alone would do it later. */
  async rollUp(): Promise<void> {
    const timescale = await this.rows<{ name: string }>(
      `SELECT format('%I.%I', view_schema, view_name) AS name FROM timescaledb_information.continuous_aggregates`,
    ).catch(() => []);
    // its own policies may be at the same roll-up just now
    for (const { name } of timescale)
      await eventually(() =>
        this.rows(`CALL refresh_continuous_aggregate('${name}', NULL, now() - interval '2 minutes')`),
      );
    await this.app.get(MaintenanceStore).refreshRollups();
  }

  get pipeline(): PipelineStore {
    return this.app.get(PipelineStore);
  }

  get maintenance(): MaintenanceStore {
    return this.app.get(MaintenanceStore);
  }
}
