import { Bus } from '@lapwing/bus';
import {
  alertConfigUpdate,
  alertList,
  defaultSystemSettings,
  dockerhostList,
  hostSampled,
  nodeList,
  settingsGet,
  webhookCreate,
  type Actor,
  type HostFigures,
} from '@lapwing/contracts';
import { NatsServer, WebhookReceiver, eventually, hostFigures, hostSample } from '@lapwing/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OwnPostgres } from './own-postgres.js';

const main = fileURLToPath(new URL('../../apps/alerting/dist/main.js', import.meta.url));
const actor: Actor = { name: 'admin', userId: null, sessionHash: null, permissions: ['*'], address: '127.0.0.1' };
/** As many as `deploy/local` allows. */
const MAX_PAYLOAD = 4 * 2 ** 20;

/** What a receiver was told, in the form that the service "generic" has. */
export interface Told {
  /** The same each time the same message is sent. */
  delivery: string;
  event: string;
  count: number;
  alerts: string[];
  /** By the clock of this process, milliseconds since 1970. */
  at: number;
}

/** Replicas of alerting as processes, over servers of a test's own; hosts and the other services are played on the bus. */
export class AlertingReplicas {
  readonly #replicas: (ChildProcess | undefined)[] = [];
  readonly told: Told[] = [];
  #seq = 0;

  private constructor(
    readonly nats: NatsServer,
    readonly postgres: OwnPostgres,
    readonly bus: Bus,
    readonly receiver: WebhookReceiver,
  ) {
    receiver.answer = ({ headers, body }) => {
      const { event, count, alerts } = JSON.parse(body) as Omit<Told, 'alerts'> & { alerts: { id: string }[] };
      const delivery = headers['x-lapwing-delivery'] ?? '';
      this.told.push({ delivery, event, count, alerts: alerts.map(({ id }) => id), at: Date.now() });
      return {};
    };
  }

  /** Starts servers and so many replicas, and waits until one of them answers. */
  static async start(replicas: number): Promise<AlertingReplicas> {
    const postgres = await OwnPostgres.start();
    const nats = await NatsServer.start(undefined, [`max_payload: ${MAX_PAYLOAD}`]);
    const bus = new Bus({ service: 'test', servers: nats.url, streams: 'make' });
    bus.onModuleInit();
    await eventually(() => bus.online);
    bus.respond(settingsGet, async () => defaultSystemSettings);
    bus.respond(nodeList, async () => ({ nodes: [] }));
    bus.respond(dockerhostList, async () => ({ hosts: [], next: null }));
    const alerting = new AlertingReplicas(nats, postgres, bus, await WebhookReceiver.start());
    for (let number = 0; number < replicas; number++) alerting.run(number);
    await alerting.configure({});
    const draft = { name: 'Receiver', url: `${alerting.receiver.url}/hook` };
    await alerting.divided(replicas);
    await eventually(() => bus.request(webhookCreate, { actor, draft }));
    return alerting;
  }

  /** Starts a replica (again). */
  run(number: number): void {
    // Where it can, the kernel ends it with the test.
    const bound = existsSync('/usr/bin/setpriv');
    const program = bound ? '/usr/bin/setpriv' : process.execPath;
    const args = bound ? ['--pdeathsig', 'KILL', '--', process.execPath, main] : [main];
    this.#replicas[number] = spawn(program, args, {
      env: {
        ...process.env,
        NATS_URL: this.nats.url,
        DATABASE_URL: this.postgres.url,
        LAPWING_SECRET_KEY: 'ab'.repeat(32),
        ALERTING_PRIVATE_NETWORKS: '127.0.0.1/32',
      },
      stdio: ['ignore', process.env['LAPWING_TEST_PRINT'] ? 'inherit' : 'ignore', 'inherit'],
    });
  }

  /** Kills a replica at once. */
  async kill(number: number): Promise<void> {
    const replica = this.#replicas[number];
    this.#replicas[number] = undefined;
    if (!replica || replica.exitCode !== null) return;
    replica.kill('SIGKILL');
    await once(replica, 'exit');
  }

  /** Which of the replicas runs no more although nobody has killed it. */
  dead(): number[] {
    return this.#replicas.flatMap((replica, number) => (replica && replica.exitCode !== null ? [number] : []));
  }

  /** Waits until all partitions are judged, by so many processes. */
  async divided(replicas: number): Promise<void> {
    await eventually(async () => {
      const [row] = await this.postgres.rows<{ holders: string; n: string }>(
        'SELECT count(DISTINCT holder) AS holders, count(*) AS n FROM alerting.partition',
      );
      if (Number(row?.holders) !== replicas || Number(row?.n) !== 16) throw new Error(JSON.stringify(row));
    }, 60_000);
  }

  /** Changes rules, as soon as somebody answers. */
  async configure(patch: Record<string, unknown>): Promise<void> {
    await eventually(() => this.bus.request(alertConfigUpdate, { actor, patch }), 30_000);
  }

  /** A host was sampled now; told as often as it takes until the stream has it, as collectors do. */
  async sample(agentId: string, changes: Partial<HostFigures>): Promise<void> {
    const seq = ++this.#seq;
    const system = { ...hostFigures().system, hostname: agentId };
    const samples = [hostSample(seq, Date.now(), { system, ...changes })];
    const payload = { agentId, outbox: '0a1b2c3d4e5f', samples };
    await eventually(() => this.bus.publish(hostSampled, agentId, payload, `sample-${seq}`), 60_000);
  }

  /** A host had this much of its processors busy. */
  cpu(agentId: string, totalUsage: number): Promise<void> {
    return this.sample(agentId, { cpu: { ...hostFigures().cpu, totalUsage } });
  }

  /** How many alerts are open. */
  async open(): Promise<number> {
    const [row] = await this.postgres.rows<{ n: string }>(
      'SELECT count(*) AS n FROM alerting.alert WHERE resolved_at IS NULL',
    );
    return Number(row?.n);
  }

  /** Whether somebody answers. */
  async answers(): Promise<boolean> {
    return (await this.bus.request(alertList, {})).alerts.length >= 0;
  }

  /** How many deliveries the ledger has in each status. */
  async ledger(): Promise<Record<string, number>> {
    const rows = await this.postgres.rows<{ status: string; n: string }>(
      'SELECT status, count(*) AS n FROM alerting.delivery GROUP BY status',
    );
    return Object.fromEntries(rows.map(({ status, n }) => [status, Number(n)]));
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    for (const number of this.#replicas.keys()) await this.kill(number);
    this.receiver.stop();
    await this.bus.onApplicationShutdown();
    await this.nats.stop();
    await this.postgres.remove();
  }
}

/** How often the same was told: of each alert the messages, and of each message how often it came. */
export function countTold(told: readonly Told[], event: string) {
  const messages = new Map<string, Set<string>>();
  const deliveries = new Map<string, number>();
  for (const one of told.filter((message) => message.event === event)) {
    deliveries.set(one.delivery, (deliveries.get(one.delivery) ?? 0) + 1);
    for (const id of one.alerts) messages.set(id, (messages.get(id) ?? new Set()).add(one.delivery));
  }
  const sentAgain = [...deliveries.values()].reduce((sum, count) => sum + count - 1, 0);
  const toldAgain = [...messages.values()].reduce((sum, { size }) => sum + size - 1, 0);
  return { alerts: messages.size, messages: deliveries.size, sentAgain, toldAgain };
}
