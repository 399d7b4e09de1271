import { eventually } from '@lapwing/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const program = fileURLToPath(new URL('../own-postgres.mjs', import.meta.url));

/** A PostgreSQL of a test's own, which can be paused without harm to other tests. */
export class OwnPostgres {
  private constructor(
    private readonly folder: string,
    private readonly launcher: ChildProcess,
    readonly url: string,
    private readonly pid: number,
  ) {}

  /**
   * Makes a database and starts its server.
   * @param settings (`name=value`) beside the usual ones.
   * @param password of its user "lapwing"; a made one by default.
   */
  static async start(settings: string[] = [], password?: string): Promise<OwnPostgres> {
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-postgres-'));
    if (password !== undefined) {
      await mkdir(path.join(folder, 'postgres'));
      await writeFile(path.join(folder, 'postgres/password'), `${password}\n`, { mode: 0o600 });
    }
    const launcher = spawn(process.execPath, [program, folder, ...settings], { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    launcher.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const line = await eventually(() => printed.split('\n').find((one) => one.startsWith('{')) ?? false, 60_000);
    const { url, pid } = JSON.parse(line as string) as { url: string; pid: number };
    return new OwnPostgres(folder, launcher, url, pid);
  }

  /** Stops all its processes where they are, as SIGSTOP does. */
  async pause(): Promise<void> {
    await this.#signal('SIGSTOP');
  }

  /** Lets them go on. */
  async resume(): Promise<void> {
    await this.#signal('SIGCONT');
  }

  /** Runs one statement over a connection of its own. */
  async rows<R extends pg.QueryResultRow>(sql: string): Promise<R[]> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      return (await client.query<R>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Ends it and removes its data. */
  async remove(): Promise<void> {
    await this.resume();
    if (this.launcher.exitCode === null) {
      this.launcher.kill('SIGTERM');
      await once(this.launcher, 'exit');
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The first process before its children: it must start no others meanwhile. */
  async #signal(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    process.kill(this.pid, signal);
    for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
      const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (parent === this.pid) process.kill(Number(name), signal);
    }
  }
}
