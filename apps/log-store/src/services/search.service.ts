import {
  LapwingError,
  type InputOf,
  type LogFilter,
  type OutputOf,
  type StoredLogEntry,
  type logentryList,
} from '@lapwing/contracts';
import type { FollowedSettings } from '@lapwing/service';
import { parseEntryId, type EntryKey } from '../domain/entry-id.js';
import { looksIntoLines, readFilter, within, type Search } from '../store/conditions.js';
import type { SearchStore, Segment } from '../store/search.store.js';
import type { StreamStore } from '../store/stream.store.js';
import { Deadline, tooLong } from '../store/timed.js';
import type { Turns } from './turns.js';

const MINUTE_MS = 60_000;
const SEARCH_MS = 5000;
/** Lines that are looked at in order of time before indexes of text are asked: enough for a word that is common. */
const FIRST_LOOK = 2000;
/** Lines that may be looked at so when the first look promises that they suffice. */
const LONG_LOOK = 20_000;
/** Segments with text indexes that one statement searches, at most. */
const MAX_TOGETHER = 16;
/** Bytes of JSON that an answer holds. */
const MAX_ANSWER = 700_000;

/** Finds lines, newest first. */
export class SearchService {
  constructor(
    private readonly streams: StreamStore,
    private readonly store: SearchStore,
    private readonly turns: Turns,
    private readonly settings: FollowedSettings,
  ) {}

  /** A filter in the terms of the tables. Throws `INVALID_INPUT` for a pattern that is none and for a time that ends before it begins. */
  async read(filter: LogFilter, before: EntryKey | null = null): Promise<Search> {
    if (filter.from !== null && filter.to !== null && filter.from >= filter.to)
      throw new LapwingError('INVALID_INPUT', '"from" must be before "to"');
    // Whole minutes, because those are counted already.
    const keptSince = Math.ceil(this.settings.keptSince(Date.now()) / MINUTE_MS) * MINUTE_MS;
    const from = Math.max(filter.from ?? 0, keptSince);
    return readFilter({ ...filter, from }, await this.streams.matching(filter), before);
  }

  /** A page of lines. What takes too long ends with what was found so far; `TIMEOUT` when that is nothing. */
  page(question: InputOf<typeof logentryList>): Promise<OutputOf<typeof logentryList>> {
    return this.turns.take(() => this.#page(question));
  }

  async #page({ filter, limit, offset, after }: InputOf<typeof logentryList>): Promise<OutputOf<typeof logentryList>> {
    const deadline = new Deadline(SEARCH_MS);
    const search = await this.read(filter, after === null ? null : parseEntryId(after));
    if (search.streamIds?.length === 0) return { entries: [], next: null };
    const { keys, isComplete } = await this.#keys(search, offset + limit + 1, deadline);
    const wanted = keys.slice(offset, offset + limit);
    if (wanted.length === 0 && !isComplete) throw tooLong();
    // What was found is worth showing, even when finding it took all the time that there was.
    const entries = fitting(await this.store.read(wanted, new Deadline(SEARCH_MS)));
    const isCut = keys.length > offset + entries.length || !isComplete;
    return { entries, next: isCut ? (entries.at(-1)?.id ?? null) : null };
  }

  /** The first keys of all that match, and whether they are all that was asked for or all that there are. */
  async #keys(search: Search, need: number, deadline: Deadline): Promise<{ keys: EntryKey[]; isComplete: boolean }> {
    if (!looksIntoLines(search))
      return { keys: (await this.store.look(search, need, deadline)).keys, isComplete: true };
    const keys: EntryKey[] = [];
    try {
      for await (const found of this.#found(search, need, deadline)) {
        keys.push(...found);
        if (keys.length >= need) break;
      }
    } catch (error) {
      if (!(error instanceof LapwingError && error.code === 'TIMEOUT')) throw error;
      return { keys, isComplete: false };
    }
    return { keys: keys.slice(0, need), isComplete: true };
  }

  /** Finds in steps: first among the newest lines, in order of time; then in segments of time from the newest, by their indexes. */
  async *#found(search: Search, need: number, deadline: Deadline): AsyncGenerator<EntryKey[]> {
    let count = FIRST_LOOK;
    let before = search.before;
    let left = need;
    while (count > 0) {
      const { keys, last, looked } = await this.store.look({ ...search, before }, count, deadline);
      yield keys;
      if (last === null || looked < count) return;
      before = last;
      left -= keys.length;
      const promised = keys.length === 0 ? Infinity : Math.ceil((1.2 * left * looked) / keys.length);
      count = promised <= LONG_LOOK ? Math.max(promised, FIRST_LOOK) : 0;
    }
    const rest = { ...search, before };
    for (const { starts, ends, indexed } of together(await this.store.segments(rest))) {
      yield await this.store.find(within(rest, starts, ends), indexed, need, deadline);
    }
  }
}

/** Joins neighbours with text indexes: one first, so that what is common is found soon, then ever more. */
function* together(segments: Segment[]): Generator<Segment> {
  let most = 1;
  for (let at = 0; at < segments.length;) {
    const [first] = segments.slice(at);
    if (!first) return;
    const run = segments.slice(at, at + most).findIndex(({ indexed }) => !indexed);
    const size = first.indexed ? (run < 0 ? Math.min(most, segments.length - at) : run) : 1;
    yield { ...first, starts: segments[at + size - 1]?.starts ?? first.starts };
    at += size;
    if (first.indexed) most = Math.min(2 * most, MAX_TOGETHER);
  }
}

/** As many lines as fit into a message. */
function fitting(entries: StoredLogEntry[]): StoredLogEntry[] {
  let bytes = 0;
  const end = entries.findIndex((entry, index) => {
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    return index > 0 && bytes > MAX_ANSWER;
  });
  return end < 0 ? entries : entries.slice(0, end);
}
