import { cleanLogName, type LogSource, type LogSourceKind } from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import { RE2JS } from 're2js';
import { cutText } from '../domain/logs/text.js';
import { Pace } from '../domain/pace.js';
import type { LogPiece, LogPositions, LogReader } from '../sources/log-reader.js';
import type { LogReaders } from '../sources/log-registry.js';

/** What an agent may say of one thing that it cannot do: characters. */
const MAX_LINE = 64;
/** So many of the things that cannot be read are told. */
const MAX_TOLD = 15;

/** A reader that runs. */
export interface RunningReader {
  kind: LogSourceKind;
  /** The settings from which it was made. */
  settings: string;
  reader: LogReader;
  /** What was read and could not be taken down yet. */
  held: LogPiece | undefined;
}

/** The readers that the settings ask for: started and stopped as they change. */
export class RunningReaders {
  readonly #log = createLogger('collector', 'logs');
  readonly #pace = new Pace();
  #running: RunningReader[] = [];
  #sources: LogSource[] = [];
  #unsupported: string[] = [];

  constructor(private readonly makers: LogReaders) {}

  /** Those that run, in the order in which they take their turns. */
  get all(): readonly RunningReader[] {
    return this.#running;
  }

  /** The sources that are read. */
  get sources(): LogSource[] {
    return this.#sources;
  }

  /** What was asked for and cannot be read, a line each. */
  get unsupported(): string[] {
    const problems = this.#running.flatMap(({ reader }) => reader.problems?.() ?? []);
    const lines = [...this.#unsupported, ...problems].map((one) =>
      cutText(cleanLogName(`logSources ${one}`), MAX_LINE),
    );
    return [...new Set(lines)].slice(0, MAX_TOLD);
  }

  /**
   * Reads these from now on. What is read already goes on.
   * @param positions where reading stands.
   */
  async follow(wanted: LogSource[], positions: LogPositions): Promise<void> {
    const [sources, unsupported] = this.#readable(wanted);
    const settingsOf = (kind: LogSourceKind): string => JSON.stringify(sources.filter((one) => one.kind === kind));
    const [going, ending] = [true, false].map((stays) =>
      this.#running.filter(({ kind, settings }) => (settings === settingsOf(kind)) === stays),
    );
    this.#running = going ?? [];
    for (const { reader } of ending ?? []) await reader.stop();
    for (const kind of new Set(sources.map((one) => one.kind))) {
      if (this.#running.some((one) => one.kind === kind)) continue;
      const reader = this.makers[kind]?.(sources.filter((one) => one.kind === kind));
      if (!reader) continue;
      const own = Object.entries(positions).filter(([key]) => isOf(key, kind));
      await reader.start(Object.fromEntries(own));
      this.#running.push({ kind, settings: settingsOf(kind), reader, held: undefined });
    }
    this.#sources = sources;
    this.#unsupported = unsupported;
  }

  /** Whether a position belongs to a reader that runs. */
  owns(key: string): boolean {
    return this.#running.some(({ kind }) => isOf(key, kind));
  }

  /** Reads on with one of them; null when it has nothing, or cannot read. */
  async read(one: RunningReader, max: number): Promise<LogPiece | null> {
    if (one.held) return one.held;
    try {
      return await one.reader.read(max);
    } catch (error) {
      if (this.#pace.isDue) this.#log.warn({ source: one.kind, error: describeError(error) }, 'logs cannot be read');
      return null;
    }
  }

  async stop(): Promise<void> {
    for (const { reader } of this.#running) await reader.stop();
    this.#running = [];
  }

  #readable(wanted: LogSource[]): [sources: LogSource[], unsupported: string[]] {
    const sources: LogSource[] = [];
    const unsupported: string[] = [];
    for (const one of wanted)
      if (!this.makers[one.kind]) unsupported.push(one.kind);
      else if (one.kind === 'file' && !isPattern(one.entryStart))
        unsupported.push(`${one.path}: entryStart is no pattern`);
      else sources.push(one);
    return [sources, unsupported];
  }
}

function isOf(key: string, kind: LogSourceKind): boolean {
  return key === kind || key.startsWith(`${kind}:`) || key.startsWith(`${kind}@`);
}

function isPattern(text: string | undefined): boolean {
  try {
    if (text !== undefined) RE2JS.compile(text);
    return true;
  } catch {
    return false;
  }
}
