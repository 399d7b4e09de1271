import { z } from 'zod';
import { LogFilter } from './logs.js';

/** How bad an alert is. */
export const alertLevels = ['warning', 'critical'] as const;
/** One of {@link alertLevels}. */
export type AlertLevel = (typeof alertLevels)[number];

/** The figures that have thresholds. Percent 0–100, °C; rates in MiB/s. */
export const thresholdMetrics = [
  'cpu',
  'memory',
  'disk',
  'usage',
  'temperature',
  'diskRead',
  'diskWrite',
  'networkIn',
  'networkOut',
] as const;
/** One of {@link thresholdMetrics}. */
export type ThresholdMetric = (typeof thresholdMetrics)[number];

/** The kinds of things that alerts are about, as `timeThresholds` and alerts name them. */
export const resourceTypes = [
  'host',
  'node',
  'guest',
  'storage',
  'ceph',
  'disk',
  'pbs',
  'pmg',
  'docker-host',
  'docker-container',
  'log',
] as const;
/** One of {@link resourceTypes}. */
export type ResourceType = (typeof resourceTypes)[number];

/** How far a bare number's `clear` lies below it (contract-notes A21). */
const GAP = 5;
const MAX_VALUE = 1_000_000;

const Figure = z.number().min(0).max(MAX_VALUE);

/**
 * At `trigger` or more an alert begins, at `clear` or less it ends; at `critical` or more it is critical. `trigger` 0 means: off.
 * A bare number `n` stands for `{ trigger: n, clear: n - 5 }`, −1 for off.
 */
export const Threshold = z.preprocess(
  (value) => (isOff(value) ? { trigger: 0, clear: 0 } : pairOf(value)),
  z
    .object({ trigger: Figure, clear: Figure, critical: Figure.nullable().default(null) })
    .refine(({ trigger, clear }) => trigger === 0 || clear < trigger, 'clear must be below trigger')
    .refine(
      ({ trigger, critical }) => trigger === 0 || critical === null || critical >= trigger,
      'critical must not be below trigger',
    ),
);
/** See {@link Threshold}. */
export type Threshold = z.output<typeof Threshold>;

const OFF = -1;

function isOff(value: unknown): boolean {
  if (value === OFF || value === 0) return true;
  const { trigger } = (typeof value === 'object' && value !== null ? value : {}) as { trigger?: unknown };
  return trigger === OFF || trigger === 0;
}

function pairOf(value: unknown): unknown {
  if (typeof value === 'number') return { trigger: value, clear: Math.max(0, value - GAP) };
  if (typeof value !== 'object' || value === null) return value;
  const { trigger, clear } = value as { trigger?: unknown; clear?: unknown };
  // A clear that is left out, or means nothing, keeps the usual distance.
  if (typeof trigger === 'number' && (clear === undefined || clear === null))
    return { ...value, clear: Math.max(0, trigger - GAP) };
  return value;
}

const off = { trigger: 0, clear: 0, critical: null };
const threshold = (trigger: number, clear: number, critical: number | null = null): Threshold => ({
  trigger,
  clear,
  critical,
});

const switches = {
  /** Nothing of it raises alerts. */
  disabled: z.boolean().optional(),
  /** That it is away raises none. */
  disableConnectivity: z.boolean().optional(),
  /** How bad it is that a guest is not running. */
  poweredOffSeverity: z.enum(alertLevels).optional(),
  /** What people write beside it. */
  note: z.string().max(1000).optional(),
};

const thresholdShape = Object.fromEntries(
  thresholdMetrics.map((metric) => [metric, Threshold.optional()]),
) as unknown as Record<ThresholdMetric, z.ZodOptional<typeof Threshold>>;

/** Pulse's own server adds flat numbers of old; they mean nothing any more. */
const withoutLegacy = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).filter(([name, one]) => !name.endsWith('Legacy') && one !== null))
    : value;

