import {
  LapwingError,
  logCollected,
  logentryCount,
  logentryList,
  logsourceList,
  logvolumeGet,
  servicelogFlush,
  type InputOf,
  type LogEntry,
  type OutputOf,
  type StoredLogEntry,
} from '@lapwing/contracts';
import type { Harness } from './harness';

/** When the lines of tests were written. */
export const WRITTEN = Date.UTC(2026, 0, 15, 10, 30, 0, 123);

/** A line. */
export function logEntry(message: string, changes: Partial<LogEntry> = {}): LogEntry {
  return { time: WRITTEN, source: 'file', name: '/var/log/app.log', level: 'info', message, fields: {}, ...changes };
}

/** log-store, played on the bus. */
export class LogStore {
  /** Newest first. */
  entries: StoredLogEntry[] = [];
  /** As many fit into an answer. */
  fitting = 1000;
  asked: { name: string; input: unknown }[] = [];
  total: OutputOf<typeof logentryCount> = { total: 0, isEstimate: false };
  buckets: OutputOf<typeof logvolumeGet>['buckets'] = [];
  sources: OutputOf<typeof logsourceList>['sources'] = [];
  refusals: Record<string, LapwingError | undefined> = {};

  static async play(gateway: Harness): Promise<LogStore> {
    const store = new LogStore();
    const { bus } = gateway;
    bus.respond(logentryList, (input) => store.#answer('list', input, () => store.#list(input)));
    bus.respond(logentryCount, (input) => store.#answer('count', input, () => store.total));
    bus.respond(logvolumeGet, (input) => store.#answer('volume', input, () => ({ buckets: store.buckets })));
    bus.respond(logsourceList, (input) => store.#answer('sources', input, () => ({ sources: store.sources })));
    bus.respond(servicelogFlush, (input) => store.#answer('flush', input, () => ({ deleted: 3 })));
    await gateway.settle();
    return store;
  }

  /** Stores lines, the oldest first. */
  store(agentId: string, entries: LogEntry[], seq = 1): void {
    const stored = entries.map((entry, line) => {
      const id = `${entry.time.toString(36)}-1-${seq.toString(36)}-${line.toString(36)}`;
      return { ...entry, agentId, id };
    });
    this.entries = [...stored.toReversed(), ...this.entries];
  }

  /** What was asked under a name. */
  questions(name: string): unknown[] {
    return this.asked.flatMap((one) => (one.name === name ? [one.input] : []));
  }

  async #answer<T>(name: string, input: unknown, answer: () => T): Promise<T> {
    this.asked.push({ name, input });
    const refusal = this.refusals[name];
    if (refusal) throw refusal;
    return answer();
  }

  #list({ filter, limit, offset, after }: InputOf<typeof logentryList>): OutputOf<typeof logentryList> {
    const matching = this.entries.filter(
      (entry) =>
        (filter.source === null || entry.source === filter.source) &&
        (filter.name === null || entry.name === filter.name) &&
        (filter.levels === null || filter.levels.includes(entry.level)) &&
        (filter.stream === null || entry.fields['stream'] === filter.stream) &&
        (filter.from === null || entry.time >= filter.from),
    );
    const start = after === null ? offset : matching.findIndex(({ id }) => id === after) + 1;
    const entries = matching.slice(start, start + Math.min(limit, this.fitting));
    const isCut = entries.length < limit && start + entries.length < matching.length;
    return { entries, next: isCut ? (entries.at(-1)?.id ?? null) : null };
  }
}

/** The number of the next batch of which nobody says another. */
let nextSeq = 1_000_000;

/** Says that an agent has read lines, in one batch; returns its place in the stream. */
export async function collected(
  gateway: Harness,
  entries: LogEntry[],
  { agentId = 'web-1', seq = nextSeq++, readAt = Date.now() }: { agentId?: string; seq?: number; readAt?: number } = {},
): Promise<number> {
  const batches = [{ seq, time: readAt, entries }];
  const payload = { agentId, outbox: '0a1b2c3d4e5f', batches };
  return (await gateway.bus.publish(logCollected, agentId, payload)).position;
}
