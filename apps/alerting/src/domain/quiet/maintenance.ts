import type { MaintenanceDraft, MaintenanceSchedule, Weekday } from '@lapwing/contracts';
import { matches, type Subject } from './silence.js';
import {
  addDays,
  dayOfMonth,
  instantOf,
  isWithin,
  wallClockAt,
  weekdayOf,
  type CalendarDate,
  type Span,
} from './zoned.js';

type Recurring = Exclude<MaintenanceSchedule, { kind: 'once' }>;

/** Announced work: nobody is told of what it covers meanwhile. */
export type MaintenanceWindow = MaintenanceDraft & { id: string };

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;

/**
 * The time of this window that contains `at` (milliseconds since 1970), of several that overlap the one that ends last; null outside them.
 * @throws RangeError for a time zone that is none.
 */
export function maintenanceSpan({ enabled, schedule, timezone }: MaintenanceWindow, at: number): Span | null {
  if (!enabled) return null;
  if (schedule.kind === 'once') return orNull(onceOf(schedule), (span) => isWithin(span, at));
  const today = wallClockAt(at, timezone);
  // The latest first: all last equally long, so the first that has begun is the one that ends last.
  const latest = firstSpan(startsBack(schedule, today), schedule, timezone, ({ from }) => from <= at);
  return orNull(latest, (span) => isWithin(span, at));
}

/**
 * The first time of this window that begins after `at` (milliseconds since 1970); null when there is none any more.
 * @throws RangeError for a time zone that is none.
 */
export function nextMaintenance({ enabled, schedule, timezone }: MaintenanceWindow, at: number): Span | null {
  if (!enabled) return null;
  if (schedule.kind === 'once') return orNull(onceOf(schedule), ({ from, to }) => at < from && from < to);
  const today = wallClockAt(at, timezone);
  return firstSpan(startsAhead(schedule, today), schedule, timezone, ({ from }) => from > at);
}

/**
 * The window that covers an alert at `at` (milliseconds since 1970), and its time; of several the one that ends last; null when there is none.
 * @throws RangeError for a time zone that is none.
 */
export function inMaintenance(
  windows: readonly MaintenanceWindow[],
  subject: Subject,
  at: number,
): { window: MaintenanceWindow; span: Span } | null {
  let last: { window: MaintenanceWindow; span: Span } | null = null;
  for (const window of windows) {
    const span = matches(window.matchers, subject) ? maintenanceSpan(window, at) : null;
    if (span && (!last || span.to > last.span.to)) last = { window, span };
  }
  return last;
}

const onceOf = ({ startsAt, endsAt }: { startsAt: number; endsAt: number }): Span => ({ from: startsAt, to: endsAt });

const orNull = (span: Span | null, isGood: (span: Span) => boolean): Span | null =>
  span && isGood(span) ? span : null;

/** The days on which it may have begun, the latest first. Where clocks are put back across midnight, tomorrow has been there already. */
function startsBack(schedule: Recurring, today: CalendarDate): CalendarDate[] {
  // A month is longer than the longest window.
  if (schedule.kind === 'monthly') return [1, 0, -1].map((months) => dayOfMonth(today, months, schedule.day));
  // One day more, since dates are missing where a zone has changed sides of the date line.
  const count = Math.ceil(schedule.durationMinutes / DAY_MINUTES) + 3;
  return onDays(schedule.days, today, (index) => 1 - index, count);
}

/** The days on which it begins next, the soonest first. One week, or month, more than it seems to need: see {@link startsBack}. */
function startsAhead(schedule: Recurring, today: CalendarDate): CalendarDate[] {
  if (schedule.kind === 'monthly') return [0, 1, 2].map((months) => dayOfMonth(today, months, schedule.day));
  return onDays(schedule.days, today, (index) => index, 15);
}

function onDays(
  days: readonly Weekday[],
  today: CalendarDate,
  away: (index: number) => number,
  count: number,
): CalendarDate[] {
  const dates = Array.from({ length: count }, (_, index) => addDays(today, away(index)));
  return dates.filter((date) => days.includes(weekdayOf(date)));
}

function firstSpan(
  dates: CalendarDate[],
  { start, durationMinutes }: Recurring,
  timezone: string,
  isGood: (span: Span) => boolean,
): Span | null {
  for (const date of dates) {
    const from = instantOf(date, start, timezone);
    const span = { from, to: from + durationMinutes * MINUTE_MS };
    if (isGood(span)) return span;
  }
  return null;
}
