import {
  MAX_LOG_SEQ,
  cleanLogName,
  cleanLogText,
  type LogBatch,
  type LogEntry,
  type LogFilter,
} from '@lapwing/contracts';
import { patternOf } from './log-pattern.js';
import { searchOf, wordsOf, type SearchText } from './log-query.js';

/**
 * A line with clean text: agents are not trusted, and what they send ends in terminals. Clean text stays as it is.
 */
export function cleanEntry<E extends LogEntry>(entry: E): E {
  const fields = Object.entries(entry.fields).map(([name, value]) => [cleanLogName(name), cleanLogName(value)]);
  return {
    ...entry,
    name: cleanLogName(entry.name),
    message: cleanLogText(entry.message),
    fields: Object.fromEntries(fields) as Record<string, string>,
  };
}

/** A line as it is on its way to those who follow; what searches need of it is made once, when the first asks. */
export class LogLine implements SearchText {
  #lower: string | undefined;
  #words: string | undefined;

  /** @param key by which the same line is known when it is stored, see {@link storedKey}. */
  private constructor(
    readonly agentId: string,
    readonly entry: LogEntry,
    readonly key: string,
  ) {}

  /** The line at a place of a batch, cleaned. */
  static of(agentId: string, { seq, entries }: LogBatch, index: number): LogLine | undefined {
    const found = entries[index];
    if (!found) return undefined;
    const entry = cleanEntry(found);
    return new LogLine(agentId, entry, keyOf({ ...entry, agentId }, numberOf(seq, index)));
  }

  get lower(): string {
    return (this.#lower ??= this.entry.message.toLowerCase());
  }

  get words(): string {
    return (this.#words ??= wordsOf(this.entry.message));
  }
}

/** Whose line it is. */
interface Origin {
  agentId: string;
  source: string;
  name: string;
}

function keyOf({ agentId, source, name }: Origin, number: string): string {
  return `${agentId} ${source} ${number} ${name}`;
}

const numberOf = (seq: number, index: number): string => `${seq} ${index}`;

/** By what a stored line is known while it is still on the bus: whose it is, its batch and its place in it, of which the id tells. */
export function storedKey(entry: Origin & { id: string }): string {
  const [, , seq = '', index = ''] = entry.id.split('-');
  return keyOf(entry, numberOf(Number.parseInt(seq, 36) % MAX_LOG_SEQ, Number.parseInt(index, 36)));
}

/**
 * Whether a line is meant by a filter; of `from` and `to` nothing is asked.
 * @param filter whose pattern must be one of {@link patternOf}'s; another matches nothing.
 */
export function filterOf(filter: LogFilter): (line: LogLine) => boolean {
  const { agentId, source, name, levels, stream } = filter;
  const search = filter.query === null ? undefined : searchOf(filter.query);
  const pattern = filter.pattern === null ? undefined : patternOf(filter.pattern);
  return (line) => {
    const { entry } = line;
    return (
      (agentId === null || agentId === line.agentId) &&
      (source === null || source === entry.source) &&
      (name === null || name === entry.name) &&
      (levels === null || levels.includes(entry.level)) &&
      (stream === null || stream === entry.fields['stream']) &&
      (!search || search(line)) &&
      (!pattern || ('regex' in pattern && pattern.regex.test(entry.message)))
    );
  };
}
