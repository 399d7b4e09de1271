import { Bus } from '@lapwing/bus';
import {
  LapwingError,
  agentGet,
  defaultSystemSettings,
  healthGet,
  historyGet,
  gpuHistoryGet,
  hostSampled,
  latestSampleGet,
  ledgerGet,
  principalGet,
  principalsChanged,
  securityStatusGet,
  processGet,
  processList,
  nodeList,
  processSignal,
  services,
  settingsGet,
  settingsUpdate,
  type ConfiguredNode,
  type HealthStatus,
  type HostSample,
  type InputOf,
  type OutputOf,
  type Principal,
  type RequestContract,
  type ServiceName,
} from '@lapwing/contracts';
import { NatsServer, eventually, hostFigures, redisUrl } from '@lapwing/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { loadConfig } from '../src/config';
import { GatewayModule } from '../src/gateway.module';
import { hashOf } from '../src/http/credential';
import { startGateway } from '../src/http/start';

/** A token that may do everything. */
export const ADMIN_TOKEN = 'token-of-an-admin';

const CREDENTIALS = { authorization: `Bearer ${ADMIN_TOKEN}` };

/** A principal that may do this much. */
export function principal(permissions: string[], more: Partial<Principal> = {}): Principal {
  const id = '018f3c1e-7d2a-4c3b-9a54-0123456789ab';
  const rest = { userId: null, name: 'token:test', user: null, csrfHash: null, expiresAt: null };
  return { kind: 'token', id, permissions, ...rest, ...more };
}

/** The workers that services run. */
const workersOf: Partial<Record<ServiceName, string[]>> = {
  fleet: ['gpu_monitor', 'presence'],
  alerting: ['evaluation', 'clock', 'deliveries', 'log rules'],
  'metrics-store': ['rollups'],
  'log-store': ['logs_maintenance'],
  updates: ['rollouts'],
};

/** What the services behind the gateway answer, and what they were asked. */
export class Behind {
  health: Partial<Record<ServiceName, HealthStatus>> = {};
  history: unknown = { times: [], columns: {} };
  gpu: unknown = { samples: [] };
  ledger: unknown = { hours: [], gaps: [] };
  refusal: LapwingError | Error | undefined;
  principals = new Map([[hashOf(ADMIN_TOKEN), principal(['*'])]]);
  authAway = false;
  security = {
    users: true,
    tokens: true,
    tokenHint: null,
    oidcIssuer: null,
    registration: false,
    recoveryUntil: null as number | null,
  };
  asked: { name: string; input: unknown }[] = [];
  nodes: ConfiguredNode[] = [];
  mockMode = defaultSystemSettings.mockMode;
  apiKeyEnabled = true;
  settingsAway = false;
}

/** The gateway on real servers; the services behind it are played on the bus. */
export class Harness {
  readonly behind = new Behind();
  readonly #replicas: NestFastifyApplication[] = [];

  private constructor(
    readonly nats: NatsServer,
    readonly bus: Bus,
    readonly app: NestFastifyApplication,
    readonly url: string,
  ) {}

  /** @param behind what the services answer from the first question on: the gateway asks for some of it rarely. */
  static async start(environment: Record<string, string> = {}, behind: Partial<Behind> = {}): Promise<Harness> {
    const nats = await NatsServer.start();
    const bus = new Bus({ service: 'behind', servers: nats.url });
    bus.onModuleInit();
    await eventually(() => bus.online);
    const config = loadConfig({
      NATS_URL: nats.url,
      REDIS_URL: redisUrl(),
      PORT: '0',
      COLLECTOR_AGENT_ID: 'web-1',
      RATE_LIMIT_PER_MINUTE: '1000000',
      ...environment,
    });
    const app = await startGateway(GatewayModule.register(config), config);
    const harness = new Harness(nats, bus, app, (await app.getUrl()).replace(/\[::1\]|0\.0\.0\.0/, '127.0.0.1'));
    Object.assign(harness.behind, behind);
    harness.#play();
    await harness.settle();
    await eventually(async () => expect((await harness.get('/api/system/health/ready')).status).toBe(200));
    return harness;
  }

  /** Starts one more gateway on the same servers; returns where it is. */
  async replica(environment: Record<string, string> = {}): Promise<string> {
    const config = loadConfig({ NATS_URL: this.nats.url, REDIS_URL: redisUrl(), PORT: '0', ...environment });
    const app = await startGateway(GatewayModule.register(config), config);
    this.#replicas.push(app);
    return (await app.getUrl()).replace(/\[::1\]|0\.0\.0\.0/, '127.0.0.1');
  }

