import type { LogEntry } from '@lapwing/contracts';
import type { IncomingMessage } from 'node:http';
import {
  ContainerLines,
  isStreamPosition,
  sinceOf,
  type ContainerLine,
  type ContainerPosition,
} from '../../domain/logs/container-lines.js';
import { entryOf } from '../../domain/logs/entry.js';
import { isHeldBack, LineGate, TELL_MS, type HeldBack } from '../../domain/logs/line-gate.js';
import type { DockerEngine } from '../docker/engine.js';

/** Bytes of a container that wait to be taken, besides what one read of the socket brings. */
const MAX_WAITING = 2 ** 16;
/** What one message may lead to: a line, and a word about those dropped before it. */
export const MAX_OF_ONE = 2;

/** How far the log of a container is read, and what was held back of it. */
export interface KeptContainer extends ContainerPosition {
  held?: HeldBack;
}

/** The name of a container, without its slash. */
export function containerName({ Id: id, Names: names }: { Id: string; Names?: string[] | null }): string {
  return names?.[0]?.replace(/^\//, '') || id.slice(0, 12);
}

/** The log of one container: followed, or read to its end. */
export class ContainerLog {
  readonly #gate: LineGate;
  #position: ContainerPosition;
  #lines: ContainerLines | undefined;
  #response: IncomingMessage | undefined;
  #end: { isClean: boolean } | undefined;
  #heldAt = Infinity;
  #follows = false;

  constructor(
    private readonly of: { id: string; name: string; image: string; perSecond: number },
    kept: unknown,
  ) {
    const { out, err, held } = (kept ?? {}) as Partial<Record<'out' | 'err' | 'held', unknown>>;
    this.#position = {
      ...(isStreamPosition(out) && { out }),
      ...(isStreamPosition(err) && { err }),
    };
    this.#gate = new LineGate(
      { source: 'docker', name: of.name, perSecond: of.perSecond },
      isHeldBack(held) ? held : undefined,
    );
    if (this.#gate.held) this.#heldAt = Date.now();
  }

  /** What it goes on with after a restart. */
  get kept(): KeptContainer {
    return { ...this.#position, ...(this.#gate.held && { held: this.#gate.held }) };
  }

  /** Whether it is being read, or something of it still waits. */
  get isOpen(): boolean {
    return this.#lines !== undefined;
  }

  /** Begins to read. Throws what the engine throws. */
  async open(engine: DockerEngine, hasTerminal: boolean, first: string, follow: boolean): Promise<void> {
    const since = sinceOf(this.#position, first);
    const query = new URLSearchParams({
      follow: String(follow),
      stdout: 'true',
      stderr: 'true',
      timestamps: 'true',
      since,
    });
    const response = await engine.stream(`/containers/${encodeURIComponent(this.of.id)}/logs?${query.toString()}`);
    const lines = new ContainerLines(this.#position, hasTerminal);
    const end = { isClean: false };
    response.on('data', (chunk: Buffer) => {
      lines.push(chunk);
      if (lines.size >= MAX_WAITING) response.pause();
    });
    response.on('error', () => undefined);
    response.on('end', () => {
      end.isClean = response.complete;
    });
    response.on('close', () => {
      if (this.#response === response) this.#end = end;
    });
    [this.#response, this.#lines, this.#end, this.#follows] = [response, lines, undefined, follow];
  }

  /**
   * Takes up to so many messages, and gives what they lead to; `ended` is set when it has been read to its end: `clean` when nothing was missing.
   * Throws when the engine sends rubbish.
   */
  take(max: number, messages: number): { entries: LogEntry[]; count: number; ended?: 'clean' | 'broken' } {
    const entries: LogEntry[] = [];
    const lines = this.#lines;
    if (!lines) {
      this.#tellLate(entries, max);
      return { entries, count: 0 };
    }
    let count = 0;
    while (count < messages && max - entries.length >= MAX_OF_ONE) {
      const line = lines.next();
      if (line === undefined) {
        const ended = this.#settle(lines, entries, max);
        return { entries, count, ...(ended && { ended }) };
      }
      count += 1;
      this.#position = lines.position;
      if (line) this.#admit(line, entries);
    }
    if (lines.size < MAX_WAITING) this.#response?.resume();
    return { entries, count };
  }

  /** Hangs up. */
  close(): void {
    this.#response?.destroy();
    this.#response = this.#lines = this.#end = undefined;
  }

  #settle(lines: ContainerLines, entries: LogEntry[], max: number): 'clean' | 'broken' | undefined {
    this.#tellLate(entries, max);
    if (!this.#end) {
      this.#response?.resume();
      return undefined;
    }
    if (max - entries.length < 2 * MAX_OF_ONE) return undefined;
    // The end of one that is followed may be the end of the engine: then the rest of a line comes again.
    if (this.#end.isClean && !this.#follows) {
      for (const line of lines.flush()) this.#admit(line, entries);
      this.#position = lines.position;
    }
    const ended = this.#end.isClean ? 'clean' : 'broken';
    this.close();
    return ended;
  }

  #admit({ stream, text, time, originalBytes }: ContainerLine, entries: LogEntry[]): void {
    const told = this.#gate.due(time);
    if (told) entries.push(told);
    if (!this.#gate.admit(time)) {
      this.#heldAt = Math.min(this.#heldAt, Date.now());
      return;
    }
    const { id, name, image } = this.of;
    const fields = { container_id: id.slice(0, 12), stream, image };
    // Many programs print all they say to the error stream: that alone makes no line an error.
    entries.push(entryOf({ source: 'docker', name, text, time, fields, originalBytes }, time));
  }

  /** What was held back and nothing followed that it could be told before. */
  #tellLate(entries: LogEntry[], max: number): void {
    const now = Date.now();
    if (now - this.#heldAt < TELL_MS || entries.length >= max) return;
    const told = this.#gate.tell(now);
    this.#heldAt = Infinity;
    if (told) entries.push(told);
  }
}
