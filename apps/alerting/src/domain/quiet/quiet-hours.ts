import type { AlertConfig } from '@lapwing/contracts';
import type { SignalCategory } from '../signals.js';
import { addDays, instantOf, isWithin, minuteOf, wallClockAt, weekdayOf, type Span } from './zoned.js';

/** When somebody wants to be left alone. */
export type QuietHours = AlertConfig['schedule']['quietHours'];

/**
 * The quiet hours that contain `at` (milliseconds since 1970); null outside them. Those of the next day may follow at once.
 * @throws RangeError for a time zone that is none.
 */
export function quietSpan(quiet: QuietHours, at: number): Span | null {
  if (!quiet.enabled) return null;
  const today = wallClockAt(at, quiet.timezone);
  const crossesMidnight = minuteOf(quiet.end) <= minuteOf(quiet.start);
  // Where clocks are put back across midnight, tomorrow has been there already.
  for (const days of [0, -1, 1]) {
    const date = addDays(today, days);
    if (!quiet.days[weekdayOf(date)]) continue;
    const from = instantOf(date, quiet.start, quiet.timezone);
    const to = instantOf(crossesMidnight ? addDays(date, 1) : date, quiet.end, quiet.timezone);
    if (isWithin({ from, to }, at)) return { from, to };
  }
  return null;
}

/**
 * Whether quiet hours hold an alert back at `at` (milliseconds since 1970), and until when; null when it may be told. Warnings are held, critical
 * ones where their category is suppressed or critical ones are not allowed. Ask again at `until`: other quiet hours may follow at once.
 * @throws RangeError for a time zone that is none.
 */
export function isHeld(
  quiet: QuietHours,
  at: number,
  { level, category }: { level: 'warning' | 'critical'; category: SignalCategory },
): { until: number } | null {
  const passes = level === 'critical' && quiet.allowCritical && !quiet.suppress[category];
  const span = passes ? null : quietSpan(quiet, at);
  return span && { until: span.to };
}
