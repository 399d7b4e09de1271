import { Bus } from '@lapwing/bus';
import {
  LICENSE_STATEMENT,
  healthGet,
  issuedlicenseCreate,
  licenseGet,
  licenseValidate,
  type Actor,
  type HealthCheck,
  type License,
  type LicenseStatement,
} from '@lapwing/contracts';
import { makeKeys, signEnvelope } from '@lapwing/signing';
import { NatsServer, createDatabase, eventually } from '@lapwing/testing';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { loadConfig } from '../src/config';
import { hashOfKey } from '../src/domain/license';
import { LicenseService } from '../src/services/license.service';
import { UpdatesModule } from '../src/updates.module';

export const DAY_MS = 86_400_000;
export const EMAIL = 'ada@example.com';

/** Somebody who may do everything. */
export const actor: Actor = {
  name: 'admin',
  userId: null,
  sessionHash: null,
  permissions: ['*'],
  address: '127.0.0.1',
};

/** updates on real servers, with a clock that tests can set. */
export class Licensing {
  /** Milliseconds that the clock of the service is ahead. */
  ahead = 0;
  /** Whose licence files are believed. */
  readonly keys = makeKeys();
  #app: INestApplicationContext | undefined;

  private constructor(
    readonly nats: NatsServer,
    readonly database: Awaited<ReturnType<typeof createDatabase>>,
    readonly bus: Bus,
    /** A folder for files. */
    readonly folder: string,
  ) {}

  static async start(environment: Record<string, string> = {}): Promise<Licensing> {
    const nats = await NatsServer.start();
    const bus = new Bus({ service: 'test', servers: nats.url });
    bus.onModuleInit();
    await eventually(() => bus.online);
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-license-'));
    const licensing = new Licensing(nats, await createDatabase(), bus, folder);
    await licensing.serve(environment);
    return licensing;
  }

  /** Where the licence file lies, when there is one. */
  get file(): string {
    return path.join(this.folder, 'license.json');
  }

  /** The time of the service. */
  get now(): number {
    return Date.now() + this.ahead;
  }

  /** Starts the service (again), with these settings; holds nothing, and the clock is right. */
  async serve(environment: Record<string, string> = {}): Promise<void> {
    await this.#app?.close();
    this.ahead = 0;
    const config = loadConfig({
      NATS_URL: this.nats.url,
      DATABASE_URL: this.database.url,
      LAPWING_SECRET_KEY: 'ab'.repeat(32),
      LICENSE_TRUSTED_KEYS: this.keys.publicKey,
      ...environment,
    });
    const module = UpdatesModule.register(config, () => this.now);
    this.#app = await NestFactory.createApplicationContext(module, { logger: false });
    await eventually(() => this.get());
  }

  /** Forgets the licence that is held, and the feeds that were seen. */
  async forget(): Promise<void> {
    await this.sql('TRUNCATE updates.license, updates.feed');
  }

  async stop(): Promise<void> {
    await this.#app?.close();
    await this.bus.onApplicationShutdown();
    await this.database.drop();
    await this.nats.stop();
    await rm(this.folder, { recursive: true });
  }

  /** Part of the running service. */
  part<T>(type: Type<T>): T {
    if (!this.#app) throw new Error('not started');
    return this.#app.get(type);
  }

  /** Statements on its database. */
  async sql<R extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<R[]> {
    const client = new pg.Client({ connectionString: this.database.url });
    await client.connect();
    try {
      return (await client.query<R>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** The licence that is held. */
  get(): Promise<License> {
    return this.bus.request(licenseGet, {});
  }

  /** Checks a licence; the code and the text of the refusal, if it is refused. */
  async validate(licenseKey: string, email = EMAIL): Promise<License | string> {
    try {
      return await this.bus.request(licenseValidate, { actor, email, licenseKey });
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      return `${code}: ${message}`;
    }
  }

  /** Issues one that lasts so long. */
  issue(days: number, email = EMAIL) {
    return this.bus.request(issuedlicenseCreate, { actor, email, updatesExpireAt: this.now + days * DAY_MS });
  }

  /** What the update pipeline is told: `may`, or why not. */
  async gate(): Promise<string> {
    try {
      await this.part(LicenseService).wantUpdates();
      return 'may';
    } catch (error) {
      const { code, message, details } = error as { code: string; message: string; details: { reason?: string } };
      return `${code}: ${message} (${details.reason})`;
    }
  }

  /** A signed licence file. */
  signed(licenseKey: string, changes: Partial<LicenseStatement> & { by?: string; type?: string } = {}): string {
    const { by = this.keys.privateKey, type = LICENSE_STATEMENT, ...rest } = changes;
    const statement: LicenseStatement = {
      schema: 1,
      id: randomUUID(),
      email: EMAIL,
      keyHash: hashOfKey(licenseKey),
      updatesExpireAt: new Date(this.now + 30 * DAY_MS).toISOString(),
      issuedAt: new Date(this.now).toISOString(),
      ...rest,
    };
    return JSON.stringify(signEnvelope(type, statement, [by]));
  }

  /** What health says about licences. */
  async health(): Promise<Pick<HealthCheck, 'status' | 'message'>> {
    const { checks } = await this.bus.request(healthGet('updates'), {});
    const { status, message } = checks.find(({ name }) => name === 'license') as HealthCheck;
    return { status, message };
  }
}