  async stop(): Promise<void> {
    for (const replica of this.#replicas.splice(0)) await replica.close();
    await this.app.close();
    await this.bus.onApplicationShutdown();
    await this.nats.stop();
  }

  #play(): void {
    const { behind, bus } = this;
    const answer = <T>(name: string, input: unknown, value: T): Promise<T> => {
      behind.asked.push({ name, input });
      return behind.refusal ? Promise.reject(behind.refusal) : Promise.resolve(value);
    };
    for (const service of services)
      bus.respond(healthGet(service), async () => {
        const status = behind.health[service] ?? 'healthy';
        const worker = (name: string) => ({ name, kind: 'worker' as const, status, message: 'a message' });
        const known: HealthStatus = status === 'unhealthy' ? status : 'healthy';
        const database = {
          name: 'database',
          kind: 'dependency' as const,
          status: known,
          message: 'Database operational',
        };
        return { service, status, checks: [database, ...(workersOf[service] ?? []).map(worker)] };
      });
    const asked = (): Promise<void> =>
      behind.authAway ? Promise.reject(new LapwingError('UNAVAILABLE', 'the database is away')) : Promise.resolve();
    bus.respond(principalGet, async ({ hash }) => {
      await asked();
      return { principal: behind.principals.get(hash) ?? null };
    });
    bus.respond(securityStatusGet, async () => {
      await asked();
      return behind.security;
    });
    bus.respond(historyGet, (input) => answer('history', input, behind.history as never));
    bus.respond(gpuHistoryGet, (input) => answer('gpu', input, behind.gpu as never));
    bus.respond(ledgerGet, (input) => answer('ledger', input, behind.ledger as never));
    bus.respond(agentGet, async ({ id }) => {
      throw new LapwingError('NOT_FOUND', `no agent "${id}"`, { agent_id: id });
    });
    bus.respond(latestSampleGet, (input) => answer('latest', input, null));
    const settings = defaultSystemSettings;
    bus.respond(settingsGet, async () => {
      if (behind.settingsAway) throw new LapwingError('UNAVAILABLE', 'the database is away');
      return { ...settings, mockMode: behind.mockMode, apiKeyEnabled: behind.apiKeyEnabled };
    });
    bus.respond(nodeList, async () => ({ nodes: behind.nodes }));
    bus.respond(settingsUpdate, ({ refreshInterval, ...input }) =>
      answer('settings', { ...input, refreshInterval }, { ...settings, refreshInterval: refreshInterval ?? 5 }),
    );
    const [entry] = hostFigures().processes.topByCpu;
    if (!entry) throw new Error('no process');
    bus.respondAs(processList, 'web-1', (input) => answer('list', input, { processes: [entry], total: 1 }));
    bus.respondAs(processGet, 'web-1', (input) =>
      answer('get', input, {
        ...entry,
        pid: input.pid,
        cmdline: 'worker --fast',
        startTime: Date.UTC(2026, 0, 15, 10),
      }),
    );
    bus.respondAs(processSignal, 'web-1', (input: InputOf<typeof processSignal>) => answer('signal', input, input));
  }

  /** Plays one more answer; when this resolves, whoever asks gets it. */
  async respond<C extends RequestContract>(
    contract: C,
    answer: (input: InputOf<C>) => Promise<OutputOf<C>>,
  ): Promise<void> {
    this.bus.respond(contract, answer);
    await this.settle();
  }

  /** Waits until NATS knows all who answer and listen here: the gateway has a connection of its own, and could be faster. */
  async settle(): Promise<void> {
    await this.bus.connection.link().connection.flush();
  }

  /** Says that a host was sampled. */
  sample(sample: HostSample, agentId = 'web-1') {
    return this.bus.publish(hostSampled, agentId, { agentId, outbox: '0a1b2c3d4e5f', samples: [sample] });
  }

  /** Takes a credential away, as auth does. */
  revoke(token: string): void {
    this.behind.principals.delete(hashOf(token));
    this.bus.announce(principalsChanged, 'all', { reason: 'test' });
  }

  async get(
    path: string,
    headers: Record<string, string> = CREDENTIALS,
  ): Promise<{ status: number; body: unknown; headers: Headers }> {
    const answer = await fetch(this.url + path, { headers });
    return { status: answer.status, body: await answer.json().catch(() => undefined), headers: answer.headers };
  }

  async post(
    path: string,
    body: unknown,
    headers: Record<string, string> = CREDENTIALS,
  ): Promise<{ status: number; body: unknown }> {
    return this.send('POST', path, body, headers);
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = CREDENTIALS,
  ): Promise<{ status: number; body: unknown }> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const type: Record<string, string> = text === undefined ? {} : { 'content-type': 'application/json' };
    const init = { method, headers: { ...type, ...headers }, ...(text !== undefined && { body: text }) };
    const answer = await fetch(this.url + path, init);
    return { status: answer.status, body: await answer.json().catch(() => undefined) };
  }

  /** A request with any headers and any path, which fetch would not send. */
  async raw(
    path: string,
    headers: Record<string, string> = CREDENTIALS,
    method = 'GET',
    sent?: string,
  ): Promise<{ status: number; body: string }> {
    const { hostname, port } = new URL(this.url);
    const call = httpRequest({ hostname, port, path, method, headers }).end(sent);
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    let body = '';
    for await (const chunk of response) body += String(chunk);
    return { status: response.statusCode ?? 0, body };
  }
}

/** Follows a stream of events. */
export class Follower {
  readonly events: { id: string; event: string; data: { agent_id?: string; seq?: number; reason?: string } }[] = [];
  comments = 0;
  ended = false;
  /** The last id that came. */
  resumesAt = '';
  readonly #abort = new AbortController();

  static async open(url: string, headers: Record<string, string> = CREDENTIALS): Promise<Follower> {
    const follower = new Follower();
    const answer = await fetch(url, { headers, signal: follower.#abort.signal });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    void follower.#read(answer);
    return follower;
  }

  async #read(answer: Response): Promise<void> {
    let rest = '';
    try {
      for await (const chunk of answer.body ?? []) {
        rest += Buffer.from(chunk as Uint8Array).toString();
        const blocks = rest.split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
      }
    } catch {
      // closed from here
    }
    this.ended = true;
  }

  #take(block: string): void {
    const fields = Object.fromEntries(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    );
    if ('' in fields) this.comments++;
    this.resumesAt = fields['id'] ?? this.resumesAt;
    if (fields['event'])
      this.events.push({
        id: fields['id'] ?? '',
        event: fields['event'],
        data: JSON.parse(fields['data'] ?? '{}') as object,
      });
  }

  seqs(): (number | undefined)[] {
    return this.events.filter((event) => event.event === 'metrics').map((event) => event.data.seq);
  }

  close(): void {
    this.#abort.abort();
  }
}
