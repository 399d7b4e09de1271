import { between, mix } from './hash.js';
import { DAY, HOUR, MINUTE } from './motion.js';

/** One of the runs that begin once a day. Milliseconds since 1970. */
export interface Run {
  startedAt: number;
  /** When it ends; later than now while it runs. */
  endsAt: number;
  /** Counts the days: another number, another run. */
  day: number;
}

/** The last runs of something that begins each night between 1:00 and 4:00 UTC, the newest first; none from before 1970. */
export function nightlyRuns(seed: number, now: number, count: number, firstHour = 1): Run[] {
  const offset = Math.floor(firstHour * HOUR + between(seed, 0, 0, 3) * HOUR);
  const newest = Math.floor((now - offset) / DAY);
  const runs: Run[] = [];
  for (let day = newest; day > newest - count && day >= 0; day--) {
    const startedAt = day * DAY + offset;
    const took = Math.floor(between(mix(seed, day), 1, 2, 12) * MINUTE);
    runs.push({ startedAt, endsAt: startedAt + took, day });
  }
  return runs;
}

/** How many of each guest there may be, so that all together are not more than a bound; one at least. */
export const perGuest = (guests: number, wanted: number, bound: number): number =>
  Math.max(1, Math.min(wanted, Math.floor(bound / Math.max(guests, 1))));
