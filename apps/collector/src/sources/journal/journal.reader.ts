import type { LogEntry } from '@lapwing/contracts';
import { createLogger } from '@lapwing/telemetry';
import { entryOf } from '../../domain/logs/entry.js';
import { isHeldBack, LineGate, TELL_MS, type HeldBack } from '../../domain/logs/line-gate.js';
import type { LogPiece, LogPositions, LogReader } from '../log-reader.js';
import { Journalctl } from './journalctl.js';
import { isAfter, parseJournal, type JournalEntry, type JournalPosition } from './parse.js';

const KEY = 'journal';
const MAX_PIECE = 2 ** 19;
/** What one line may lead to: itself, those dropped and passed over, and what is missing. */
const MAX_OF_ONE = 4;
const MAX_NAMES = 1000;
/** Where lines are all held back, so many times the next ones are waited for, for so long. */
const MAX_ROUNDS = 32;
const MORE_MS = 20;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;

/** What is known of the journal, and how much of it is wanted. */
export interface JournalOptions {
  /** Lines of one unit, in the long run. */
  perSecond: number;
  /** The program, and arguments before its own, e.g. `--directory=/host/journal`. */
  command?: readonly string[];
  /** Our own process, whose lines are left out: else each would lead to the next. */
  ownPid?: number;
}

interface Kept extends JournalPosition {
  held?: Record<string, HeldBack>;
}

/**
 * Reads the journal through journalctl: first, from where it stopped, all that there is, for `--follow` shows the current boot alone; then what comes. The
 * position is the cursor of the last entry, and those that a limit has held back and no entry tells about yet.
 */
export class JournalReader implements LogReader {
  readonly #log = createLogger('collector', 'journal');
  readonly #gates = new Map<string, LineGate>();
  #child: Journalctl | undefined;
  #position: JournalPosition | undefined;
  /** Where reading stopped, until an entry is there that comes after. */
  #resuming: JournalPosition | undefined;
  /** Whether it is sure that nothing is missing before the next entry. */
  #isWhole = true;
  #isCursorBad = false;
  /** When the first line was held back that nothing was told about at the end of what had come; by our own clock. */
  #heldAt = Infinity;
  #wait = FIRST_WAIT_MS;
  #nextAt = 0;
  #isStopped = true;

  constructor(private readonly options: JournalOptions) {}

