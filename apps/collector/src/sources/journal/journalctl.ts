import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { LineQueue } from '../../domain/logs/line-queue.js';
import { JOURNAL_FIELDS, type JournalPosition } from './parse.js';

/** Bytes of a line. What waits to be taken is hardly more than one such line, and what one read of the pipe brings. */
const MAX_LINE = 2 ** 20;
const MAX_WAITING = MAX_LINE + 1;
const KILL_AFTER_MS = 2000;
const MAX_REASON = 500;

/** Where journalctl begins: at an entry and with it, at its time, or with what is written from now on; and whether it waits for more. */
export type Start =
  { from: 'now'; follow: true } | { from: 'cursor' | 'time'; position: JournalPosition; follow: boolean };

/**
 * Arguments of journalctl. It is asked from the entry itself on, not for what comes after: whether the entry comes shows whether the journal still knows it,
 * and with `--after-cursor` systemd 252 leaves out one entry when it does not. `--all`, for without it what is longer than 4 KiB comes as null.
 */
export function argumentsOf(start: Start): string[] {
  const output = ['--output=json', '--no-pager', '--quiet', '--all', `--output-fields=${JOURNAL_FIELDS.join(',')}`];
  if (start.from === 'now') return ['--follow', '--lines=0', ...output];
  const { cursor, time } = start.position;
  const from = start.from === 'cursor' ? `--cursor=${cursor}` : `--since=@${(time / 1e6).toFixed(6)}`;
  return [...(start.follow ? ['--follow', '--no-tail'] : []), from, ...output];
}

/** A journalctl that runs, and the lines that it has printed. It is read no faster than its lines are taken. */
export class Journalctl {
  readonly lines = new LineQueue(MAX_LINE);
  readonly #child: ChildProcess;
  #reason = '';
  #end: { code: number | null; reason: string; isAbsent: boolean } | undefined;
  readonly #ended: Promise<void>;

  /** @param command the program, and arguments that come before these. */
  constructor(
    command: readonly string[],
    readonly started: Start,
  ) {
    const [program = 'journalctl', ...own] = command;
    this.#child = spawn(program, [...own, ...argumentsOf(started)], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.lines.push(chunk);
      if (this.lines.size >= MAX_WAITING) this.#child.stdout?.pause();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#reason = (this.#reason + text).slice(-MAX_REASON);
    });
    this.#ended = new Promise((resolve) => {
      const end = (code: number | null, error?: NodeJS.ErrnoException): void => {
        this.#end ??= { code, reason: error?.message ?? this.#reason.trim(), isAbsent: error?.code === 'ENOENT' };
        resolve();
      };
      this.#child.on('error', (error: NodeJS.ErrnoException) => end(null, error));
      // Not "exit": what it has printed comes first.
      this.#child.on('close', (code) => end(code));
    });
  }

  /** How it ended, when it has. Its last lines may still wait. */
  get end(): { code: number | null; reason: string; isAbsent: boolean } | undefined {
    return this.#end;
  }

  /** Lines were taken: reads on where there is room. */
  goOn(): void {
    if (this.lines.size < MAX_WAITING) this.#child.stdout?.resume();
  }

  /** Waits until it has printed more or ended, but not for longer than so. */
  async more(ms: number): Promise<void> {
    this.goOn();
    if (this.#end) return;
    const deadline = AbortSignal.timeout(ms);
    await Promise.race([this.#ended, once(this.#child.stdout ?? this.#child, 'data', { signal: deadline })]).catch(
      () => undefined,
    );
  }

  /** Ends it, at once. */
  async kill(): Promise<void> {
    if (this.#end) return;
    this.#child.kill('SIGTERM');
    // Else its pipe would stay open as long as nobody reads it.
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), KILL_AFTER_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}
