import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { eventually } from './eventually.js';

/** What `npm test` has prepared. Throws where a test was started without it. */
function prepared(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set: run tests with "npm test -- <path>"`);
  return value;
}

/** A port of the loopback address that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a program that the kernel ends with this process, where it can. */
function spawnBound(program: string, args: string[]): ChildProcess {
  const bound = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--', program] : [program];
  const [command = program, ...before] = bound;
  return spawn(command, [...before, ...args], { stdio: 'ignore' });
}

/** A real NATS server of a test's own, which can be killed and started again with what it kept. */
export class NatsServer {
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly config: string[],
  ) {}

  /**
   * Starts one on a free port.
   * @param authFolder the keys of the bus, where it shall let in only whom they allow.
   * @param config more lines of its configuration, e.g. its place in a cluster.
   */
  static async start(authFolder?: string, config: string[] = []): Promise<NatsServer> {
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-nats-'));
    const resolver = `resolver: { type: full, dir: ${JSON.stringify(path.join(folder, 'accounts'))}, interval: "2s" }`;
    const auth = authFolder ? [readFileSync(path.join(authFolder, 'auth.conf'), 'utf8'), resolver] : [];
    const server = new NatsServer(await freePort(), folder, [...auth, ...config]);
    await server.run();
    return server;
  }

  /** Where it is. */
  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it (again) with what it kept. */
  async run(): Promise<void> {
    const config = path.join(this.folder, 'nats.conf');
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(config, this.config.join('\n'));
    const place = ['--addr', '127.0.0.1', '--port', String(this.port), '--config', config];
    const args = [...place, '--jetstream', '--store_dir', this.folder];
    this.#process = spawnBound(prepared('LAPWING_NATS_SERVER'), args);
    await eventually(async () => {
      const socket = connect(this.port, '127.0.0.1');
      try {
        await once(socket, 'data');
        return true;
      } finally {
        socket.destroy();
      }
    });
  }

  /** Stops it where it is, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal);
  }

  /** Kills it at once, as `kill -9` does. */
  async kill(): Promise<void> {
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  }

  /** Forgets what it kept; only while it does not run. */
  async forget(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Kills it and forgets what it kept. */
  async stop(): Promise<void> {
    await this.kill();
    await this.forget();
  }
}

/** The kinds of PostgreSQL that tests can run on. */
export type DatabaseKind = 'plain' | 'timescale';

/** The kinds that this run has; says loudly when TimescaleDB is not among them. */
export function databaseKinds(): DatabaseKind[] {
  if (process.env['LAPWING_TEST_TIMESCALE_URL']) return ['plain', 'timescale'];
  process.stderr.write('\n!!! NO TIMESCALEDB HERE: these tests run on plain PostgreSQL alone !!!\n\n');
  return ['plain'];
}

/** A database of a test's own on the real server. Returns its address and what removes it. */
export async function createDatabase(
  kind: DatabaseKind = 'plain',
): Promise<{ url: string; drop: () => Promise<void> }> {
  const server = prepared(kind === 'plain' ? 'LAPWING_TEST_DATABASE_URL' : 'LAPWING_TEST_TIMESCALE_URL');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The address of the real Redis server. */
export function redisUrl(): string {
  return prepared('LAPWING_TEST_REDIS_URL');
}
