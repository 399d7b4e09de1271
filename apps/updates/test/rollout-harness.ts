import { Bus, Leases } from '@lapwing/bus';
import {
  AGENT_STATEMENT,
  LapwingError,
  agentInspect,
  agentList,
  agentRevert,
  agentUpdate,
  auditOccurred,
  type Actor,
  type Agent,
  type AgentFigures,
  type PayloadOf,
  type Rollout,
  type RolloutAgent,
} from '@lapwing/contracts';
import { Migrations, Postgres, Schema } from '@lapwing/postgres';
import { makeKeys, signEnvelope } from '@lapwing/signing';
import { NatsServer, createDatabase, eventually } from '@lapwing/testing';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AgentCopyService } from '../src/services/agent-copy.service';
import { Fleet } from '../src/services/fleet';
import { RolloutService, type RolloutOptions } from '../src/services/rollout.service';
import { RolloutStore } from '../src/store/rollout.store';

/** Somebody who may do everything. */
export const actor: Actor = {
  name: 'admin',
  userId: null,
  sessionHash: null,
  permissions: ['*'],
  address: '127.0.0.1',
};

/** Whose signatures count. */
export const keys = makeKeys();
const HOUR = 3_600_000;

/** An agent as it answers on the bus: an hour old, at 1 % of a core and 60 MiB. */
export class FakeAgent {
  version = '0.1.0';
  status: Agent['status'] = 'online';
  startedAt = Date.now() - HOUR;
  cpuShare = 0.01;
  rssBytes = 60 * 2 ** 20;
  lost = 0;
  problem: string | null = null;
  isSilent = false;
  update: AgentFigures['update'] = { state: 'idle', version: null, error: null };
  /** What an order does to it; the second argument is the version that it names. */
  whenOrdered: (agent: FakeAgent, version: string) => void = (agent, version) => agent.become(version);
  readonly orders: string[] = [];

  constructor(readonly id: string) {}

  /** Runs another version from now on. */
  become(version: string): void {
    this.version = version;
    this.startAgain();
    this.update = { state: 'idle', version: null, error: null };
  }

  /** It was started this instant. */
  startAgain(): void {
    this.startedAt = Date.now();
  }

  /** Answers on the bus. */
  answer(bus: Bus): void {
    bus.respondAs(agentInspect, this.id, async () => this.#figures());
    bus.respondAs(agentUpdate, this.id, async ({ statement }) => {
      this.#speak();
      const { payload } = JSON.parse(statement) as { payload: string };
      const { version } = JSON.parse(Buffer.from(payload, 'base64').toString()) as { version: string };
      this.orders.push(`update ${version}`);
      this.whenOrdered(this, version);
      return { version };
    });
    bus.respondAs(agentRevert, this.id, async () => {
      this.#speak();
      this.orders.push('revert');
      this.become('0.1.0');
      return { version: '0.1.0' };
    });
  }

  #figures(): AgentFigures {
    this.#speak();
    const { version, startedAt, rssBytes, lost, problem, update } = this;
    const seconds = (Date.now() - startedAt) / 1000;
    const cpuSeconds = seconds * this.cpuShare;
    return { version, startedAt, cpuSeconds, rssBytes, taken: Math.floor(seconds), lost, problem, update };
  }

  #speak(): void {
    if (this.isSilent) throw new LapwingError('UNAVAILABLE');
  }
}

async function connected(nats: NatsServer, service: string): Promise<Bus> {
  const bus = new Bus({ service, servers: nats.url });
  bus.onModuleInit();
  await eventually(() => bus.online);
  return bus;
}

/** Roll-outs on real servers, with agents and fleet played on the bus. */
export class Rollouts {
  readonly agents = new Map<string, FakeAgent>();
  readonly audited: PayloadOf<typeof auditOccurred>[] = [];
  /** On which the agents of a test answer. */
  #host: Bus | undefined;
  readonly #replicas: { bus: Bus; service: RolloutService }[] = [];

  private constructor(
    readonly nats: NatsServer,
    readonly bus: Bus,
    private readonly database: { url: string; drop: () => Promise<void> },
    private readonly postgres: Postgres,
    private readonly schema: Schema,
    private readonly folder: string,
  ) {}

