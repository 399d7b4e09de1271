import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  MAX_LOG_PAGE,
  logentryCount,
  logentryList,
  type LogFilter,
  type StoredLogEntry,
} from '@lapwing/contracts';

/** Which of the lines that match are wanted. */
export interface LogRange {
  limit: number;
  offset?: number;
  /** Only those that come after this line: older ones. */
  after?: string | null;
}

/** Lines, and after which of them the next ones come; null where there are no more. */
export interface LogPage {
  entries: StoredLogEntry[];
  next: string | null;
}

/** Lines, newest first, page by page as they fit into messages. */
export async function* logPages(
  bus: Bus,
  filter: LogFilter,
  { limit, offset = 0, after = null }: LogRange,
): AsyncGenerator<LogPage> {
  let left = limit;
  let skip = offset;
  let cursor = after;
  while (left > 0) {
    const wanted = Math.min(left, MAX_LOG_PAGE);
    const answer = await bus.request(logentryList, { filter, limit: wanted, offset: skip, after: cursor });
    const entries = answer.entries.slice(0, wanted);
    const last = entries.length === wanted ? (entries.at(-1)?.id ?? null) : null;
    cursor = answer.next ?? last;
    yield { entries, next: cursor };
    left -= entries.length;
    skip = 0;
    if (cursor === null || entries.length === 0) return;
  }
}

/** The same at once. */
export async function logPage(bus: Bus, filter: LogFilter, range: LogRange): Promise<LogPage> {
  const all: LogPage = { entries: [], next: null };
  for await (const { entries, next } of logPages(bus, filter, range)) {
    all.entries.push(...entries);
    all.next = next;
  }
  return all;
}

/** How many lines match; null when they could not be counted in time. */
export async function logCount(bus: Bus, filter: LogFilter): Promise<{ total: number; isEstimate: boolean } | null> {
  try {
    return await bus.request(logentryCount, { filter });
  } catch (error) {
    if (error instanceof LapwingError && error.code === 'TIMEOUT') return null;
    throw error;
  }
}

/** So many lines are looked through for those that do not say where they were printed. */
const LOOKED_THROUGH = 5000;

/**
 * The newest lines that processes have printed, the oldest of them first. A line that does not say whether it is of `out` or `err` counts as
 * `out`; beyond the newest 5000 only those that say so are found.
 */
export async function serviceLines(
  bus: Bus,
  filter: LogFilter,
  { lines, type }: { lines: number; type: 'out' | 'err' | 'all' },
): Promise<StoredLogEntry[]> {
  if (type !== 'out') {
    const stream = type === 'err' ? 'err' : null;
    return (await logPage(bus, { ...filter, stream }, { limit: lines })).entries.toReversed();
  }
  const found: StoredLogEntry[] = [];
  let cursor: string | null = null;
  for await (const { entries, next } of logPages(bus, filter, { limit: LOOKED_THROUGH })) {
    found.push(...entries.filter(({ fields }) => fields['stream'] !== 'err'));
    cursor = next;
    if (found.length >= lines) break;
  }
  if (found.length < lines && cursor !== null) {
    const range = { limit: lines - found.length, after: cursor };
    found.push(...(await logPage(bus, { ...filter, stream: 'out' }, range)).entries);
  }
  return found.slice(0, lines).toReversed();
}
