import { eventually, freePort } from '@lapwing/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The password of the user `admin`. */
export const ADMIN_PASSWORD = 'correct horse battery';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A process of Lapwing: its number and its command line. */
export interface Running {
  pid: number;
  args: string[];
}

/** What the API answered; a body that is no JSON object is `{}`. */
export interface Answer<T> {
  status: number;
  body: T;
  headers: Headers;
}

/** Lapwing as a user starts it: the launcher, with a data folder and a port of its own. */
export class Lapwing {
  #launcher: ChildProcess | undefined;
  #printed = '';
  #token = '';
  #addresses = 0;

  private constructor(
    readonly folder: string,
    readonly port: number,
  ) {}

  /** A Lapwing that was not started yet. */
  static async create(): Promise<Lapwing> {
    return new Lapwing(await mkdtemp(path.join(tmpdir(), 'lapwing-e2e-')), await freePort());
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What the launcher printed. */
  get printed(): string {
    return this.#printed;
  }

  get pid(): number {
    return this.#launcher?.pid ?? 0;
  }

  /** Starts it and waits until it says that it runs. Throws with what it printed when it ends before. */
  async start(args: string[] = [], environment: Record<string, string> = {}): Promise<void> {
    this.#printed = '';
    // The servers that are tested elsewhere are not those that this Lapwing shall use.
    const { NATS_URL: _nats, DATABASE_URL: _database, REDIS_URL: _redis, ...inherited } = process.env;
    const launcher = spawn(process.execPath, ['deploy/local/start.mjs', ...args], {
      cwd: root,
      env: {
        ...inherited,
        PORT: String(this.port),
        LAPWING_DATA_DIR: this.folder,
        LOG_LEVEL: 'info',
        LAPWING_ADMIN_PASSWORD: ADMIN_PASSWORD,
        // Tests ask over and over until something has happened.
        RATE_LIMIT_PER_MINUTE: '1000000',
        ...environment,
      },
    });
    this.#launcher = launcher;
    for (const stream of [launcher.stdout, launcher.stderr])
      stream.on('data', (chunk: Buffer) => (this.#printed += chunk.toString()));
    const ended = once(launcher, 'exit').then(() => false);
    const ready = eventually(() => this.#printed.includes('Lapwing is running'), 120_000).then(() => true);
    if (!(await Promise.race([ready, ended]))) throw new Error(this.#printed);
    if (environment['LAPWING_ADMIN_PASSWORD'] === undefined) await this.logIn();
  }

  /** Logs the administrator in: what is asked from now on, is asked on his behalf. */
  async logIn(): Promise<void> {
    const answer = await fetch(`${this.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'admin', password: ADMIN_PASSWORD }),
    });
    if (answer.status !== 200) throw new Error(`the login was answered with ${answer.status}`);
    this.#token = ((await answer.json()) as { token: string }).token;
  }

  /** The header that speaks for the administrator. */
  get credentials(): { authorization: string } {
    return { authorization: `Bearer ${this.#token}` };
  }

  /** Asks it to stop, as Ctrl-C does. Returns what it ended with. */
  async stop(): Promise<number | null> {
    const launcher = this.#launcher;
    if (!launcher || launcher.exitCode !== null || launcher.signalCode !== null) return launcher?.exitCode ?? null;
    launcher.kill('SIGINT');
    const [code] = (await once(launcher, 'exit')) as [number | null];
    return code;
  }

  /** Kills the launcher at once. */
  async kill(): Promise<void> {
    if (!this.#launcher) return;
    this.#launcher.kill('SIGKILL');
    await once(this.#launcher, 'exit');
  }

  /** Stops it and removes its data. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The processes whose command line or working folder belongs to this Lapwing. */
  async processes(): Promise<Running[]> {
    const found: Running[] = [];
    for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
      const read = (file: string): Promise<string> => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '');
      const workingFolder = readlink(`/proc/${name}/cwd`).catch(() => '');
      const [args, ...rest] = await Promise.all([read('cmdline'), read('environ'), workingFolder]);
      if ([args, ...rest].some((text) => text.includes(this.folder)))
        found.push({ pid: Number(name), args: args.split('\0') });
    }
    return found;
  }

  /** The process of a server or a service: the one that the launcher started and supervises. */
  async find(
    what:
      | 'nats'
      | 'postgres'
      | 'metrics-store'
      | 'fleet'
      | 'collector'
      | 'gateway'
      | 'settings'
      | 'auth'
      | 'alerting'
      | 'redis',
  ): Promise<Running> {
    const mark =
      { nats: /nats-server$/, postgres: /\/postgres$/, redis: /redis-server / }[what as string] ??
      new RegExp(`apps/${what}/dist/main.js$`);
    return eventually(async () => {
      const found = (await this.processes()).find(({ args }) => args.some((arg) => mark.test(arg)));
      if (!found) throw new Error(`${what} does not run`);
      return found;
    });
  }

  /** Address of its NATS server. */
  async natsUrl(): Promise<string> {
    const { args } = await this.find('nats');
    return `nats://127.0.0.1:${args[args.indexOf('--port') + 1]}`;
  }

  /** Address of its database. */
  async databaseUrl(): Promise<string> {
    const [, , , port] = (await readFile(path.join(this.folder, 'postgres/data/postmaster.pid'), 'utf8')).split('\n');
    const password = await readFile(path.join(this.folder, 'postgres/password'), 'utf8');
    return `postgres://lapwing:${password.trim()}@127.0.0.1:${port?.trim()}/postgres`;
  }

  /** Asks its API on nobody's behalf; a stream of events is left at once. */
  async ask<T = Record<string, unknown>>(
    method: string,
    route: string,
    headers: Record<string, string> = {},
    body?: unknown,
  ): Promise<Answer<T>> {
    const answer = await fetch(this.url + route, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      redirect: 'manual',
      signal: AbortSignal.timeout(15_000),
    });
    const isStream = answer.headers.get('content-type')?.includes('event-stream') === true;
    if (isStream) await answer.body?.cancel();
    const text = isStream ? '' : await answer.text();
    const parsed = (text.startsWith('{') ? JSON.parse(text) : {}) as T;
    return { status: answer.status, body: parsed, headers: answer.headers };
  }

  /** Logs a user in, as if from an address of its own: an address has ten logins a minute. */
  async credentialsOf(username: string, password: string): Promise<Record<string, string>> {
    const login = { username, password };
    const { status, body } = await this.ask<{ token: string }>('POST', '/api/v1/auth/login', this.elsewhere(), login);
    if (status !== 200) throw new Error(`the login of ${username} was answered with ${status}`);
    return { authorization: `Bearer ${body.token}` };
  }

  /** An address that a trusted proxy vouches for, new each time; wants TRUSTED_PROXIES=127.0.0.1. */
  elsewhere(): Record<string, string> {
    this.#addresses++;
    return { 'x-forwarded-for': `198.51.${Math.floor(this.#addresses / 250)}.${(this.#addresses % 250) + 1}` };
  }

  /** Asks its API on the administrator's behalf. */
  async get<T>(route: string): Promise<{ status: number; body: T }> {
    const answer = await fetch(this.url + route, { signal: AbortSignal.timeout(10_000), headers: this.credentials });
    return { status: answer.status, body: (await answer.json()) as T };
  }
}
