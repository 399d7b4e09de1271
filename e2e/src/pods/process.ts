import { eventually } from '@lapwing/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { sandboxScript, setprivOf, type View } from './sandbox.js';

/** What a container ended with. */
export interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** As many characters of what a container printed are kept. */
const KEPT = 2 ** 20;

/** The first process of a container, in namespaces of its own. */
export class ContainerProcess {
  #child: ChildProcess | undefined;
  #printed = '';
  #pid = 0;

  /** @param folder of its own, where it keeps what the sandbox is put together from. */
  constructor(
    private readonly folder: string,
    private readonly view: Omit<View, 'root' | 'pidFile'>,
    private readonly environment: Record<string, string>,
  ) {}

  /** Its namespaces, as unshare and nsenter name them. */
  get #namespaces(): string[] {
    return ['--mount', '--uts', '--ipc', ...(this.view.hostProcesses ? [] : ['--pid'])];
  }

  /** What it printed. */
  get printed(): string {
    return this.#printed;
  }

  /** What it ended with; undefined while it runs. */
  get end(): End | undefined {
    const { exitCode = null, signalCode = null } = this.#child ?? {};
    if (exitCode === null && signalCode === null) return undefined;
    // unshare wants to end as its child did, by the same signal, and stumbles over SIGKILL.
    if (/^unshare: (sigprocmask|signal).*failed/m.test(this.#printed)) return { code: null, signal: 'SIGKILL' };
    return { code: exitCode, signal: signalCode };
  }

  /** Starts it. The kernel ends it with this process, however that ends. */
  async start(command: string[]): Promise<void> {
    const root = path.join(this.folder, 'root');
    const pidFile = path.join(this.folder, 'pid');
    const script = path.join(this.folder, 'sandbox.sh');
    await mkdir(root, { recursive: true });
    await rm(pidFile, { force: true });
    await writeFile(script, sandboxScript({ ...this.view, root, pidFile }));
    const inside = ['--fork', '--kill-child=KILL', '--propagation=private', '--', '/bin/sh', script, ...command];
    this.#child = spawn(
      '/usr/bin/setpriv',
      ['--pdeathsig=KILL', '--', '/usr/bin/unshare', ...this.#namespaces, ...inside],
      {
        env: this.environment,
        cwd: '/',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#printed = (this.#printed + chunk.toString()).slice(-KEPT)));
    this.#pid = await eventually(() => {
      const pid = Number(existsSync(pidFile) ? readFileSync(pidFile, 'utf8') : '');
      if (this.end !== undefined && pid === 0) throw new Error(`the sandbox cannot be made: ${this.#printed}`);
      if (pid === 0) throw new Error(`the sandbox is not there yet: ${this.#printed}`);
      return pid;
    });
  }

  /** Waits for its end. */
  async ended(): Promise<End> {
    if (!this.end && this.#child) await once(this.#child, 'close');
    return this.end ?? { code: null, signal: null };
  }

  /** Sends a signal to its first process, as a container engine does. */
  signal(name: NodeJS.Signals): void {
    if (this.end || this.#pid === 0) return;
    try {
      process.kill(this.#pid, name);
    } catch {
      // It has ended by itself meanwhile.
    }
  }

  /** Runs a command inside, as a probe does. Gives the code; null where it took too long. */
  async execute(command: string[], withinMs: number): Promise<number | null> {
    const enter = ['--target', String(this.#pid), ...this.#namespaces, '--root', '--wd', '--'];
    const child = spawn('/usr/bin/nsenter', [...enter, 'setpriv', ...setprivOf(this.view.rights), ...command], {
      env: this.environment,
      stdio: 'ignore',
      timeout: Math.ceil(withinMs),
      killSignal: 'SIGKILL',
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  }

  /** What the kernel says of its first process: capabilities, user, mounts; for tests of this node itself. */
  async status(): Promise<string> {
    return readFile(`/proc/${this.#pid}/status`, 'utf8');
  }

  /** The most memory that it has had, in bytes, where this machine counts that. */
  async memoryPeak(): Promise<number | undefined> {
    const { memoryGroup } = this.view;
    if (!memoryGroup) return undefined;
    const read = (name: string): Promise<string> => readFile(path.join(memoryGroup, name), 'utf8').catch(() => '');
    return Number((await read('memory.max_usage_in_bytes')) || (await read('memory.peak'))) || undefined;
  }

  /** Ends it at once, and removes what was made for it. */
  async remove(): Promise<void> {
    this.signal('SIGKILL');
    if (!this.end) this.#child?.kill('SIGKILL');
    await this.ended();
    const { memoryGroup } = this.view;
    if (memoryGroup) await eventually(() => rmdir(memoryGroup)).catch(() => {});
  }
}
