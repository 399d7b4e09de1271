import { Bus } from '@lapwing/bus';
import {
  LapwingError,
  auditOccurred,
  configurationExport,
  configurationImport,
  configurationOwners,
  ownedConfiguration,
  settingsGet,
  type Actor,
  type ConfigurationOwner,
  type ConfigurationPart,
  type OutputOf,
  type PayloadOf,
} from '@lapwing/contracts';
import { Postgres } from '@lapwing/postgres';
import { CuttableProxy, NatsServer, createDatabase, eventually } from '@lapwing/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { loadConfig } from '../src/config';
import { SettingsModule } from '../src/settings.module';

/** Somebody who may do everything. */
export const actor: Actor = {
  name: 'admin',
  userId: null,
  sessionHash: null,
  permissions: ['*'],
  address: '127.0.0.1',
};
export const PASSPHRASE = 'correct horse battery staple';

/** One who keeps configuration, played on the bus: he remembers what he was told, and can be away. */
export class Owner {
  parts: ConfigurationPart[] = [];
  readonly staged = new Map<string, ConfigurationPart[]>();
  readonly told: string[] = [];
  /** Thrown at a question. */
  fault: Partial<Record<'list' | 'stage' | 'apply' | 'discard', LapwingError>> = {};
  /** Awaited before a question is answered. */
  before: Partial<Record<'list' | 'stage' | 'apply' | 'discard', () => Promise<void>>> = {};

  constructor(bus: Bus, owner: ConfigurationOwner) {
    const { list, stage, apply, discard } = ownedConfiguration[owner];
    bus.respond(list, () => this.#hear('list', async () => ({ parts: this.parts, next: null })));
    bus.respond(stage, ({ importId, part, isLast }) =>
      this.#hear('stage', async () => {
        const parts = [...(this.staged.get(importId) ?? []), part];
        this.staged.set(importId, parts);
        return { counts: isLast ? { [part.section]: part.entries.length } : {} };
      }),
    );
    bus.respond(apply, ({ importId }) =>
      this.#hear('apply', async () => {
        this.parts = this.staged.get(importId) ?? this.parts;
        this.staged.delete(importId);
        return {};
      }),
    );
    bus.respond(discard, ({ importId }) =>
      this.#hear('discard', async () => {
        this.staged.delete(importId);
        return {};
      }),
    );
  }

  async #hear<T>(verb: keyof Owner['fault'], answer: () => Promise<T>): Promise<T> {
    await this.before[verb]?.();
    const fault = this.fault[verb];
    if (fault) throw fault;
    this.told.push(verb);
    return answer();
  }
}

/** The service settings on real servers, with a database that can be cut off, and those beside it played on the bus. */
export class Settings {
  readonly audit: PayloadOf<typeof auditOccurred>[] = [];
  readonly apps: INestApplicationContext[] = [];

  private constructor(
    readonly nats: NatsServer,
    readonly bus: Bus,
    readonly database: { url: string; drop: () => Promise<void> },
    readonly proxy: CuttableProxy,
    readonly postgres: Postgres,
    readonly owners: Record<ConfigurationOwner, Owner>,
  ) {}

  static async start(): Promise<Settings> {
    const nats = await NatsServer.start();
    const database = await createDatabase();
    const bus = new Bus({ service: 'test', servers: nats.url, streams: 'make' });
    bus.onModuleInit();
    await eventually(() => bus.online);
    const proxy = await CuttableProxy.listen();
    const [fleet, alerting] = configurationOwners.map((owner) => new Owner(bus, owner));
    if (!fleet || !alerting) throw new Error('owners');
    const postgres = new Postgres({ service: 'test', url: database.url });
    const settings = new Settings(nats, bus, database, proxy, postgres, { fleet, alerting });
    bus.listen(auditOccurred, '*', (event) => settings.audit.push(event));
    settings.connectDatabase();
    await settings.serve();
    return settings;
  }

  connectDatabase(): void {
    this.proxy.leadTo(Number(new URL(this.database.url).port));
  }

  /** Starts a replica. */
  async serve(): Promise<void> {
    const url = new URL(this.database.url);
    url.host = `127.0.0.1:${this.proxy.port}`;
    const app = await NestFactory.createApplicationContext(
      SettingsModule.register(loadConfig({ NATS_URL: this.nats.url, DATABASE_URL: url.href })),
      { logger: false },
    );
    this.apps.push(app);
    const bus = app.get(Bus);
    await eventually(() => bus.online);
    await eventually(() => this.bus.request(settingsGet, {}), 15_000);
    await bus.connection.link().connection.flush();
  }

  /** Ends all replicas. */
  async end(): Promise<void> {
    await Promise.all(this.apps.splice(0).map((app) => app.close()));
  }

  async stop(): Promise<void> {
    await this.end();
    await this.bus.onApplicationShutdown();
    await this.postgres.onApplicationShutdown();
    this.proxy.close();
    await this.database.drop();
    await this.nats.stop();
  }

  async export(): Promise<string> {
    return (await this.bus.request(configurationExport, { passphrase: PASSPHRASE, actor })).data;
  }

  import(
    data: string,
    passphrase = PASSPHRASE,
    permissions = actor.permissions,
  ): Promise<OutputOf<typeof configurationImport>> {
    return this.bus.request(configurationImport, { passphrase, data, actor: { ...actor, permissions } });
  }

  /** The refusal of an import. */
  refusal(data: string, passphrase = PASSPHRASE): Promise<LapwingError> {
    return this.import(data, passphrase).then(
      () => Promise.reject(new Error('it was taken')),
      (error: LapwingError) => error,
    );
  }

  /** How the imports stand, the oldest first. */
  async states(): Promise<string[]> {
    const { rows } = await this.postgres.query<{ state: string }>(
      'states',
      'SELECT state FROM settings.import ORDER BY started_at',
    );
    return rows.map(({ state }) => state);
  }
}
