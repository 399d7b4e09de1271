import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(new URL('../../apps/collector/dist/agent/lapwing-agent.mjs', import.meta.url));

/** An agent as it runs on a host: the file that hosts download, in a process of its own. */
export class AgentProcess {
  #process: ChildProcess | undefined;
  #printed = '';

  private constructor(readonly folder: string) {}

  /** One that was not started yet, with a folder of its own. */
  static async create(): Promise<AgentProcess> {
    return new AgentProcess(await mkdtemp(path.join(tmpdir(), 'lapwing-agent-')));
  }

  /** What it printed. */
  get printed(): string {
    return this.#printed;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** What it ended with; null while it runs. */
  get exitCode(): number | null {
    return this.#process?.exitCode ?? null;
  }

  /** Starts it (again). */
  start(environment: Record<string, string>, args: string[] = []): void {
    this.#process = spawn(process.execPath, ['--lite-mode', file, ...args], {
      cwd: this.folder,
      env: {
        PATH: process.env['PATH'],
        TMPDIR: process.env['TMPDIR'],
        COLLECTOR_DATA_DIR: this.folder,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#printed += chunk.toString()));
  }

  /** The key and the JWT that it keeps on disk. */
  async identity(): Promise<{ seed: string; jwt: string; servers: string[] }> {
    return JSON.parse(await readFile(path.join(this.folder, 'identity.json'), 'utf8')) as never;
  }

  /** Ends it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    running.kill(signal);
    await once(running, 'exit');
  }

  /** Ends it, and forgets all that it kept. */
  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }
}
