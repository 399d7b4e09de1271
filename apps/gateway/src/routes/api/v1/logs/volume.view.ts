import { LapwingError, MAX_LOG_BUCKETS, logLevels, type OutputOf, type logvolumeGet } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../../http/answer.js';

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
const DAY = 86_400;
const MAX_STEP = 366 * DAY;
/** Steps that are easy to read, in seconds. */
const STEPS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 21_600, DAY];
const BUCKETS = 60;

/** The step of a histogram in a query: a duration (`30s`, `5m`, `1h`, `1d`) or a bare number of seconds; as seconds. */
export const step = z.string().transform((text, context) => {
  const [, number, unit] = /^(\d{1,8})([smhd]?)$/.exec(text) ?? [];
  const seconds = Number(number ?? 0) * (UNITS[unit || 's'] ?? 1);
  if (seconds < 1 || seconds > MAX_STEP)
    context.addIssue({
      code: 'custom',
      message: 'a number of seconds, or a duration such as 30s, 5m, 1h, 1d; at most 366d',
    });
  return seconds;
});

/** The step that suits a stretch of time: one that is easy to read and gives about 60 buckets; whole days for long ones. */
export function defaultStep(from: number, to: number): number {
  const wanted = (to - from) / 1000 / BUCKETS;
  const found = STEPS.find((one) => one >= wanted) ?? DAY;
  const days = Math.ceil((to - from) / 1000 / DAY / (MAX_LOG_BUCKETS - 1));
  return Math.max(found, days > 1 ? days * DAY : 0);
}

const count = z.int();

/** A histogram. */
export const Volume = z.object({
  from: isoTime,
  to: isoTime,
  step: z.int().describe('seconds'),
  buckets: z.array(
    z.object({
      timestamp: isoTime.describe('when it begins: a multiple of the step since 1970'),
      total: count,
      debug: count,
      info: count,
      notice: count,
      warning: count,
      error: count,
      critical: count,
    }),
  ),
});

/** What a histogram is of: two instants in milliseconds, and seconds of a bucket. */
export interface VolumeRange {
  from: number;
  to: number;
  step: number;
}

/** @throws LapwingError `INVALID_INPUT` for more than 1000 buckets. */
export function checkVolume({ from, to, step: seconds }: VolumeRange): void {
  const buckets = Math.ceil(to / 1000 / seconds) - Math.floor(from / 1000 / seconds);
  if (buckets > MAX_LOG_BUCKETS)
    throw new LapwingError(
      'INVALID_INPUT',
      `"step": at most ${MAX_LOG_BUCKETS} buckets, these are ${buckets}; take longer steps or a shorter time`,
    );
}

/** A histogram with every bucket, those without lines included. */
export function toVolume(
  { from, to, step: seconds }: VolumeRange,
  { buckets }: OutputOf<typeof logvolumeGet>,
): z.infer<typeof Volume> {
  const width = seconds * 1000;
  const counts = new Map(buckets.map((bucket) => [bucket.time, bucket.counts]));
  const times: number[] = [];
  for (let time = Math.floor(from / width) * width; time < to; time += width) times.push(time);
  return {
    from: iso(from),
    to: iso(to),
    step: seconds,
    buckets: times.map((time) => {
      const { debug = 0, info = 0, notice = 0, warning = 0, error = 0, critical = 0 } = counts.get(time) ?? {};
      const levels = { debug, info, notice, warning, error, critical };
      const total = logLevels.reduce((sum, level) => sum + levels[level], 0);
      return { timestamp: iso(time), total, ...levels };
    }),
  };
}

const iso = (time: number): string => new Date(time).toISOString();
