import { Bus } from '@lapwing/bus';
import {
  agentChanged,
  alertChanged,
  alertConfigUpdate,
  alertList,
  defaultSystemSettings,
  dockerhostList,
  dockerhostReported,
  hostSampled,
  nodeChanged,
  nodeList,
  settingsGet,
  targetObserved,
  webhookCreate,
  type Actor,
  type Alert,
  type ConfiguredNode,
  type DockerHost,
  type HostFigures,
  type Observation,
  type PayloadOf,
  type SectionItem,
  type SectionName,
} from '@lapwing/contracts';
import { Migrations, Postgres } from '@lapwing/postgres';
import { NatsServer, WebhookReceiver, createDatabase, eventually, hostFigures, hostSample } from '@lapwing/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AlertingModule } from '../src/alerting.module';
import { loadConfig } from '../src/config';
import { EstateService } from '../src/services/estate.service';
import { EvaluationService } from '../src/services/evaluation.service';
import { PARTITIONS } from '../src/domain/partition';

/** Somebody who may do everything. */
export const actor: Actor = {
  name: 'admin',
  userId: null,
  sessionHash: null,
  permissions: ['*'],
  address: '127.0.0.1',
};

/** Rules without any delay: what breaches is told at once. */
export const atOnce = {
  timeThresholds: { host: 0, node: 0, guest: 0, storage: 0, pbs: 0 },
  aggregation: { windowSeconds: 0 },
  schedule: { cooldown: 0, maxAlertsHour: 0 },
  flapping: { enabled: false },
};

const node = (id: string, type: ConfiguredNode['type'], name: string): ConfiguredNode => ({
  id,
  type,
  name,
  host: `https://${name}.example.com:8006`,
  user: 'monitor@pve',
  hasPassword: true,
  tokenName: '',
  hasToken: false,
  fingerprint: '',
  caCertificate: '',
  verifySSL: true,
  monitor: {},
  source: 'manual',
  createdAt: 0,
  updatedAt: 0,
});

/** alerting on real servers; the services beside it are played on the bus, and receivers are real HTTP servers. */
export class Alerting {
  readonly apps: INestApplicationContext[] = [];
  readonly changes: PayloadOf<typeof alertChanged>[] = [];
  readonly nodes: ConfiguredNode[] = [];
  dockerHosts: DockerHost[] = [];
  #seq = 0;

  private constructor(
    readonly nats: NatsServer,
    readonly bus: Bus,
    readonly database: { url: string; drop: () => Promise<void> },
    readonly postgres: Postgres,
    readonly receiver: WebhookReceiver,
  ) {}

  static async start(replicas = 1): Promise<Alerting> {
    const nats = await NatsServer.start();
    const database = await createDatabase('plain');
    const bus = new Bus({ service: 'test', servers: nats.url, streams: 'make' });
    bus.onModuleInit();
    await eventually(() => bus.online);
    const postgres = new Postgres({ service: 'test', url: database.url });
    const alerting = new Alerting(nats, bus, database, postgres, await WebhookReceiver.start());
    alerting.#play();
    for (let count = 0; count < replicas; count++) await alerting.serve();
    return alerting;
  }

