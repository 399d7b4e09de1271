import { AlertConfig } from '@lapwing/contracts';
import { withIds } from './log-rules.js';

/** What is kept by the names of resources and metrics: there `null` takes an entry out, and an entry is replaced as a whole. */
const BY_NAME = new Set(['overrides', 'timeThresholds', 'metricTimeThresholds']);
/** A pair of thresholds is one thing, too: half of a new one and half of an old one is neither. */
const isThreshold = (value: object): boolean => 'trigger' in value;

/** All rules must fit into a message of the bus, with room to spare. */
export const MAX_LENGTH = 600_000;
/** As many faults as anybody mends at once. */
const MAX_FAULTS = 20;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is wrong with rules: each fault with its place. */
export interface Fault {
  field: string;
  message: string;
}

/**
 * The rules after a change, checked as a whole.
 * @param patch what is to be different; `null` in overrides and delays takes one out, elsewhere it leaves what is there.
 * @param replace whether overrides are exactly those of the patch, where it has any, and not added to those that are there.
 */
export function mergeConfig(
  config: AlertConfig,
  patch: Record<string, unknown>,
  replace = false,
): { config: AlertConfig } | { faults: Fault[] } {
  const before = replace && isObject(patch['overrides']) ? { ...config, overrides: {} } : config;
  const merged = merge(before, patch);
  const parsed = AlertConfig.safeParse({ ...merged, logRules: withIds(merged['logRules']) });
  if (parsed.success && JSON.stringify(parsed.data).length > MAX_LENGTH)
    return { faults: [{ field: 'overrides', message: `the rules would be longer than ${MAX_LENGTH} characters` }] };
  if (parsed.success) return { config: parsed.data };
  const faults = parsed.error.issues.slice(0, MAX_FAULTS);
  return {
    faults: faults.map(({ path, message }) => ({
      field: path.join('.').slice(0, 200),
      message: message.slice(0, 500),
    })),
  };
}

function merge(before: Record<string, unknown>, patch: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...before };
  for (const [name, value] of Object.entries(patch)) {
    if (name === '__proto__' || (value === null && name !== 'critical')) continue;
    const known = Object.hasOwn(before, name) ? before[name] : undefined;
    if (!isObject(known) || !isObject(value)) merged[name] = value;
    else if (BY_NAME.has(name)) merged[name] = mergeByName(known, value);
    else merged[name] = isThreshold(value) ? value : merge(known, value);
  }
  return merged;
}

function mergeByName(before: Record<string, unknown>, patch: Record<string, unknown>): Record<string, unknown> {
  const both = [...Object.entries(before), ...Object.entries(patch)].filter(([name]) => name !== '__proto__');
  return Object.fromEntries([...new Map(both)].filter(([, value]) => value !== null));
}