const strictly = <S extends z.ZodRawShape>(shape: S) =>
  z.preprocess(
    withoutLegacy,
    z.strictObject(shape, {
      error: (issue) =>
        issue.code === 'unrecognized_keys'
          ? `no such setting: ${issue.keys.map((key) => JSON.stringify(key.slice(0, 64))).join(', ')}; there are ${Object.keys(shape).join(', ')}`
          : undefined,
    }),
  );

/** Thresholds of one resource or of all of a kind; what is missing is as it is for all, or off. */
export const Thresholds = strictly({ ...thresholdShape, ...switches });
/** See {@link Thresholds}. */
export type Thresholds = z.output<typeof Thresholds>;

/** −1 is off, as 0 is. */
const orOff = <S extends z.ZodType>(figure: S) => z.preprocess((value) => (value === OFF ? 0 : value), figure);
const count = orOff(z.number().min(0).max(1_000_000_000));

/** Thresholds of Docker containers. */
const DockerThresholds = strictly({
  ...thresholdShape,
  ...switches,
  /** So many restarts within `restartWindow` seconds are a loop; 0 is off. */
  restartCount: orOff(z.int().min(0).max(1000)).default(3),
  restartWindow: z.int().min(10).max(86_400).default(300),
  /** Percent of a container's own memory limit; 0 is off. */
  memoryWarnPct: orOff(z.number().min(0).max(100)).default(90),
  memoryCriticalPct: orOff(z.number().min(0).max(100)).default(95),
});

const MailThresholds = strictly({
  queueTotalWarning: count.default(500),
  queueTotalCritical: count.default(1000),
  oldestMessageWarnMins: count.default(30),
  oldestMessageCritMins: count.default(60),
  deferredQueueWarn: count.default(200),
  deferredQueueCritical: count.default(500),
  holdQueueWarn: count.default(100),
  holdQueueCritical: count.default(300),
  quarantineSpamWarn: count.default(2000),
  quarantineSpamCritical: count.default(5000),
  quarantineVirusWarn: count.default(2000),
  quarantineVirusCritical: count.default(5000),
  quarantineGrowthWarnPct: count.default(25),
  quarantineGrowthWarnMin: count.default(250),
  quarantineGrowthCritPct: count.default(50),
  quarantineGrowthCritMin: count.default(500),
});

const Days = z.number().min(0).max(3650);
const byAge = (enabled: boolean, warningDays: number, criticalDays: number) =>
  z
    .object({
      enabled: z.boolean().default(enabled),
      warningDays: Days.default(warningDays),
      criticalDays: Days.default(criticalDays),
    })
    .prefault({});

const Clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day from 00:00 to 23:59');
/** An IANA time zone, e.g. Europe/Berlin. */
export const TimeZone = z.string().max(64).refine(isTimeZone, 'no such time zone; IANA names such as Europe/Berlin');

