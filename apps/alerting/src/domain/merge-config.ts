import { AlertConfig } from '@lapwing/contracts';
import { z } from 'zod';

/** Parts of the rules that a change replaces as wholes: how else could one take something out of them? */
const WHOLE = new Set([
  'overrides',
  'timeThresholds',
  'metricTimeThresholds',
  'dockerIgnoredContainerPrefixes',
  'levels',
]);
/** A pair of thresholds is one thing, too: half of a new one and half of an old one is neither. */
const isThreshold = (value: object): boolean => 'trigger' in value;

/** A message has room for so much of what is wrong. */
const MAX_FAULTS = 4000;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The rules after a change, checked as a whole.
 * @param patch what is to be different; `null` in `overrides` takes one out, elsewhere it leaves what is there.
 * @returns the new rules, or in words what is wrong with them, each fault with its place.
 */
export function mergeConfig(
  config: AlertConfig,
  patch: Record<string, unknown>,
): { config: AlertConfig } | { faults: string } {
  const parsed = AlertConfig.safeParse(merge(config, patch));
  return parsed.success ? { config: parsed.data } : { faults: z.prettifyError(parsed.error).slice(0, MAX_FAULTS) };
}

function merge(before: Record<string, unknown>, patch: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...before };
  for (const [name, value] of Object.entries(patch)) {
    if (name === '__proto__' || (value === null && name !== 'critical')) continue;
    const known = Object.hasOwn(before, name) ? before[name] : undefined;
    if (WHOLE.has(name)) merged[name] = isObject(value) ? withoutNulls(value) : value;
    else merged[name] = isObject(known) && isObject(value) && !isThreshold(value) ? merge(known, value) : value;
  }
  return merged;
}

const withoutNulls = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null));
