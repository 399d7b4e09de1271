import type { Bus } from '@lapwing/bus';
import { LapwingError, logmatchCount, type ErrorCode, type InputOf, type OutputOf } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';

type Filter = InputOf<typeof logmatchCount>['filter'];

/** Plays the store of logs: so many lines match each query, by agent. */
export class LogStore {
  /** By the query of a rule; the lines of each agent. */
  readonly lines = new Map<string, Record<string, number>>();
  /** What matches, as examples show it; most recent first. */
  examples = ['connect() failed (111: Connection refused)', 'upstream timed out', 'no live upstreams'];
  /** What it answers instead. */
  failure: ErrorCode | null = null;
  readonly asked: Filter[] = [];

  constructor(private readonly bus: Bus) {}

  /** Answers from now on. */
  async play(): Promise<void> {
    this.bus.respond(logmatchCount, async ({ filter }) => {
      this.asked.push(filter);
      if (this.failure) throw new LapwingError(this.failure);
      return this.#answer(filter);
    });
    // NATS knows of it then, and leads questions here.
    await this.bus.connection.link().connection.flush();
  }

  /** Waits until a query was asked for again after now, and once more: what was answered before is judged. */
  async round(query: string): Promise<void> {
    const count = (): number => this.asked.filter((filter) => filter.query === query).length;
    const before = count();
    await eventually(() => expect(count()).toBeGreaterThanOrEqual(before + 2), 40_000);
  }

  #answer({ query, agentId }: Filter): OutputOf<typeof logmatchCount> {
    const counts = Object.entries(this.lines.get(query ?? '') ?? {});
    const examples = this.examples.map((message, index) => ({ time: 1000 - index, name: 'nginx.service', message }));
    const agents = counts
      .filter(([id, count]) => count > 0 && (agentId === null || agentId === id))
      .map(([id, count]) => ({ agentId: id, count, examples: examples.slice(0, count) }));
    return { agents: agents.toSorted((one, other) => other.count - one.count) };
  }
}