/** Whether a name is a time zone of the IANA database. Bare offsets (`+01:00`), which newer versions of Node take, are none. */
function isTimeZone(name: string): boolean {
  if (!/^[a-z]/i.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
}

/** The days of a week, as settings name them. */
export const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
/** One of {@link weekdays}. */
export type Weekday = (typeof weekdays)[number];

const everyDay = Object.fromEntries(weekdays.map((day) => [day, z.boolean().default(true)])) as Record<
  Weekday,
  z.ZodDefault<z.ZodBoolean>
>;

/** When nobody is to be woken. Alerts stand all the same; what was held back is summed up when it is over. */
const QuietHours = z
  .object({
    enabled: z.boolean().default(false),
    start: Clock.default('22:00'),
    end: Clock.default('08:00'),
    timezone: TimeZone.default('UTC'),
    days: z.object(everyDay).prefault({}),
    /** Kinds of critical alerts that are held back, too. */
    suppress: z
      .object({
        performance: z.boolean().default(false),
        storage: z.boolean().default(false),
        offline: z.boolean().default(false),
      })
      .prefault({}),
    allowCritical: z.boolean().default(true),
  })
  .prefault({});

const Minutes = z.number().min(0).max(10_080);
const Seconds = z.number().min(0).max(86_400);

/** Whom an escalation tells. */
export const escalationTargets = ['email', 'webhook', 'all'] as const;

const Schedule = z
  .object({
    quietHours: QuietHours,
    /** Minutes in which the same alert is not told again; 0 is none. */
    cooldown: Minutes.default(5),
    /** How often the same alert is told within an hour; 0 is as often as it comes. */
    maxAlertsHour: z.int().min(0).max(1000).default(10),
    notifyOnResolve: z.boolean().default(true),
    escalation: z
      .object({
        enabled: z.boolean().default(false),
        levels: z
          .array(z.object({ after: z.number().min(1).max(10_080), notify: z.enum(escalationTargets) }))
          .max(10)
          .default([]),
      })
      .prefault({}),
  })
  .prefault({});

/** Alerts of one group within the window are told in one message. */
const Aggregation = z
  .object({
    enabled: z.boolean().default(true),
    windowSeconds: z.number().min(0).max(3600).default(30),
    byNode: z.boolean().default(true),
    byGuest: z.boolean().default(false),
  })
  .prefault({});

/** An alert that comes and goes so often is told no more for a while. */
const Flapping = z
  .object({
    enabled: z.boolean().default(true),
    threshold: z.int().min(2).max(100).default(5),
    windowSeconds: z.int().min(10).max(86_400).default(300),
    cooldownMinutes: Minutes.default(30),
  })
  .prefault({});

const ResourceKey = z.string().min(1).max(512);
const metricNames: readonly string[] = [...thresholdMetrics, 'default'];
const MetricName = z.string().refine((name) => metricNames.includes(name));
const MetricSeconds = z.record(MetricName, Seconds, {
  error: ({ code }) => (code === 'invalid_key' ? `no such metric; there are ${metricNames.join(', ')}` : undefined),
});

/** Entries by name: rules must fit into one message. */
const named = <V extends z.ZodType>(value: V, most: number) =>
  z.record(ResourceKey, value).refine((entries) => Object.keys(entries).length <= most, `at most ${most} entries`);

/** The most rules on logs. */
export const MAX_LOG_RULES = 50;

const { agentId, source, name: sourceName, levels, query, pattern } = LogFilter.shape;
const Lines = z.int().min(1).max(1_000_000_000);
const RuleId = z.string().regex(/^[a-z0-9-]{1,64}$/, '1 to 64 of the characters a-z 0-9 -');

const RuleFields = z.strictObject({
  id: RuleId,
  /** For people. */
  name: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'no control characters'),
  enabled: z.boolean().default(true),
  /** The logs of one host; null: of each host by itself. */
  agentId,
  source,
  sourceName,
  levels,
  query,
  /** In the syntax of RE2: no look-around, no back-references. */
  pattern,
  /** So many lines within the window raise an alert. */
  count: Lines,
  /** So many make it critical; null where nothing does. */
  criticalCount: Lines.nullable().default(null),
  windowSeconds: z.int().min(10).max(86_400).default(300),
  /** How bad it is at `count`. */
  level: z.enum(alertLevels).default('warning'),
});

const narrowing = ['source', 'sourceName', 'levels', 'query', 'pattern'] as const;

/** What no field can say by itself. */
function checkRule(rule: Omit<z.output<typeof RuleFields>, 'id'>, context: z.RefinementCtx): void {
  const { count: warning, criticalCount } = rule;
  if (criticalCount !== null && criticalCount < warning)
    context.addIssue({ code: 'custom', path: ['criticalCount'], message: `must not be below count (${warning})` });
  if (narrowing.every((field) => rule[field] === null))
    context.addIssue({ code: 'custom', path: [], message: `at least one of ${narrowing.join(', ')} must be given` });
}

/** A rule on logs: so many lines that match within a window raise an alert, for each host by itself. All that is given must match. */
export const LogRule = RuleFields.superRefine(checkRule);
/** See {@link LogRule}. */
export type LogRule = z.output<typeof LogRule>;

/** A rule as somebody writes it; without `id` it gets one that is made of its name. */
export const LogRuleDraft = RuleFields.extend({ id: RuleId.optional() }).superRefine(checkRule);
/** See {@link LogRuleDraft}. */
export type LogRuleDraft = z.output<typeof LogRuleDraft>;

