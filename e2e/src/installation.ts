import { eventually, freePort } from '@lapwing/testing';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const TOKEN = 'e2e-token-of-an-installation';

/** Runs one of the release tools, as whoever makes releases does. */
export async function lapwingRelease(...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, ['deploy/release/cli.mjs', ...args], {
    cwd: root,
    maxBuffer: 2 ** 24,
  });
  return stdout;
}

/** Lapwing as it is installed from a release: under the guard, and that under a supervisor which starts it again whenever it ends. */
export class Installation {
  #guard: ChildProcess | undefined;
  #stopping = false;
  #printed = '';

  private constructor(
    /** Everything that belongs to it. */
    readonly folder: string,
    readonly port: number,
    readonly agentsPort: number,
  ) {}

  /** Unpacks and installs a release. */
  static async of(archive: string): Promise<Installation> {
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-installed-'));
    const unpacked = path.join(folder, 'unpacked');
    await mkdir(unpacked);
    await run('tar', ['-xzf', archive, '-C', unpacked]);
    const [top = ''] = await readdir(unpacked);
    const installation = new Installation(folder, await freePort(), await freePort());
    await run(process.execPath, [path.join(unpacked, top, 'deploy/guard/install.mjs'), '--to', installation.place]);
    await rm(unpacked, { recursive: true });
    return installation;
  }

  /** Where it is installed. */
  get place(): string {
    return path.join(this.folder, 'installed');
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What the guard and what it ran printed. */
  get printed(): string {
    return this.#printed;
  }

  /** Starts it, and whenever it ends starts it again. */
  start(environment: Record<string, string> = {}): void {
    this.#stopping = false;
    const { NATS_URL: _nats, DATABASE_URL: _database, REDIS_URL: _redis, ...inherited } = process.env;
    const env = {
      ...inherited,
      HOST: '127.0.0.1',
      PORT: String(this.port),
      LAPWING_AGENTS_PORT: String(this.agentsPort),
      LAPWING_DATA_DIR: path.join(this.folder, 'data'),
      API_TOKENS: TOKEN,
      LOG_LEVEL: 'info',
      RATE_LIMIT_PER_MINUTE: '1000000',
      ...environment,
    };
    const guard = spawn(process.execPath, [path.join(this.place, 'guard/guard.mjs')], {
      cwd: this.folder,
      env,
      detached: true,
    });
    this.#guard = guard;
    for (const stream of [guard.stdout, guard.stderr])
      stream.on('data', (chunk: Buffer) => (this.#printed += chunk.toString()));
    guard.once('exit', () => {
      if (!this.#stopping) setTimeout(() => !this.#stopping && this.start(environment), 500);
    });
  }

  /** The version that runs and is ready; empty when none is. */
  async ready(): Promise<string> {
    try {
      const ask = (route: string) => fetch(this.url + route, { signal: AbortSignal.timeout(3000) });
      const { version } = (await (await ask('/health')).json()) as { version: string };
      return (await ask('/api/system/health/ready')).status === 200 ? version : '';
    } catch {
      return '';
    }
  }

  /** Waits until a version is ready. */
  async runs(version: string, withinMs = 60_000): Promise<void> {
    await eventually(async () => {
      if ((await this.ready()) !== version) throw new Error(`${version} does not run:\n${this.#printed.slice(-3000)}`);
    }, withinMs);
  }

  /** The version that `current` names. */
  async current(): Promise<string> {
    return path.basename(await readlink(path.join(this.place, 'current')));
  }

  /** What the guard and the updater told each other last. */
  async journal(): Promise<Record<string, unknown>> {
    return JSON.parse(await readFile(path.join(this.place, 'journal.json'), 'utf8').catch(() => '{}')) as Record<
      string,
      unknown
    >;
  }

  /** Speaks for the administrator. An API token of the environment, since sessions end with the Redis server that an installation brings. */
  get credentials(): Record<string, string> {
    return { 'x-api-token': TOKEN };
  }

  /** Sends a request on the administrator's behalf. */
  async fetch(method: string, route: string, body?: unknown): Promise<Response> {
    return fetch(this.url + route, {
      method,
      headers: { ...this.credentials, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(150_000),
    });
  }

  /** Asks on the administrator's behalf; the answer must be good. */
  async ask<T>(method: string, route: string, body?: unknown): Promise<T> {
    const answer = await this.fetch(method, route, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${route} is answered with ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** The power goes: everything ends at once. The supervisor starts it again when it is back. */
  async powerCut(): Promise<void> {
    const all = await this.#processes();
    for (const pid of all)
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it has ended by itself meanwhile
      }
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const guard = this.#guard;
    if (!guard || guard.exitCode !== null || guard.signalCode !== null) return;
    const exited = once(guard, 'exit');
    guard.kill('SIGTERM');
    await exited;
  }

  /** Ends it, and removes all that it has left. */
  async remove(): Promise<void> {
    await this.stop();
    await this.powerCut();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Its processes, the guard first. */
  async #processes(): Promise<number[]> {
    const found: number[] = [];
    for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
      const read = (file: string): Promise<string> => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '');
      const texts = await Promise.all([
        read('cmdline'),
        read('environ'),
        readlink(`/proc/${name}/cwd`).catch(() => ''),
      ]);
      if (Number(name) !== process.pid && texts.some((text) => text.includes(this.folder))) found.push(Number(name));
    }
    return found.toSorted((one, other) => Number(other === this.#guard?.pid) - Number(one === this.#guard?.pid));
  }
}
