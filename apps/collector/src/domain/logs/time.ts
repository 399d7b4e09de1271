import { jsonField, plainWords } from './text.js';

const HEAD = 200;
/** A date without a name before it stands near the beginning; further on it is part of a message. */
const NEAR = 64;
const DAY_MS = 86_400_000;
/** The year 2000: what claims to be older comes from a clock that was not set. */
const OLDEST = 946_684_800_000;

const MONTHS = 'Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec';
const monthOf = new Map(MONTHS.split('|').map((name, index) => [name, index + 1]));
const CLOCK = '([0-2]\\d):([0-5]\\d):([0-6]\\d)(?:[.,](\\d{1,9}))?';
const ZONE = '(Z|[+-]\\d\\d:?(?:\\d\\d)?)?';
/** ISO 8601, and with slashes as nginx and Go write it. */
const ISO = new RegExp(
  `(?<![\\d-])(\\d{4})[-/](\\d\\d)[-/](\\d\\d)[T ]${CLOCK}(?: ?(?:${ZONE.slice(0, -1)}|(UTC|GMT)\\b))?`,
);
/** The Common Log Format of web servers. */
const CLF = new RegExp(`\\[(\\d\\d)/(${MONTHS})/(\\d{4}):${CLOCK} ${ZONE}`);
/** Syslog's without a year, and with one as Apache's errors have it. */
const SYSLOG = new RegExp(`(?<!\\w)(${MONTHS}) {1,2}(\\d{1,2}) ${CLOCK}(?: (\\d{4})(?!\\d))?`);
/** As Redis writes it. */
const DAY_FIRST = new RegExp(`(?<!\\w)(\\d{1,2}) (${MONTHS}) (\\d{4}) ${CLOCK}`);
const KLOG = new RegExp(`^[IWEF](\\d\\d)(\\d\\d) ${CLOCK}`);
const EPOCH = /^(?:\[|type=[A-Z_]{1,40} msg=audit\()?(\d{10}(?:\.\d{1,9})?|\d{13}(?:\.\d{1,6})?)(?=$|[\s\]:,|])/;
const LOGFMT = /(?:^|[\s,])(?:ts|time|timestamp)="?([^\s",]{10,35})/;
const JSON_NAMES = new Set(['time', 'ts', 'timestamp', '@timestamp']);

/**
 * When a line says that it was written, milliseconds since 1970; undefined when it does not say, when that is more than a day ahead of `now`, or before
 * 2000. Looks at the first 200 characters, for ISO 8601, syslog (without a year: of those that are possible the one nearest to `now`), the forms of nginx,
 * Apache, Redis and klog, seconds or milliseconds since 1970, and at fields of JSON and logfmt. Without an offset it is the local zone's. Linear.
 */
export function timeOf(text: string, now: number): number | undefined {
  const time = text.charCodeAt(0) === 0x7b ? ofJson(text, now) : ofLine(text.slice(0, HEAD), now);
  return time !== undefined && time >= OLDEST && time <= now + DAY_MS ? Math.floor(time) : undefined;
}

function ofJson(text: string, now: number): number | undefined {
  const value = jsonField(text, JSON_NAMES);
  return value === undefined ? undefined : ofValue(value, now);
}

function ofValue(value: string, now: number): number | undefined {
  if (/^\d{10,20}(?:\.\d{1,20})?$/.test(value)) return ofEpoch(Number(value));
  return ofLine(value.slice(0, 40), now);
}

/** Seconds, milliseconds, microseconds or nanoseconds: they lie so far apart that the size tells. */
function ofEpoch(value: number): number {
  if (value < 1e11) return value * 1000;
  if (value < 1e14) return value;
  return value < 1e17 ? value / 1000 : value / 1e6;
}

function ofLine(head: string, now: number): number | undefined {
  const epoch = EPOCH.exec(head);
  if (epoch) return ofEpoch(Number(epoch[1]));
  const iso = ISO.exec(head);
  if (iso && isNear(head, iso.index)) {
    const [, year, month, day, hour, minute, second, fraction, offset, utc] = iso;
    return instant([year, month, day, hour, minute, second], fraction, utc ? 'Z' : offset);
  }
  return ofNamedMonth(head, now) ?? ofLogfmt(head, now);
}

function ofNamedMonth(head: string, now: number): number | undefined {
  const web = CLF.exec(head);
  if (web) {
    const [, day, name = '', year, hour, minute, second, fraction, offset] = web;
    return instant([year, monthOf.get(name), day, hour, minute, second], fraction, offset);
  }
  const dayFirst = DAY_FIRST.exec(head);
  if (dayFirst && isNear(head, dayFirst.index)) {
    const [, day, name = '', year, hour, minute, second, fraction] = dayFirst;
    return instant([year, monthOf.get(name), day, hour, minute, second], fraction, undefined);
  }
  const syslog = SYSLOG.exec(head);
  if (syslog && isNear(head, syslog.index)) {
    const [, name = '', day, hour, minute, second, fraction, year] = syslog;
    const rest = [monthOf.get(name), day, hour, minute, second] as const;
    return year ? instant([year, ...rest], fraction, undefined) : nearest(rest, fraction, now);
  }
  const klog = KLOG.exec(head);
  if (!klog) return undefined;
  const [, month, day, hour, minute, second, fraction] = klog;
  return nearest([month, day, hour, minute, second], fraction, now);
}

function ofLogfmt(head: string, now: number): number | undefined {
  const field = head.includes('=') && LOGFMT.exec(head);
  if (!field || field.index === undefined) return undefined;
  const value = head.slice(head.indexOf('=', field.index) + 1).replace(/^"/, '');
  const epoch = /^\d{10,20}(?:\.\d{1,20})?(?![\w.:-])/.exec(value);
  return epoch ? ofEpoch(Number(epoch[0])) : ISO.exec(value)?.index === 0 ? ofLine(value, now) : undefined;
}

function isNear(head: string, index: number): boolean {
  return index === 0 || (index <= NEAR && plainWords(head.slice(0, index)) <= 1);
}

type Part = string | number | undefined;

function instant(parts: readonly Part[], fraction: string | undefined, offset: string | undefined): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23) return undefined;
  const ms = fraction ? Number(fraction.slice(0, 3).padEnd(3, '0')) : 0;
  const utc = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  // The 31st of February is none. The last second of a leap is the first of the next minute.
  if (day > 28 && new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return undefined;
  if (offset === undefined) return new Date(year, month - 1, day, hour, minute, second, ms).getTime();
  return offset === 'Z' ? utc : utc - offsetMs(offset);
}

/** `+01:00`, `+0100` or `+01`. */
function offsetMs(offset: string): number {
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3).replace(':', '') || 0);
  return (offset.startsWith('-') ? -minutes : minutes) * 60_000;
}

function nearest(parts: readonly Part[], fraction: string | undefined, now: number): number | undefined {
  const year = new Date(now).getFullYear();
  return [year + 1, year, year - 1]
    .map((possible) => instant([possible, ...parts], fraction, undefined))
    .find((time) => time !== undefined && time <= now + DAY_MS);
}
