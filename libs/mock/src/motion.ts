import { mix, unit } from './hash.js';

/** When made-up things are looked at. */
export interface Clock {
  /** Milliseconds since 1970. */
  now: number;
  /** Whether values move; counters and ages grow all the same. */
  moving: boolean;
}

/** Milliseconds. */
export const MINUTE = 60_000;
/** Milliseconds. */
export const HOUR = 3_600_000;
/** Milliseconds. */
export const DAY = 86_400_000;

const TURN = 2 * Math.PI;
/** When the day is busiest, as a part of it: 14:00 UTC. */
const PEAK = 14 / 24;
const GRAIN_MS = 40_000;

const wave = (turns: number): number => Math.sin(TURN * (turns - Math.floor(turns)));

/** Value noise, −1 to 1: hashed points of a lattice, joined smoothly (3x² − 2x³, so that it has no corners). */
function noise(seed: number, position: number): number {
  const cell = Math.floor(position);
  const x = position - cell;
  const from = unit(seed, cell);
  const to = unit(seed, cell + 1);
  return 2 * (from + (to - from) * x * x * (3 - 2 * x)) - 1;
}

/** How something moves within minutes, hours and the day, −1 to 1; 0 while nothing moves. */
export function swing(seed: number, { now, moving }: Clock): number {
  if (!moving) return 0;
  const day = wave(now / DAY - PEAK + 0.25 + (unit(seed, 1) - 0.5) / 6);
  const slow = wave(now / (HOUR * (1.5 + 6 * unit(seed, 2))) + unit(seed, 3));
  const quick = wave(now / (MINUTE * (3 + 25 * unit(seed, 4))) + unit(seed, 5));
  return 0.3 * day + 0.25 * slow + 0.2 * quick + 0.25 * noise(mix(seed, 6), now / GRAIN_MS);
}

/** How something moves that fills and empties over days, −1 to 1; 0 while nothing moves. */
export function drift(seed: number, { now, moving }: Clock): number {
  if (!moving) return 0;
  const days = wave(now / (DAY * (2 + 5 * unit(seed, 1))) + unit(seed, 2));
  const hours = wave(now / (HOUR * (5 + 15 * unit(seed, 3))) + unit(seed, 4));
  return 0.6 * days + 0.3 * hours + 0.1 * noise(mix(seed, 5), now / (10 * MINUTE));
}

/** Milliseconds since the last of the instants that are `period` apart; where they lie comes from the seed. */
export function sinceLast(seed: number, now: number, period: number): number {
  const shifted = now + Math.floor(unit(seed, 0) * period);
  return shifted - Math.floor(shifted / period) * period;
}

/** Whole seconds since the last boot: every 20 to 60 days there is one. */
export const uptimeOf = (seed: number, now: number): number =>
  Math.floor(sinceLast(mix(seed, 1), now, Math.floor(DAY * (20 + 40 * unit(seed, 0)))) / 1000);

/** Nothing is older than 1970. */
export const instant = (at: number): number => Math.max(0, Math.floor(at));

/** A number within limits. */
export const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** A number with two digits after the point. */
export const round2 = (value: number): number => Math.round(value * 100) / 100;

/** How much there is, is taken and is left. */
export const usageOf = (total: number, used: number): { total: number; used: number; free: number } => ({
  total,
  used,
  free: total - used,
});

/** Bytes. */
export const GIB = 2 ** 30;
/** Bytes. */
export const TIB = 2 ** 40;
