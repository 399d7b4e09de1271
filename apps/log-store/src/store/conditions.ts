import type { LogFilter } from '@lapwing/contracts';
import type { EntryKey } from '../domain/entry-id.js';
import { levelNumber } from '../domain/levels.js';
import { postgresPattern } from '../domain/re2.js';
import { likePattern, readTextQuery, type TextQuery } from '../domain/text-query.js';

/** What is looked for, in the terms of the tables. */
export interface Search {
  /** Streams by number; null for all. */
  streamIds: number[] | null;
  /** Levels by number; null for all. */
  levels: number[] | null;
  /** From this instant on, and before that one; milliseconds since 1970. */
  from: number | null;
  to: number | null;
  /** Only what comes after this line, newest first. */
  before: EntryKey | null;
  text: TextQuery | null;
  /** In PostgreSQL's syntax. */
  pattern: string | null;
  output: LogFilter['stream'];
}

/** More streams than this are looked up in a hash, instead of one by one. */
const MANY_STREAMS = 1000;

/** Collects parameters of a statement. */
export class Parameters {
  readonly values: unknown[] = [];

  /** Adds one. Returns what stands for it, e.g. `$3`. */
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  /** Adds an instant, milliseconds since 1970. */
  time(ms: number): string {
    return `${this.add(new Date(ms))}::timestamptz`;
  }
}

/** A filter in the terms of the tables. Throws `INVALID_INPUT` for a pattern that is none. */
export function readFilter(filter: LogFilter, streamIds: number[] | null, before: EntryKey | null): Search {
  return {
    streamIds,
    levels: filter.levels === null ? null : [...new Set(filter.levels.map(levelNumber))],
    from: filter.from,
    to: filter.to,
    before,
    text: filter.query === null ? null : readTextQuery(filter.query),
    pattern: filter.pattern === null ? null : postgresPattern(filter.pattern),
    output: filter.stream,
  };
}

/** The part of a search that lies between two instants, which may be infinite. */
export function within(search: Search, starts: number, ends: number): Search {
  const from = Math.max(starts, search.from ?? -Infinity);
  const to = Math.min(ends, search.to ?? Infinity);
  return { ...search, from: Number.isFinite(from) ? from : null, to: Number.isFinite(to) ? to : null };
}

/** Whether lines themselves must be looked at: what the volume knows does not suffice. */
export function looksIntoLines({ text, pattern, output }: Search): boolean {
  return text !== null || pattern !== null || output !== null;
}

/** Conditions on time and place, over a table `e`. */
export function whereTime({ from, to, before }: Search, parameters: Parameters): string[] {
  const conditions: string[] = [];
  if (from !== null) conditions.push(`e.time >= ${parameters.time(from)}`);
  if (to !== null) conditions.push(`e.time < ${parameters.time(to)}`);
  if (before !== null) {
    const time = parameters.time(before.time);
    const rest = [before.seq, before.line, before.streamId].map((value) => parameters.add(value));
    // the first is for the choice of partitions, which understands no rows
    conditions.push(`e.time <= ${time}`, `(e.time, e.seq, e.line, e.stream_id) < (${time}, ${rest.join(', ')})`);
  }
  return conditions;
}

/** Conditions on streams and levels, over a table `e` that has both. */
export function whereKind({ streamIds, levels }: Search, parameters: Parameters): string[] {
  const conditions: string[] = [];
  if (streamIds !== null)
    conditions.push(
      streamIds.length <= MANY_STREAMS
        ? `e.stream_id = ANY (${parameters.add(streamIds)}::integer[])`
        : `e.stream_id IN (SELECT unnest(${parameters.add(streamIds)}::integer[]))`,
    );
  if (levels !== null) conditions.push(`e.level = ANY (${parameters.add(levels)}::smallint[])`);
  return conditions;
}

/**
 * Conditions on what a line says, over a table `e`.
 * @param isIndexed whether indexes of words and of trigrams serve it; else what is cheap is looked at first.
 */
export function whereText({ text, pattern, output }: Search, isIndexed: boolean, parameters: Parameters): string[] {
  const conditions: string[] = [];
  const folded = 'logs.folded(e.message)';
  const like = (part: string): string => `${folded} LIKE logs.folded(${parameters.add(likePattern(part))})`;
  if (output !== null) conditions.push(`e.fields ->> 'stream' = ${parameters.add(output)}`);
  if (text !== null) {
    const either = text.part === null ? [] : [like(text.part)];
    if (text.words !== null)
      either.push(
        `to_tsvector('simple', ${folded}) @@ websearch_to_tsquery('simple', logs.folded(${parameters.add(text.words)}))`,
      );
    if (!isIndexed && text.words !== null) conditions.push(...text.required.map(like));
    conditions.push(`(${either.join(' OR ')})`);
  }
  if (pattern !== null) conditions.push(`${folded} ~* ${parameters.add(pattern)}`);
  return conditions;
}

/** Conditions as they stand after `WHERE`. */
export function allOf(conditions: string[]): string {
  return conditions.length > 0 ? conditions.join(' AND ') : 'true';
}
