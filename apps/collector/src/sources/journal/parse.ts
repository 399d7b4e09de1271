import { levelOfPriority } from '../../domain/logs/level.js';
import type { RawEntry } from '../../domain/logs/entry.js';

/** The fields that are asked for; cursor, times and boot come unasked. Source: systemd.journal-fields(7). */
export const JOURNAL_FIELDS = [
  'MESSAGE',
  'PRIORITY',
  'SYSLOG_IDENTIFIER',
  'SYSLOG_PID',
  '_PID',
  '_UID',
  '_COMM',
  '_TRANSPORT',
  '_SYSTEMD_UNIT',
  '_SYSTEMD_USER_UNIT',
  '_SOURCE_REALTIME_TIMESTAMP',
];

/** Where reading of the journal stands: the last entry that was read. */
export interface JournalPosition {
  cursor: string;
  /** When the journal got it: microseconds since 1970. */
  time: number;
}

/** An entry of the journal. */
export interface JournalEntry {
  position: JournalPosition;
  pid: number | undefined;
  raw: RawEntry;
}

/** What stands where the journal gave no message, as it does for what is too large for it. */
const NO_MESSAGE = '(the journal did not hand over this message)';
/** Characters of a message of several values, for each. */
const MAX_PART = 2 ** 16;

/** An entry as `journalctl --output=json` prints it; undefined for what is none. Source: systemd's Journal Export Formats, "JSON". */
export function parseJournal(line: string): JournalEntry | undefined {
  const found = objectOf(line);
  const cursor = found && textOf(found['__CURSOR']);
  const time = Number(textOf(found?.['__REALTIME_TIMESTAMP']));
  if (!found || !cursor || !(time > 0)) return undefined;
  const field = (name: string): string | undefined => textOf(found[name]);
  const written = Number(field('_SOURCE_REALTIME_TIMESTAMP') ?? time);
  const transport = field('_TRANSPORT');
  const pid = field('_PID') ?? field('SYSLOG_PID');
  const priority = field('PRIORITY');
  const known = {
    pid,
    identifier: field('SYSLOG_IDENTIFIER'),
    command: field('_COMM'),
    uid: field('_UID'),
    transport,
    boot: field('_BOOT_ID'),
  };
  const raw: RawEntry = {
    source: 'journal',
    name:
      field('_SYSTEMD_UNIT') ??
      field('_SYSTEMD_USER_UNIT') ??
      field('SYSLOG_IDENTIFIER') ??
      (transport === 'kernel' ? 'kernel' : (field('_COMM') ?? '')),
    text: textOf(found['MESSAGE']) ?? NO_MESSAGE,
    time: (written > 0 ? written : time) / 1000,
    level: priority === undefined ? undefined : levelOfPriority(Number(priority)),
    fields: Object.fromEntries(Object.entries(known).filter((pair): pair is [string, string] => Boolean(pair[1]))),
  };
  return { position: { cursor, time }, pid: pid === undefined ? undefined : Number(pid), raw };
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const found: unknown = JSON.parse(line);
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A value is a text, an array of bytes where it is no printable UTF-8, null where it is too large, or an array of these where the field came repeatedly. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  if (value.every((byte) => typeof byte === 'number')) return Buffer.from(value).toString('utf8');
  const parts = value.slice(0, 100).map((part) => textOf(part)?.slice(0, MAX_PART));
  return parts.filter((part) => part !== undefined).join('\n');
}

/**
 * Whether an entry was written after another one, of which the journal knows nothing any more. Their numbers tell when they were counted together, else
 * their times. Source: sd_journal_get_cursor(3) and journal-file.c; a cursor is `s=<id of the count>;i=<number, hexadecimal>;b=…`.
 */
export function isAfter(entry: JournalPosition, other: JournalPosition): boolean {
  const [one, two] = [countOf(entry.cursor), countOf(other.cursor)];
  return one && two && one.id === two.id ? one.number > two.number : entry.time > other.time;
}

function countOf(cursor: string): { id: string; number: number } | undefined {
  const match = /^s=([0-9a-f]{1,32});i=([0-9a-f]{1,13});/.exec(cursor);
  return match ? { id: match[1] ?? '', number: Number.parseInt(match[2] ?? '', 16) } : undefined;
}
