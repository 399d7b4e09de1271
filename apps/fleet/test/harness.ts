import { AgentKey, Bus, makeBusKeys, readCredentials, type BusService } from '@lapwing/bus';
import {
  agentChanged,
  agentEnroll,
  agentReported,
  defaultSystemSettings,
  enrollmentProof,
  hostSampled,
  latestSampleGet,
  settingsGet,
  type Actor,
  type Enrollment,
  type HostSample,
  type PayloadOf,
} from '@lapwing/contracts';
import { Migrations } from '@lapwing/postgres';
import { NatsServer, createDatabase, eventually } from '@lapwing/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '../src/config';
import { FleetModule } from '../src/fleet.module';

/** Somebody who may do everything. */
export const actor: Actor = {
  name: 'admin',
  userId: null,
  sessionHash: null,
  permissions: ['*'],
  address: '127.0.0.1',
};

/** A host that asks to be let in, with a key and a machine of its own. */
export class Host {
  key = AgentKey.create();

  constructor(
    readonly id: string,
    readonly machine = 'ab'.repeat(32),
  ) {}

  ask(changes: Partial<Enrollment> = {}): Enrollment & { address: string } {
    const { publicKey } = this.key;
    const signed = { id: this.id, publicKey, machine: this.machine, time: Date.now(), ...changes };
    const facts = { hostname: `${this.id}.example.com`, architecture: 'amd64', os: 'linux', version: '0.1.0' };
    const signature = this.key.sign(enrollmentProof(signed));
    return { ...facts, signature, address: '192.0.2.7', ...signed, ...changes };
  }
}

async function openBus(nats: NatsServer, keys: string, service: BusService): Promise<Bus> {
  const credentials = readCredentials(await readFile(path.join(keys, 'credentials', `${service}.creds`), 'utf8'));
  const makes = service === 'metrics-store';
  const bus = new Bus({ service, servers: nats.url, credentials, streams: makes ? 'make' : 'wait' });
  bus.onModuleInit();
  await eventually(() => bus.online);
  return bus;
}

/** fleet on real servers; the services beside it are played on the bus. */
export class Fleet {
  readonly changes: PayloadOf<typeof agentChanged>[] = [];
  stored: { agentId: string; sample: HostSample } | null = null;
  #app: INestApplicationContext | undefined;
  #replica: INestApplicationContext | undefined;

  private constructor(
    readonly nats: NatsServer,
    readonly bus: Bus,
    readonly store: Bus,
    readonly database: { url: string; drop: () => Promise<void> },
    private readonly keys: string,
  ) {}

  static async start(): Promise<Fleet> {
    const keys = await mkdtemp(path.join(tmpdir(), 'lapwing-keys-'));
    await makeBusKeys(keys);
    const nats = await NatsServer.start(keys);
    const store = await openBus(nats, keys, 'metrics-store');
    const gateway = await openBus(nats, keys, 'gateway');
    const fleet = new Fleet(nats, gateway, store, await createDatabase(), keys);
    const settings = await fleet.open('settings');
    fleet.#others.push(settings);
    settings.respond(settingsGet, async () => defaultSystemSettings);
    store.respond(latestSampleGet, async () => fleet.stored);
    await fleet.run();
    return fleet;
  }

  readonly #others: Bus[] = [];

  /** Connects as a service. */
  open(service: BusService): Promise<Bus> {
    return openBus(this.nats, this.keys, service);
  }

  /** Starts fleet itself (again). */
  async run(): Promise<void> {
    this.#app = await this.#serve();
    await eventually(() => this.bus.request(agentEnroll, new Host('local').ask({ token: 'launcher' })));
  }

  /** Starts one more of it, on the same servers. */
  async replicate(): Promise<void> {
    this.#replica = await this.#serve();
    const bus = this.#replica.get(Bus);
    await eventually(() => bus.online);
    const replica = this.#replica;
    await eventually(() => replica.get(Migrations).ready);
    await bus.connection.link().connection.flush();
  }

  #serve(secretKey = 'ab'.repeat(32)): Promise<INestApplicationContext> {
    const config = loadConfig({
      NATS_URL: this.nats.url,
      NATS_CREDENTIALS_DIR: path.join(this.keys, 'credentials'),
      FLEET_AUTHORITY_FILE: path.join(this.keys, 'authority.json'),
      DATABASE_URL: this.database.url,
      LAPWING_SECRET_KEY: secretKey,
      FLEET_LOCAL_AGENT: 'local',
      FLEET_LOCAL_ENROLLMENT_TOKEN: 'launcher',
    });
    return NestFactory.createApplicationContext(FleetModule.register(config), { logger: false });
  }

  /** Ends fleet itself. */
  async end(): Promise<void> {
    await Promise.all([this.#app?.close(), this.#replica?.close()]);
    this.#app = undefined;
    this.#replica = undefined;
  }

  async stop(): Promise<void> {
    await this.end();
    await Promise.all([this.bus, this.store, ...this.#others].map((bus) => bus.onApplicationShutdown()));
    await this.nats.stop();
    await this.database.drop();
  }

  /** Asks to be let in; the answer, or the code of the refusal. */
  async enroll(host: Host, changes: Partial<Enrollment> = {}): Promise<{ status: string; jwt?: string | null }> {
    try {
      return await this.bus.request(agentEnroll, host.ask(changes));
    } catch (error) {
      return { status: (error as { code: string }).code };
    }
  }

  /** Connects as an agent. */
  async connect(host: Host, jwt: string): Promise<NatsConnection> {
    return connect({
      servers: this.nats.url,
      authenticator: jwtAuthenticator(jwt, Buffer.from(host.key.seed)),
      inboxPrefix: `_INBOX.agent.${host.id}`,
      reconnect: false,
    });
  }

  /** Says something as an agent. */
  sample(connection: NatsConnection, agentId: string, sample: HostSample): void {
    const payload = { agentId, outbox: '0a1b2c3d4e5f', samples: [sample] };
    connection.publish(`${hostSampled.name}.${agentId}`, JSON.stringify(payload));
  }

  report(connection: NatsConnection, agentId: string, instance: string, refreshInterval = 5): void {
    const settings = { refreshInterval, sources: ['cpu'], logSources: [], unsupported: [] };
    const payload = { agentId, instance, version: '0.1.0', hostname: agentId, startedAt: 1, ...settings };
    connection.publish(`${agentReported.name}.${agentId}`, JSON.stringify(payload));
  }
}
