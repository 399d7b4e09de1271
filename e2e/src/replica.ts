import { eventually, freePort } from '@lapwing/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** An address for each, where the machine has many: then nobody else can have taken the port meanwhile, as in a pod. */
const addresses = process.platform === 'linux' ? { next: 2 } : undefined;
const addressOf = (): string => (addresses ? `127.10.${process.pid % 250}.${addresses.next++}` : '127.0.0.1');

const READY_MS = 90_000;
const KILLED_AFTER_MS = 30_000;

/** What a replica runs. */
export interface ReplicaOptions {
  service: string;
  /** Below the folder of the version. */
  program: string;
  /** Where its version lies. */
  folder: string;
  environment: Record<string, string>;
  /** The file that gets what it prints. */
  log: string;
}

/** One process of one service, as a container runs it. */
export class Replica {
  readonly #process: ChildProcess;

  private constructor(
    readonly options: ReplicaOptions,
    readonly address: string,
    readonly port: number,
  ) {
    const { program, folder, environment, log } = options;
    const isGateway = options.service === 'gateway';
    const place = isGateway
      ? { HOST: address, PORT: String(port) }
      : { LAPWING_OPS_HOST: address, LAPWING_OPS_PORT: String(port) };
    const file = openSync(log, 'a');
    // Where it can, the kernel ends it with the test.
    const bound = existsSync('/usr/bin/setpriv')
      ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--', process.execPath]
      : [process.execPath];
    const [command = '', ...before] = bound;
    this.#process = spawn(command, [...before, path.join(folder, program)], {
      cwd: folder,
      env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], ...environment, ...place },
      stdio: ['ignore', file, file],
    });
  }

  /** Starts one. */
  static async start(options: ReplicaOptions): Promise<Replica> {
    return new Replica(options, addressOf(), await freePort());
  }

  /** Where it says whether it is ready. */
  get readiness(): string {
    return `http://${this.address}:${this.port}${this.options.service === 'gateway' ? '/api/system/health/ready' : '/ready'}`;
  }

  /** What it ended with; null while it runs. */
  get exitCode(): number | null {
    return this.#process.exitCode;
  }

  /** Whether it says that it is ready. */
  async isReady(): Promise<boolean> {
    if (this.exitCode !== null)
      throw new Error(`${this.options.service} has ended:\n${readFileSync(this.options.log, 'utf8').slice(-2000)}`);
    try {
      return (await fetch(this.readiness, { signal: AbortSignal.timeout(5000) })).status === 200;
    } catch {
      return false;
    }
  }

  /** Waits until it is ready. */
  async ready(): Promise<void> {
    await eventually(() => this.isReady(), READY_MS);
  }

  /** Asks it to end. Returns with what it ended, and how long it took; one that does not is killed after half a minute. */
  async stop(): Promise<{ code: number | null; ms: number }> {
    const begun = performance.now();
    if (this.exitCode === null && this.#process.signalCode === null) {
      const timer = setTimeout(() => this.kill(), KILLED_AFTER_MS);
      this.#process.kill('SIGTERM');
      await once(this.#process, 'exit');
      clearTimeout(timer);
    }
    return { code: this.exitCode, ms: Math.round(performance.now() - begun) };
  }

  /** Ends it at once. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }
}
