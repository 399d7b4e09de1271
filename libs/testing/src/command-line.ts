import { spawn, type ChildProcess } from 'node:child_process';

/** What a command printed, and what it ended with. */
export interface Printed {
  code: number | null;
  out: string;
  err: string;
}

/** Runs a command to its end. `input` is what it finds on standard input. */
export async function runCommand(
  args: string[],
  options: { env: Record<string, string | undefined>; input?: string; cwd?: string },
): Promise<Printed> {
  const { env, input = '', cwd } = options;
  const child = spawn(process.execPath, args, { env, ...(cwd !== undefined && { cwd }) });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  // It may have ended without a look at its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out, err };
}

/** A command on a pseudo-terminal, as a person has it before him; by `script` of util-linux. */
export class TerminalSession {
  #screen = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;

  /** @param command as a shell takes it. */
  constructor(command: string, env: Record<string, string | undefined>) {
    this.#child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...env, SHELL: '/bin/sh' } });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.#screen += chunk.toString()));
    this.#ended = new Promise((resolve) => this.#child.on('close', resolve));
  }

  /** All that was shown. */
  get screen(): string {
    return this.#screen;
  }

  /** Types keys: text, Enter as `\r`, Ctrl-C as `\u0003`. */
  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** Waits for its end; returns what it ended with. */
  end(): Promise<number | null> {
    return this.#ended;
  }
}