  static async start(): Promise<Rollouts> {
    const nats = await NatsServer.start();
    const bus = await connected(nats, 'fleet');
    const database = await createDatabase();
    const postgres = new Postgres({ service: 'updates', url: database.url });
    const migrations = new Migrations(postgres, 'updates', new URL('../migrations/', import.meta.url));
    await migrations.run();
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-rollout-'));
    const rollouts = new Rollouts(nats, bus, database, postgres, new Schema(postgres, migrations), folder);
    bus.respond(agentList, async ({ after, limit }) => rollouts.#page(after, Math.min(limit, 40)));
    bus.listen(auditOccurred, 'updates', (event) => rollouts.audited.push(event));
    await rollouts.put('0.2.0');
    return rollouts;
  }

  get file(): string {
    return path.join(this.folder, 'lapwing-agent.mjs');
  }

  /** Makes agents that run version 0.1.0. */
  async enroll(...ids: string[]): Promise<FakeAgent[]> {
    this.#host ??= await connected(this.nats, 'host');
    const agents = ids.map((id) => new FakeAgent(id));
    for (const agent of agents) {
      this.agents.set(agent.id, agent);
      agent.answer(this.#host);
    }
    await this.#host.connection.link().connection.flush();
    return agents;
  }

  /** Puts the server's copy of a version where updates looks for it. */
  async put(version: string, privateKey = keys.privateKey, content = `version ${version}`): Promise<void> {
    await writeFile(this.file, content);
    const sha256 = createHash('sha256').update(`version ${version}`).digest('hex');
    const statement = { schema: 1, version, size: content.length, sha256 };
    await writeFile(`${this.file}.json`, JSON.stringify(signEnvelope(AGENT_STATEMENT, statement, [privateKey])));
  }

  /** Starts one more replica of updates. */
  async replica(options: Partial<RolloutOptions> = {}): Promise<{ bus: Bus; service: RolloutService }> {
    const bus = await connected(this.nats, 'updates');
    const { schema } = this;
    const leases = new Leases(bus, 'updates', randomUUID());
    const copy = new AgentCopyService(this.file, [keys.publicKey]);
    const parts = { bus, schema, leases, fleet: new Fleet(bus), store: new RolloutStore(schema), copy };
    const times = { watchMs: 300, arriveMs: 4000, silentMs: 3000, revertMs: 60_000, paceMs: 20, auto: undefined };
    const service = new RolloutService(parts, { ...times, ...options });
    service.onApplicationBootstrap();
    this.#replicas.push({ bus, service });
    return { bus, service };
  }

  /** Waits until a roll-out has come to an end, and nothing is left to take back. */
  async ended(service: RolloutService): Promise<{ rollout: Rollout; agents: RolloutAgent[] }> {
    const store = new RolloutStore(this.schema);
    return eventually(async () => {
      expect(await store.open()).toBeUndefined();
      const { rollout, agents } = await service.get();
      if (!rollout) throw new Error('there is none');
      return { rollout, agents };
    });
  }

  /** Ends all replicas, and forgets agents and roll-outs. */
  async clear(): Promise<void> {
    for (const { bus, service } of this.#replicas.splice(0)) {
      await service.onModuleDestroy();
      await bus.onApplicationShutdown();
    }
    await this.#host?.onApplicationShutdown();
    this.#host = undefined;
    this.agents.clear();
    this.audited.length = 0;
    await this.schema.query('clear', 'DELETE FROM updates.rollout');
    await this.put('0.2.0');
  }

  async stop(): Promise<void> {
    await this.clear();
    await this.bus.onApplicationShutdown();
    await this.postgres.onApplicationShutdown();
    await this.nats.stop();
    await this.database.drop();
    await rm(this.folder, { recursive: true });
  }

  #page(after: string, limit: number): { agents: Agent[]; next: string | null } {
    const all = [...this.agents.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const agents = all.filter(({ id }) => id > after).slice(0, limit);
    const nobody = { lastSeenAt: null, registeredAt: 1, requestedAt: null, fingerprint: null, address: null };
    const machine = { hostname: 'host', architecture: 'amd64', os: 'linux', override: {}, running: null };
    return {
      agents: agents.map(({ id, version, status }) => ({ id, name: id, version, status, ...machine, ...nobody })),
      next: agents.length < limit ? null : (agents.at(-1)?.id ?? null),
    };
  }
}
