import { weekdays, type Weekday } from '@lapwing/contracts';

/** A day of the Gregorian calendar, in no zone. `month` 1..12, `day` 1..31. */
export interface CalendarDate {
  year: number;
  month: number;
  day: number;
}

/** What calendar and clock of a zone say at an instant. `minute`: of the day, 0..1439. */
export interface WallClock extends CalendarDate {
  weekday: Weekday;
  minute: number;
}

/** A stretch of time in milliseconds since 1970: `from` belongs to it, `to` does not. */
export interface Span {
  from: number;
  to: number;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** To make a formatter takes fifty times as long as to use it. */
const MAX_FORMATTERS = 100;
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Whether `at` lies in `span`. */
export const isWithin = ({ from, to }: Span, at: number): boolean => from <= at && at < to;

/** The minute of the day, 0..1439, that a time `HH:MM` names. */
export function minuteOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * 60 + minutes;
}

/**
 * What calendar and clock of a zone say at `at` (milliseconds since 1970).
 * @throws RangeError for a zone that is none.
 */
export function wallClockAt(at: number, zone: string): WallClock {
  const wall = at + offsetAt(at, zone);
  const date = dateOf(wall);
  const minute = Math.floor((wall - utcOf(date)) / MINUTE_MS);
  return { ...date, weekday: weekdayOf(date), minute };
}

/**
 * The instant, in milliseconds since 1970, at which the clock of a zone first shows `clock` (`HH:MM`) on a date. A time that comes twice, as clocks
 * are put back, is its first; a time that never comes, as they are put forward, is the instant right after the gap.
 * @throws RangeError for a zone that is none.
 */
export function instantOf(date: CalendarDate, clock: string, zone: string): number {
  const wall = utcOf(date) + minuteOf(clock) * MINUTE_MS;
  // No zone is a day away from UTC: these lie before and after any change that touches this time.
  const before = wall - offsetAt(wall - DAY_MS, zone);
  const after = wall - offsetAt(wall + DAY_MS, zone);
  if (before === after) return before;
  const shown = [before, after].filter((at) => at + offsetAt(at, zone) === wall);
  return shown.length > 0 ? Math.min(...shown) : endOfGap(after, before, wall, zone);
}

/** The date some days later, or earlier when `days` is negative. */
export const addDays = (date: CalendarDate, days: number): CalendarDate => dateOf(utcOf(date) + days * DAY_MS);

/** A day of the month that lies `months` after that of `date`; beyond the month's end, its last day. `day` 1..31. */
export function dayOfMonth({ year, month }: CalendarDate, months: number, day: number): CalendarDate {
  const last = dateOf(Date.UTC(year, month + months, 0));
  return { ...last, day: Math.min(day, last.day) };
}

/** The day of the week of a date. */
export function weekdayOf(date: CalendarDate): Weekday {
  // For Date, 0 is Sunday.
  return weekdays[(new Date(utcOf(date)).getUTCDay() + 6) % 7] ?? 'monday';
}

const utcOf = ({ year, month, day }: CalendarDate): number => Date.UTC(year, month - 1, day);

function dateOf(utc: number): CalendarDate {
  const date = new Date(utc);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** By how many milliseconds the clock of a zone is ahead of UTC. */
function offsetAt(at: number, zone: string): number {
  const second = Math.floor(at / SECOND_MS) * SECOND_MS;
  const numbers = formatterOf(zone).format(second).match(/\d+/g) ?? [];
  const [month = 0, day = 0, year = 0, hours = 0, minutes = 0, seconds = 0] = numbers.map(Number);
  return Date.UTC(year, month - 1, day, hours, minutes, seconds) - second;
}

/** The first instant in (low, high] at which the clock shows `wall` or more. Halves: 28 steps for the longest gap there was, a day. */
function endOfGap(low: number, high: number, wall: number, zone: string): number {
  let [early, late] = [low, high];
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2);
    if (middle + offsetAt(middle, zone) >= wall) late = middle;
    else early = middle;
  }
  return late;
}

/** Made once for the zones that were used last: the others are forgotten. */
function formatterOf(zone: string): Intl.DateTimeFormat {
  const formatter = formatters.get(zone) ?? makeFormatter(zone);
  formatters.delete(zone);
  formatters.set(zone, formatter);
  const [oldest] = formatters.keys();
  if (formatters.size > MAX_FORMATTERS && oldest !== undefined) formatters.delete(oldest);
  return formatter;
}

/** Writes `03/30/2025, 02:00:00`. */
function makeFormatter(timeZone: string): Intl.DateTimeFormat {
  const two = '2-digit';
  return new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: two,
    day: two,
    hour: two,
    minute: two,
    second: two,
  });
}
