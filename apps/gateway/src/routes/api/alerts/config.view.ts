import type { AlertConfig } from '@lapwing/contracts';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

/** JSON that was not looked at yet. */
export type Fields = Record<string, unknown>;

const Threshold = z.object({
  trigger: z.number().describe('here or above it begins; 0 is off'),
  clear: z.number().describe('here or below it ends'),
  critical: z.number().optional().describe('here or above it is critical'),
});
const Class = z.record(z.string(), z.unknown()).describe('a metric -> {trigger, clear, critical?}, and switches');
const Grouping = z.object({
  enabled: z.boolean(),
  window: z.number().describe('seconds'),
  byNode: z.boolean(),
  byGuest: z.boolean(),
});

/** What raises alerts, as Pulse's clients know it. */
export const ConfigView = z.looseObject({
  enabled: z.boolean(),
  guestDefaults: Class,
  nodeDefaults: Class,
  hostDefaults: Class,
  storageDefault: Threshold,
  dockerDefaults: Class,
  dockerIgnoredContainerPrefixes: z.array(z.string()),
  pmgThresholds: z.record(z.string(), z.number()),
  pmgDefaults: z.record(z.string(), z.number()).describe('the same as pmgThresholds, for older clients'),
  overrides: z.record(z.string(), Class).describe('by the id of a resource'),
  timeThresholds: z.record(z.string(), z.number()).describe('seconds, by resource or kind of resource'),
  metricTimeThresholds: z.record(z.string(), z.record(z.string(), z.number())).describe('seconds'),
  aggregation: z.looseObject({ enabled: z.boolean(), windowSeconds: z.number() }),
  flapping: z.looseObject({ enabled: z.boolean(), threshold: z.int() }),
  logRules: z.array(z.record(z.string(), z.unknown())).describe('rules on logs; replaced as a whole'),
  schedule: z.looseObject({ grouping: Grouping.describe('the same as aggregation, for older clients') }),
});

/** The same, with how many alerts are open. */
export const ConfigAndStatus = ConfigView.extend({
  status: z.object({
    active: z.int(),
    acknowledged: z.int(),
    muted: z.int().describe('of which nobody is told'),
    critical: z.int(),
    warning: z.int(),
  }),
});

/** Whether something is an object of JSON. */
export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Thresholds wherever they stand: one that is off is all 0, and a level that there is not is left out. */
function shown(value: unknown): unknown {
  if (!isFields(value)) return value;
  if ('trigger' in value && 'clear' in value) {
    if (value['trigger'] === 0) return { trigger: 0, clear: 0 };
    const { critical, ...rest } = value;
    return critical === null ? rest : value;
  }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shown(one)]));
}

/** How messages are grouped, in the older words. */
export function groupingOf({ aggregation }: AlertConfig): z.infer<typeof Grouping> {
  const { windowSeconds, ...rest } = aggregation;
  return { ...rest, window: windowSeconds };
}

/** See {@link ConfigView}. */
export function toConfigView(config: AlertConfig): z.infer<typeof ConfigView> {
  const view = shown(config) as AlertConfig;
  const schedule = { ...view.schedule, grouping: groupingOf(config) };
  return { ...view, pmgDefaults: view.pmgThresholds, schedule } as z.infer<typeof ConfigView>;
}

/**
 * What was sent under a name, together with what was sent under its other name: of the two, that counts which differs from what is in force,
 * since clients send back all that they were shown. Where both do, the name that is no alias.
 */
function withAlias(canonical: unknown, alias: unknown, inForce: Fields): unknown {
  if (alias === undefined || alias === null) return canonical;
  if (!isFields(alias) || (canonical !== undefined && !isFields(canonical))) return canonical ?? alias;
  const merged: Fields = { ...canonical };
  for (const [name, value] of Object.entries(alias)) {
    const isChanged = !Object.hasOwn(merged, name) || isDeepStrictEqual(merged[name], inForce[name]);
    if (isChanged && !(Object.hasOwn(merged, name) && isDeepStrictEqual(value, inForce[name]))) merged[name] = value;
  }
  return merged;
}

/** The older words for how messages are grouped, in those of today. */
function toAggregation(grouping: unknown): unknown {
  if (!isFields(grouping)) return grouping;
  const { window, ...rest } = grouping;
  return window === undefined ? rest : { ...rest, windowSeconds: window };
}

/**
 * What a client sent, in the words of the rules; whether it is valid is for the service of alerts to say.
 * @param sent as Pulse's clients write it: what {@link toConfigView} shows, or a part of it.
 * @param inForce the rules that hold now.
 * @param grouping how messages are grouped, where it was sent beside the schedule.
 */
export function toPatch(sent: Fields, inForce: AlertConfig, grouping?: unknown): Fields {
  const { status: _status, pmgDefaults, ...patch } = sent;
  const { schedule } = patch;
  let aggregation = withAlias(patch['aggregation'], toAggregation(grouping), inForce.aggregation);
  if (isFields(schedule)) {
    const { grouping: inside, ...rest } = schedule;
    patch['schedule'] = rest;
    aggregation = withAlias(aggregation, toAggregation(inside), inForce.aggregation);
  }
  const mail = withAlias(patch['pmgThresholds'], pmgDefaults, inForce.pmgThresholds);
  return {
    ...patch,
    ...(aggregation !== undefined && { aggregation }),
    ...(mail !== undefined && { pmgThresholds: mail }),
  };
}