  start(positions: LogPositions): Promise<void> {
    this.#isStopped = false;
    const { cursor, time, held } = (positions[KEY] ?? {}) as Partial<Kept>;
    if (typeof cursor === 'string' && Number.isSafeInteger(time)) {
      this.#position = { cursor, time: time ?? 0 };
      this.#isWhole = false;
    }
    for (const [name, value] of Object.entries(held ?? {}).slice(0, MAX_NAMES))
      if (isHeldBack(value)) this.#gates.set(name, this.#newGate(name, value));
    if (this.#gates.size > 0) this.#heldAt = Date.now();
    this.#run(!this.#position);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#child?.kill();
    this.#child = undefined;
  }

  /** Reads at least four, and as many as `max`. */
  async read(max: number): Promise<LogPiece | null> {
    const limit = Math.max(max, MAX_OF_ONE);
    for (let round = 0; round < MAX_ROUNDS && !this.#isStopped; round += 1) {
      const { entries, lines } = this.#takeWaiting(limit);
      if (entries.length > 0) return { entries, positions: { [KEY]: this.#kept() } };
      if (lines === 0) break;
      // All were held back: what is behind them should not wait for the next call.
      await this.#child?.more(MORE_MS);
    }
    return null;
  }

  #takeWaiting(max: number): { entries: LogEntry[]; lines: number } {
    const entries: LogEntry[] = [];
    const lines = this.#child?.lines;
    let count = 0;
    let room = MAX_PIECE;
    for (let line = lines?.peek(); line && room > 0; line = lines?.peek()) {
      const entry = parseJournal(line.toString('utf8'));
      // What an entry leads to must have a place in the same piece.
      if (max - entries.length < MAX_OF_ONE) break;
      const taken = entry ? this.#take(entry) : [];
      lines?.shift();
      count += 1;
      entries.push(...taken);
      for (const { message } of taken) room -= message.length;
    }
    if (!lines?.peek()) {
      entries.push(...this.#overdue(max - entries.length));
      this.#settle();
    }
    this.#child?.goOn();
    return { entries, lines: count };
  }

  /** What an entry leads to: itself, and what has to be said before it. */
  #take({ position, pid, raw }: JournalEntry): LogEntry[] {
    if (this.#isKnown(position)) return [];
    const now = position.time / 1000;
    const taken: LogEntry[] = [];
    if (!this.#isWhole) taken.push(this.#missing(now));
    const skipped = this.#child?.lines.takeSkipped() ?? 0;
    if (skipped > 0) taken.push(this.#notice(`${skipped} entries passed over: longer than 1 MiB`, now));
    this.#position = position;
    this.#resuming = undefined;
    this.#isWhole = true;
    this.#isCursorBad = false;
    this.#wait = FIRST_WAIT_MS;
    if (pid === (this.options.ownPid ?? process.pid)) return taken;
    const gate = this.#gateOf(raw.name);
    const told = gate.due(now);
    if (told) taken.push(told);
    if (gate.admit(now)) taken.push(entryOf(raw, now));
    else this.#heldAt = Math.min(this.#heldAt, Date.now());
    return taken;
  }

  /** Whether it was read already, as may be when reading goes on somewhere. */
  #isKnown(position: JournalPosition): boolean {
    if (!this.#resuming) return false;
    if (position.cursor !== this.#resuming.cursor) return !isAfter(position, this.#resuming);
    this.#resuming = undefined;
    this.#isWhole = true;
    return true;
  }

  #missing(now: number): LogEntry {
    const text = 'the journal no longer knows where reading has stopped: lines since then may be missing';
    this.#log.warn('the journal no longer knows where reading has stopped');
    return this.#notice(text, now, { stopped_at: new Date((this.#position?.time ?? 0) / 1000).toISOString() });
  }

  #notice(text: string, time: number, fields: Record<string, string> = {}): LogEntry {
    return entryOf({ source: 'journal', name: 'journal', text, time, level: 'warning', fields }, time);
  }

  #gateOf(name: string): LineGate {
    const gate = this.#gates.get(name) ?? this.#newGate(name);
    this.#gates.delete(name);
    this.#gates.set(name, gate);
    // The one not heard of for longest; should it have something to tell, the next goes.
    if (this.#gates.size > MAX_NAMES)
      for (const [other, { held }] of this.#gates) if (!held && this.#gates.delete(other)) break;
    return gate;
  }

  #newGate(name: string, held?: HeldBack): LineGate {
    return new LineGate({ source: 'journal', name, perSecond: this.options.perSecond }, held);
  }

  /** What is to be told of units that have said nothing more for a while. */
  #overdue(room: number): LogEntry[] {
    const now = Date.now();
    if (now - this.#heldAt < TELL_MS) return [];
    const told: LogEntry[] = [];
    for (const gate of this.#gates.values()) {
      if (told.length >= room) return told;
      const entry = gate.tell(now);
      if (entry) told.push(entry);
    }
    this.#heldAt = Infinity;
    return told;
  }

  #kept(): Kept | null {
    if (!this.#position) return null;
    const held = [...this.#gates].flatMap(([name, gate]) => (gate.held ? [[name, gate.held] as const] : []));
    return { ...this.#position, ...(held.length > 0 && { held: Object.fromEntries(held) }) };
  }

  /** All lines are taken: goes on to what comes next when journalctl has ended. */
  #settle(): void {
    const child = this.#child;
    if (!child) {
      if (Date.now() >= this.#nextAt) this.#run(!this.#position);
      return;
    }
    if (!child.end || child.lines.peek()) return;
    // What is left is the beginning of a line that comes again.
    this.#child = undefined;
    if (child.end.code === 0 && !child.started.follow) this.#run(true);
    else this.#failed(child.started.from, child.end);
  }

  #failed(from: 'now' | 'cursor' | 'time', { code, reason, isAbsent }: NonNullable<Journalctl['end']>): void {
    const isNew = this.#wait === FIRST_WAIT_MS;
    if (!isAbsent && isNew) this.#log.info({ code, reason }, 'journalctl has ended; it is started again');
    this.#isCursorBad ||= from === 'cursor' && /seek to cursor/i.test(reason);
    this.#nextAt = Date.now() + (isAbsent ? LONGEST_WAIT_MS : this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  #run(follow: boolean): void {
    const command = this.options.command ?? ['journalctl'];
    const position = this.#position;
    this.#resuming = position;
    const from = this.#isCursorBad ? 'time' : 'cursor';
    this.#child = new Journalctl(command, position ? { from, position, follow } : { from: 'now', follow: true });
  }
}