const LogRules = z
  .array(LogRule)
  .max(MAX_LOG_RULES, `at most ${MAX_LOG_RULES} rules`)
  .superRefine((rules, context) => {
    const seen = new Set<string>();
    for (const [index, { id }] of rules.entries()) {
      if (seen.has(id)) context.addIssue({ code: 'custom', path: [index, 'id'], message: 'another rule has this id' });
      seen.add(id);
    }
  });

const all = {
  disableAllHosts: z.boolean().default(false),
  disableAllNodes: z.boolean().default(false),
  disableAllGuests: z.boolean().default(false),
  disableAllStorage: z.boolean().default(false),
  disableAllPBS: z.boolean().default(false),
  disableAllPMG: z.boolean().default(false),
  disableAllDockerHosts: z.boolean().default(false),
  disableAllDockerContainers: z.boolean().default(false),
  disableAllHostsOffline: z.boolean().default(false),
  disableAllNodesOffline: z.boolean().default(false),
  disableAllGuestsOffline: z.boolean().default(false),
  disableAllPBSOffline: z.boolean().default(false),
  disableAllPMGOffline: z.boolean().default(false),
  disableAllDockerHostsOffline: z.boolean().default(false),
};

const machine: Thresholds = { cpu: threshold(80, 75), memory: threshold(85, 80), disk: threshold(90, 85) };
const rates = { diskRead: off, diskWrite: off, networkIn: off, networkOut: off };

/** What raises alerts, and when somebody is told of them: the one set of rules behind all APIs, in the words of Pulse's configuration. */
export const AlertConfig = z.object({
  enabled: z.boolean().default(true),
  guestDefaults: Thresholds.default({ ...machine, ...rates }),
  nodeDefaults: Thresholds.default({ ...machine, temperature: threshold(80, 75) }),
  /** Hosts with an agent: what Tyto's API calls warning is `trigger` here. */
  hostDefaults: Thresholds.default({
    cpu: threshold(80, 75, 95),
    memory: threshold(85, 80, 95),
    disk: threshold(80, 75, 90),
    temperature: threshold(85, 80, 95),
  }),
  storageDefault: Threshold.default(threshold(85, 80)),
  dockerDefaults: DockerThresholds.prefault({ cpu: threshold(80, 75), memory: threshold(85, 80) }),
  dockerIgnoredContainerPrefixes: z.array(z.string().min(1).max(128)).max(200).default([]),
  pmgThresholds: MailThresholds.prefault({}),
  /** Percent of a disk's life that is left. */
  diskDefaults: z
    .object({
      enabled: z.boolean().default(true),
      lifeLeftWarning: z.number().min(0).max(100).default(10),
      lifeLeftCritical: z.number().min(0).max(100).default(5),
    })
    .prefault({}),
  /** Days since the last backup, or of the oldest snapshot. */
  backupDefaults: byAge(false, 7, 14),
  snapshotDefaults: byAge(false, 30, 60),
  /** Days until a certificate ends. */
  certificateDefaults: byAge(true, 21, 7),
  /** While a backup of a guest runs, its load raises no alerts, for so many minutes at most. */
  backupQuiet: z
    .object({ enabled: z.boolean().default(true), maxMinutes: z.number().min(1).max(1440).default(180) })
    .prefault({}),
  /** What holds for one resource alone, by its id. */
  overrides: named(Thresholds, 2000).default({}),
  /** Seconds for which a breach must last, by resource id or kind of resource. */
  timeThresholds: named(Seconds, 2000).default({ guest: 5, node: 5, storage: 5, pbs: 5, host: 5 }),
  metricTimeThresholds: named(MetricSeconds, 1000).default({}),
  aggregation: Aggregation,
  flapping: Flapping,
  schedule: Schedule,
  logRules: LogRules.default([]),
  ...all,
});
/** See {@link AlertConfig}. */
export type AlertConfig = z.output<typeof AlertConfig>;

/** What holds until somebody sets it otherwise. */
export const defaultAlertConfig: AlertConfig = AlertConfig.parse({});
