import { MAX_LOG_FIELDS, cleanLogName, cleanLogText, type LogEntry } from '@lapwing/contracts';

/** So far a host's clock may be ahead. A partition that is closed ends after its newest line: one far ahead would hold the next one up. */
const AHEAD_MS = 10_000;

/** The name of a stream whose own name is nothing but characters that are not kept. */
const NAMELESS = '?';

/** The name of a stream as it is stored. */
export function storableName(name: string): string {
  return cleanLogName(name).trim() || NAMELESS;
}

/**
 * A line as it is stored, whatever the agent sent: without control characters, not ahead of the clock by more than ten seconds, and not older than
 * what is kept. A line that is gets the time at which it came, and the field `original_time`.
 * @param arrivedAt when it came, and `keptSince` what is older is deleted: milliseconds since 1970.
 */
export function storableEntry(
  entry: LogEntry,
  arrivedAt: number,
  keptSince: number,
): Pick<LogEntry, 'time' | 'message' | 'fields'> {
  const message = cleanLogText(entry.message);
  const isOff = entry.time > arrivedAt + AHEAD_MS || entry.time < keptSince;
  const names = Object.keys(entry.fields);
  if (!isOff && names.length === 0) return { time: entry.time, message, fields: entry.fields };
  const fields = names.map((name) => [cleanLogName(name), cleanLogText(entry.fields[name] ?? '')] as const);
  if (!isOff) return { time: entry.time, message, fields: Object.fromEntries(fields) };
  const marked = [
    ...fields.slice(0, MAX_LOG_FIELDS - 1),
    ['original_time', new Date(entry.time).toISOString()] as const,
  ];
  return { time: arrivedAt, message, fields: Object.fromEntries(marked) };
}