  /** Plays those whom alerting asks. */
  #play(): void {
    const { bus } = this;
    bus.respond(settingsGet, async () => defaultSystemSettings);
    bus.respond(nodeList, async () => ({ nodes: this.nodes }));
    bus.respond(dockerhostList, async () => ({ hosts: this.dockerHosts, next: null }));
    bus.listen(alertChanged, '*', (change) => this.changes.push(change));
  }

  /** Starts a replica. */
  async serve(): Promise<INestApplicationContext> {
    const app = await NestFactory.createApplicationContext(
      AlertingModule.register(
        loadConfig({
          NATS_URL: this.nats.url,
          DATABASE_URL: this.database.url,
          LAPWING_SECRET_KEY: 'ab'.repeat(32),
          ALERTING_PRIVATE_NETWORKS: '127.0.0.1/32',
        }),
      ),
      { logger: false },
    );
    this.apps.push(app);
    await eventually(() => app.get(Migrations).ready);
    await this.divided();
    return app;
  }

  /** Waits until all partitions are judged by somebody. */
  async divided(): Promise<void> {
    await eventually(() => {
      const taken = this.apps.reduce((sum, app) => sum + app.get(EvaluationService).partitions, 0);
      expect(taken).toBe(PARTITIONS);
      expect(this.apps.every((app) => app.get(EvaluationService).isFollowing)).toBe(true);
    }, 40_000);
  }

  async stop(): Promise<void> {
    for (const app of this.apps) await app.close();
    this.receiver.stop();
    await this.postgres.onApplicationShutdown();
    await this.bus.onApplicationShutdown();
    await this.database.drop();
    await this.nats.stop();
  }

  /** Changes rules. */
  configure(patch: Record<string, unknown>) {
    return this.bus.request(alertConfigUpdate, { actor, patch });
  }

  /** Makes a webhook that leads to the receiver. */
  webhook(changes: Record<string, unknown> = {}) {
    const draft = { name: 'Receiver', url: `${this.receiver.url}/hook`, ...changes };
    return this.bus.request(webhookCreate, { actor, draft });
  }

  /** A host was sampled at an instant. */
  async sample(agentId: string, time: number, changes: Partial<HostFigures> = {}): Promise<void> {
    const seq = ++this.#seq;
    const system = { ...hostFigures().system, hostname: agentId };
    const samples = [hostSample(seq, time, { system, ...changes })];
    await this.bus.publish(hostSampled, agentId, { agentId, outbox: '0a1b2c3d4e5f', samples });
  }

  /** A host had this much of its processors busy. */
  cpu(agentId: string, time: number, totalUsage: number): Promise<void> {
    return this.sample(agentId, time, { cpu: { ...hostFigures().cpu, totalUsage } });
  }

  /** An agent reports or does not. */
  presence(agentId: string, status: 'online' | 'offline', time = Date.now()): Promise<void> {
    return this.announce({ agentId, change: 'status', status, message: '', time });
  }

  /** Something happened to an agent. */
  async announce(change: PayloadOf<typeof agentChanged>): Promise<void> {
    await this.bus.publish(agentChanged, change.agentId, change);
  }

  /** A target is configured. */
  async target(id: string, type: ConfiguredNode['type'], name: string): Promise<void> {
    const added = node(id, type, name);
    this.nodes.push(added);
    const { host } = added;
    await this.bus.publish(nodeChanged, id, { nodeId: id, change: 'added', type, name, host, time: Date.now() });
    const known = (app: INestApplicationContext): boolean =>
      app
        .get(EstateService)
        .targets()
        .some((one) => one.id === id);
    await eventually(() => expect(this.apps.every(known)).toBe(true));
  }

  /** A section of a target was seen, by all replicas: the stream keeps the newest only. */
  async observe<S extends SectionName>(targetId: string, section: S, items: SectionItem<S>[], time = Date.now()) {
    const observation = { targetId, section, part: 0, parts: 1, time, items } as unknown as Observation;
    await this.bus.publish(targetObserved, `${targetId}:${section}:0`, observation);
    const hasSeen = (app: INestApplicationContext): boolean =>
      app
        .get(EstateService)
        .targets()
        .some((one) => one.id === targetId && one.sections[section]?.time === time);
    await eventually(() => expect(this.apps.every(hasSeen)).toBe(true));
  }

  /** Waits until something of a scope was judged. */
  async judged(scope: string): Promise<void> {
    await eventually(async () => {
      const sql = `SELECT 1 FROM alerting.partition, jsonb_array_elements(state -> 'seen') s WHERE s ->> 0 = $1`;
      expect(await this.rows(sql, [scope])).toHaveLength(1);
    });
  }

  /** Docker hosts have reported. */
  reported(hosts: DockerHost[]): void {
    this.dockerHosts = hosts;
    this.bus.announce(dockerhostReported, hosts[0]?.id ?? 'none', { hostId: hosts[0]?.id ?? 'none' });
  }

  /** Open alerts. */
  async open(): Promise<Alert[]> {
    const { alerts } = await this.bus.request(alertList, {});
    return alerts;
  }

  /** Waits until exactly these alerts are open. */
  async until(ids: string[]): Promise<Alert[]> {
    return eventually(async () => {
      const open = await this.open();
      expect(open.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
      return open;
    });
  }

  /** The bodies that the receiver got. */
  received(): { alert?: { id: string }; alerts?: { id: string }[] }[] {
    return this.receiver.requests.map(({ body }) => JSON.parse(body) as never);
  }

  async rows<R extends object>(sql: string, values: unknown[] = []): Promise<R[]> {
    return (await this.postgres.query<R & Record<string, unknown>>('test', sql, values)).rows;
  }
}
