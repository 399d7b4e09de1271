import {
  LapwingError,
  MAX_LOG_BUCKETS,
  type InputOf,
  type LogFilter,
  type OutputOf,
  type logentryCount,
  type logmatchCount,
  type logvolumeGet,
} from '@lapwing/contracts';
import { looksIntoLines, within, type Search } from '../store/conditions.js';
import type { CountStore } from '../store/count.store.js';
import type { FlushStore } from '../store/flush.store.js';
import type { SearchStore } from '../store/search.store.js';
import type { StreamStore } from '../store/stream.store.js';
import { Deadline } from '../store/timed.js';
import type { SearchService } from './search.service.js';
import type { Turns } from './turns.js';

/** More matching lines than this are estimated. */
const MAX_COUNTED = 10_000;
const COUNT_MS = 700;
const HISTOGRAM_MS = 8000;
const FLUSH_MS = 50_000;

/** Counts lines, and deletes those of services. */
export class CountService {
  constructor(
    private readonly searches: SearchService,
    private readonly segments: SearchStore,
    private readonly streams: StreamStore,
    private readonly store: CountStore,
    private readonly flushes: FlushStore,
    private readonly turns: Turns,
    /** On connections of its own. */
    private readonly matching: CountStore,
  ) {}

  /** How many lines match: exact where the volume knows it or where they are few, else an estimate. */
  total(filter: LogFilter): Promise<OutputOf<typeof logentryCount>> {
    return this.turns.take(() => this.#total(filter));
  }

  async #total(filter: LogFilter): Promise<OutputOf<typeof logentryCount>> {
    const search = await this.searches.read(filter);
    if (search.streamIds?.length === 0) return { total: 0, isEstimate: false };
    if (!looksIntoLines(search))
      return { total: await this.store.exact(search, new Deadline(HISTOGRAM_MS)), isEstimate: false };
    const { counted, isAll } = await this.#count(search);
    if (isAll) return { total: counted, isEstimate: false };
    const estimate = await this.store.estimate(search, new Deadline(HISTOGRAM_MS));
    return { total: Math.max(counted, Math.round(estimate)), isEstimate: true };
  }

  async #count(search: Search): Promise<{ counted: number; isAll: boolean }> {
    const deadline = new Deadline(COUNT_MS);
    let counted = 0;
    try {
      for (const segment of await this.segments.segments(search)) {
        const part = within(search, segment.starts, segment.ends);
        counted += await this.store.upTo(part, segment, MAX_COUNTED + 1 - counted, deadline);
        if (counted > MAX_COUNTED) return { counted, isAll: false };
      }
    } catch (error) {
      if (error instanceof LapwingError && error.code === 'TIMEOUT') return { counted, isAll: false };
      throw error;
    }
    return { counted, isAll: true };
  }

  /** See `logvolumeGet`. */
  async histogram({ filter, step }: InputOf<typeof logvolumeGet>): Promise<OutputOf<typeof logvolumeGet>> {
    const search = await this.searches.read(filter);
    if ((filter.to - filter.from) / (step * 1000) > MAX_LOG_BUCKETS)
      throw new LapwingError(
        'INVALID_INPUT',
        `more than ${MAX_LOG_BUCKETS} buckets: ask for a shorter time or longer steps`,
      );
    if (search.streamIds?.length === 0) return { buckets: [] };
    return this.turns.take(async () => ({
      buckets: await this.store.histogram(search, step, new Deadline(HISTOGRAM_MS)),
    }));
  }

  /** See `logmatchCount`. */
  async matches({ filter }: InputOf<typeof logmatchCount>): Promise<OutputOf<typeof logmatchCount>> {
    const search = await this.searches.read(filter);
    if (search.streamIds?.length === 0) return { agents: [] };
    return { agents: await this.matching.byAgent(search, new Deadline(HISTOGRAM_MS)) };
  }

  /** Deletes what a process has printed up to now, or all of them. Throws `TIMEOUT` when there is more than can be deleted in time. */
  async flush(process: string | null): Promise<{ deleted: number }> {
    const now = Date.now();
    const deadline = new Deadline(FLUSH_MS);
    const ids = await this.streams.matching({ agentId: null, source: 'service', name: process });
    if (process !== null && !ids?.length) throw new LapwingError('NOT_FOUND', 'no such process', { process });
    let deleted = 0;
    for (const id of ids ?? []) {
      for (let piece = -1; piece !== 0; deleted += piece) {
        if (deadline.left === 0)
          throw new LapwingError('TIMEOUT', 'not all lines could be deleted in time: ask again', { deleted });
        piece = await this.flushes.piece(id, now);
      }
    }
    return { deleted };
  }
}
