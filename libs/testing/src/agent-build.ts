import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../../../deploy/local/agent.mjs', import.meta.url));

/** The agent in one file, of a version that a test wants. */
export interface AgentBuild {
  file: string;
  version: string;
  size: number;
  /** Hexadecimal. */
  sha256: string;
}

/**
 * Builds the agent as a release does.
 * @param keys whose signatures it trusts.
 * @param fault code that it runs before everything else, other than in its self-test.
 */
export async function buildAgent(build: {
  file: string;
  version: string;
  keys: string[];
  fault?: string;
}): Promise<AgentBuild> {
  const { file, version, keys, fault } = build;
  const env = {
    ...process.env,
    LAPWING_AGENT_OUT: file,
    LAPWING_AGENT_VERSION: version,
    LAPWING_AGENT_KEYS: keys.join(','),
  };
  await promisify(execFile)(process.execPath, [script], { env });
  if (fault !== undefined) {
    const [first = '', ...lines] = (await readFile(file, 'utf8')).split('\n');
    const faulty = `if (!process.argv.includes('--self-test')) { ${fault} }`;
    await writeFile(file, [first, faulty, ...lines].join('\n'));
  }
  const content = await readFile(file);
  return { file, version, size: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

/** An agent under a supervisor that starts it again when it fails, as the unit of systemd does. */
export class SupervisedAgent {
  #process: ChildProcess | undefined;
  #isWanted = false;
  #printed = '';
  /** What each run of it ended with. */
  readonly ends: (number | NodeJS.Signals)[] = [];

  /**
   * @param file the agent that is installed.
   * @param folder its data.
   * @param fileKiB its files may be so large: the disk of a host that is full.
   */
  constructor(
    readonly file: string,
    readonly folder: string,
    private readonly environment: Record<string, string>,
    private readonly fileKiB?: number,
  ) {}

  /** What it printed in all its runs. */
  get printed(): string {
    return this.#printed;
  }

  /** Starts it. */
  start(): void {
    this.#isWanted = true;
    this.#run();
  }

  /** Ends it, as who stops the unit does. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#isWanted = false;
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill(signal);
    await ended;
  }

  /** Ends it, and forgets all that it kept. */
  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  #run(): void {
    const limit = this.fileKiB === undefined ? '' : `ulimit -f ${this.fileKiB}; `;
    const command = [process.execPath, '--lite-mode', '--max-old-space-size=128', this.file];
    const running = spawn('bash', ['-c', `${limit}exec "$0" "$@"`, ...command], {
      cwd: this.folder,
      env: {
        PATH: process.env['PATH'],
        TMPDIR: process.env['TMPDIR'],
        COLLECTOR_DATA_DIR: this.folder,
        ...this.environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = running;
    for (const stream of [running.stdout, running.stderr])
      stream.on('data', (chunk: Buffer) => (this.#printed += chunk.toString()));
    running.once('exit', (code, signal) => {
      this.ends.push(signal ?? code ?? 0);
      if (this.#isWanted && code !== 0) this.#run();
      else this.#isWanted = false;
    });
  }
}
