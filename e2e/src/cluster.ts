import { makeBusKeys } from '@lapwing/bus';
import { NatsServer, eventually } from '@lapwing/testing';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Balancer } from './balancer.js';
import { OwnPostgres } from './own-postgres.js';
import { OwnRedis } from './own-redis.js';
import { Replica } from './replica.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const ADMIN_PASSWORD = 'e2e-admin-password';
/** As many as `deploy/local` allows. */
const MAX_PAYLOAD = 4 * 2 ** 20;
/** Two replicas of each service, and a third while one is replaced. */
const MAX_CONNECTIONS = 250;

/** Where what replicas print goes; it is removed with everything else unless somebody wants to read it. */
const logsOf = (folder: string): string => process.env['LAPWING_TEST_LOGS'] ?? path.join(folder, 'logs');

/** What came of replacing a replica. */
export interface Replaced {
  service: string;
  code: number | null;
  readyMs: number;
  stoppedMs: number;
}

/** The services that run as containers, and the program of each. */
async function programs(): Promise<Record<string, string>> {
  const list = `import { services } from './deploy/checks/settings.mjs'; process.stdout.write(JSON.stringify(services));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', list], { cwd: root });
  return JSON.parse(stdout) as Record<string, string>;
}

/** Lapwing as a cluster runs it: servers of its own, and several replicas of each service, each a process with the environment of its container. */
export class Cluster {
  readonly replicas = new Map<string, Replica[]>();
  #started = 0;
  #token = '';

  private constructor(
    readonly folder: string,
    readonly postgres: OwnPostgres,
    readonly nats: NatsServer,
    readonly redis: OwnRedis,
    readonly balancer: Balancer,
    private readonly commands: Record<string, string>,
  ) {}

  /** Starts servers, migrates, starts so many replicas of each service, and waits until all are ready. */
  static async start(replicas: number): Promise<Cluster> {
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-cluster-'));
    await makeBusKeys(path.join(folder, 'keys'));
    await mkdir(logsOf(folder), { recursive: true });
    const [postgres, nats, redis] = await Promise.all([
      OwnPostgres.start([`max_connections=${MAX_CONNECTIONS}`]),
      NatsServer.start(path.join(folder, 'keys'), [`max_payload: ${MAX_PAYLOAD}`]),
      OwnRedis.start(),
    ]);
    const cluster = new Cluster(folder, postgres, nats, redis, await Balancer.start(), await programs());
    const starting = Array.from({ length: replicas }, () => cluster.services.map((service) => cluster.add(service)));
    await cluster.migrate(root);
    const started = await Promise.all(starting.flat());
    await Promise.all(started.map((replica) => replica.ready()));
    await eventually(() => cluster.balancer.ready === replicas, 60_000);
    await cluster.#logIn();
    return cluster;
  }

  /** Every service. */
  get services(): string[] {
    return Object.keys(this.commands);
  }

  /** Where users reach it. */
  get url(): string {
    return this.balancer.url;
  }

  /** The header that speaks for the administrator. */
  get credentials(): { authorization: string } {
    return { authorization: `Bearer ${this.#token}` };
  }

  /** Brings the database to where a version needs it, as the Job does. Returns what it said. */
  async migrate(folder: string): Promise<string> {
    const env = { PATH: process.env['PATH'], ...this.#environment() };
    return (await run(process.execPath, [path.join(folder, 'apps/updates/dist/migrate.js')], { env })).stdout;
  }

  /** Starts one more replica, of the version in a folder. */
  async add(service: string, folder = root): Promise<Replica> {
    const log = path.join(logsOf(this.folder), `${service}-${++this.#started}.log`);
    const program = this.commands[service] ?? '';
    const replica = await Replica.start({ service, program, folder, log, environment: this.#environment() });
    this.replicas.set(service, [...(this.replicas.get(service) ?? []), replica]);
    if (service === 'gateway') this.balancer.add(replica);
    return replica;
  }

  /** Starts a replacement for a replica, waits until it is ready, and then asks the old one to end. */
  async replace(old: Replica, folder: string): Promise<Replaced> {
    const { service } = old.options;
    const begun = performance.now();
    const replacement = await this.add(service, folder);
    await replacement.ready();
    if (service === 'gateway') await eventually(() => this.balancer.sendsTo(replacement), 30_000);
    const readyMs = Math.round(performance.now() - begun);
    const { code, ms } = await this.retire(old);
    return { service, code, readyMs, stoppedMs: ms };
  }

  /** Asks a replica to end, and waits until it has: with which code, and after how long. */
  async retire(replica: Replica): Promise<{ code: number | null; ms: number }> {
    const { service } = replica.options;
    const end = await replica.stop();
    this.balancer.remove(replica);
    this.replicas.set(
      service,
      (this.replicas.get(service) ?? []).filter((one) => one !== replica),
    );
    return end;
  }

  /** Asks on the administrator's behalf; the answer must be good. */
  async ask<T>(method: string, route: string, body?: unknown): Promise<T> {
    const answer = await fetch(this.url + route, {
      method,
      headers: { ...this.credentials, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
    const text = await answer.text();
    if (answer.status > 299) throw new Error(`${method} ${route} is answered with ${answer.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** Ends everything and removes what it kept. */
  async remove(): Promise<void> {
    this.balancer.stop();
    await Promise.all([...this.replicas.values()].flat().map((replica) => replica.stop()));
    await Promise.all([this.nats.stop(), this.redis.remove(), this.postgres.remove()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  async #logIn(): Promise<void> {
    const answer = await this.ask<{ token: string }>('POST', '/api/v1/auth/login', {
      username: 'admin',
      password: ADMIN_PASSWORD,
    });
    this.#token = answer.token;
  }

  #environment(): Record<string, string> {
    return {
      NODE_ENV: 'production',
      LOG_LEVEL: process.env['LAPWING_TEST_LOG_LEVEL'] ?? 'warn',
      NATS_URL: this.nats.url,
      NATS_CREDENTIALS_DIR: path.join(this.folder, 'keys/credentials'),
      FLEET_AUTHORITY_FILE: path.join(this.folder, 'keys/authority.json'),
      FLEET_AGENT_NATS_URL: this.nats.url,
      DATABASE_URL: this.postgres.url,
      REDIS_URL: this.redis.url,
      LAPWING_MIGRATIONS: 'wait',
      LAPWING_SECRET_KEY: 'ab'.repeat(32),
      LAPWING_ADMIN_PASSWORD: ADMIN_PASSWORD,
      ALERTING_PRIVATE_NETWORKS: '127.0.0.1/32',
      SETTINGS_DATA_DIR: path.join(this.folder, 'data'),
      UPDATES_DATA_DIR: path.join(this.folder, 'updates'),
      // The simulated hosts have no version to follow.
      UPDATES_AGENTS: 'manual',
      // Clients of the test ask as fast as they can, all from one address.
      RATE_LIMIT_PER_MINUTE: '1000000',
    };
  }
}
