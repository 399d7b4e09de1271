import { Bus } from '@lapwing/bus';
import {
  securityStatusGet,
  sessionCreate,
  userCreate,
  principalGet,
  type Actor,
  type Principal,
  type User,
} from '@lapwing/contracts';
import { NatsServer, createDatabase, eventually, redisUrl } from '@lapwing/testing';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';
import { AuthModule } from '../src/auth.module';
import { loadConfig } from '../src/config';
import { hashOf } from '../src/domain/credentials';

export const KEY = '0123456789abcdef'.repeat(4);
export const ADMIN_PASSWORD = 'correct horse battery';

let addresses = 0;

/** auth on real servers, with a clock that tests can set. */
export class Harness {
  /** Milliseconds that the clock of the service is ahead. */
  ahead = 0;
  #app: INestApplicationContext | undefined;

  private constructor(
    readonly nats: NatsServer,
    readonly database: Awaited<ReturnType<typeof createDatabase>>,
    readonly bus: Bus,
    private readonly environment: Record<string, string>,
  ) {}

  static async start(environment: Record<string, string> = {}): Promise<Harness> {
    const nats = await NatsServer.start();
    const bus = new Bus({ service: 'test', servers: nats.url });
    bus.onModuleInit();
    await eventually(() => bus.online);
    const harness = new Harness(nats, await createDatabase(), bus, {
      LAPWING_ADMIN_PASSWORD: ADMIN_PASSWORD,
      ...environment,
    });
    await harness.serve();
    return harness;
  }

  /** Starts the service, again when it runs, with these settings on top. */
  async serve(environment: Record<string, string> = {}): Promise<void> {
    await this.#app?.close();
    const config = loadConfig({
      NATS_URL: this.nats.url,
      DATABASE_URL: this.database.url,
      REDIS_URL: redisUrl(),
      LAPWING_SECRET_KEY: KEY,
      ...this.environment,
      ...environment,
    });
    const module = AuthModule.register(config, () => Date.now() + this.ahead);
    this.#app = await NestFactory.createApplicationContext(module, { logger: false });
    await eventually(() => this.bus.request(securityStatusGet, {}));
  }

  async stop(): Promise<void> {
    await this.#app?.close();
    await this.bus.onApplicationShutdown();
    await this.database.drop();
    await this.nats.stop();
  }

  /** Part of the running service. */
  get<T>(type: Type<T>): T {
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

  /** Logs in, from an address of its own unless one is given. */
  logIn(username: string, password: string, more: { code?: string; address?: string } = {}) {
    return this.bus.request(sessionCreate, { username, password, address: newAddress(), code: null, ...more });
  }

  /** Who is behind a credential. */
  async principal(token: string): Promise<Principal | null> {
    return (await this.bus.request(principalGet, { hash: hashOf(token) })).principal;
  }

  /** The actor behind a session. */
  async actor(token: string): Promise<Actor> {
    const found = await this.principal(token);
    if (!found) throw new Error('nobody');
    const { name, userId, permissions, kind, id } = found;
    return { name, userId, permissions, sessionHash: kind === 'session' ? id : null, address: newAddress() };
  }

  /** The first administrator, logged in. */
  async admin(): Promise<Actor> {
    return this.actor((await this.logIn('admin', ADMIN_PASSWORD)).token);
  }

  /** A new user with these roles. */
  async user(username: string, roles: string[], password = 'long enough'): Promise<User> {
    return this.bus.request(userCreate, { actor: await this.admin(), username, password, roles });
  }
}

/** An address that no other test uses. */
export function newAddress(): string {
  addresses++;
  return `10.${process.pid % 250}.${Math.floor(addresses / 250)}.${(addresses % 250) + 1}`;
}
