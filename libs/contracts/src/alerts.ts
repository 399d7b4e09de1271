import { z } from 'zod';
import {
  AlertConfig,
  LogRule,
  LogRuleDraft,
  TimeZone,
  alertLevels,
  resourceTypes,
  thresholdMetrics,
  weekdays,
} from './alert-config.js';
import { event, request } from './define.js';
import { Actor } from './identity.js';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);
const line = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'no control characters');

/** `<resource>-<signal>`: the same each time this signal of this resource breaches. */
export const AlertId = z.string().min(1).max(900);

/** What an alert is about. */
export const AlertResource = z.object({
  /** As the state names it. */
  id: z.string().max(700),
  name: z.string().max(500),
  type: z.enum(resourceTypes),
  node: z.string().max(255),
  /** The installation it belongs to: the configured node, the agent, or the Docker host. */
  instance: z.string().max(300),
  /** What it stands on, the nearest first: when one of these is away, so is this. */
  parents: z.array(z.string().max(700)).max(8),
});
/** See {@link AlertResource}. */
export type AlertResource = z.infer<typeof AlertResource>;

/** How an alert ended. `removed`: the thing is gone; `disabled`: nobody wants to know any more. */
export const resolutions = ['recovered', 'cleared', 'disabled', 'removed'] as const;
/** One of {@link resolutions}. */
export type Resolution = (typeof resolutions)[number];

/** A resource that is away because what it stands on is. */
export const AffectedResource = z.object({ id: z.string(), name: z.string(), type: z.enum(resourceTypes) });
/** See {@link AffectedResource}. */
export type AffectedResource = z.infer<typeof AffectedResource>;

/** An alert: one stretch of time in which one signal of one resource was in breach of its threshold. */
export const Alert = z.object({
  id: AlertId,
  /** Tells this stretch of time from others of the same alert. */
  occurrence: z.int(),
  level: z.enum(alertLevels),
  /** What breached: `cpu`, `memory`, `connectivity`, `zfs-errors` … */
  signal: z.string().max(64),
  resource: AlertResource,
  /** One sentence for people. */
  message: z.string().max(2000),
  /** The newest value. */
  value: z.number(),
  threshold: z.number(),
  clearThreshold: z.number(),
  unit: z.string().max(16),
  /** When the breach began, by the time of the sample. */
  startedAt: Instant,
  lastSeenAt: Instant,
  resolvedAt: Instant.nullable(),
  resolution: z.enum(resolutions).nullable(),
  acknowledgedAt: Instant.nullable(),
  acknowledgedBy: z.string().nullable(),
  /** 0–100: how much it matters. */
  score: z.int().min(0).max(100),
  /** Why it was decided so. */
  why: z.string().max(1000),
  /** The readings that made it: instant and value, the oldest first. */
  samples: z.array(z.tuple([Instant, z.number()])).max(40),
  flapping: z.boolean(),
  /** The alert about what this resource stands on, while that keeps this one quiet. */
  inhibitedBy: z.string().nullable(),
  /** Why nobody was told (yet); empty when somebody was, or nothing speaks against it. */
  quiet: z.string().max(500),
  /** What is away because of this; at most 100 are listed. */
  affected: z.array(AffectedResource).max(100),
  affectedCount: z.int(),
  incidentId: z.int().nullable(),
  lastNotifiedAt: Instant.nullable(),
  /** When which escalation was due. */
  escalatedAt: z.array(Instant).max(10),
});
/** See {@link Alert}. */
export type Alert = z.infer<typeof Alert>;

/** What can happen to an alert. */
export const alertChanges = ['fired', 'level', 'resolved', 'cleared', 'acknowledged', 'unacknowledged'] as const;

/** Something happened to an alert. Key: the alert. */
export const alertChanged = event(
  'evt.alert.changed.v1',
  'EVENTS',
  z.object({ change: z.enum(alertChanges), alert: Alert, time: Instant }),
  ({ alert }) => alert.id,
);

/** Alerts came or went, the history was emptied, rules, silences or channels changed: whoever shows them reads them anew. Key: what changed. */
export const alertingChanged = event(
  'evt.alerting.changed.v1',
  null,
  z.object({ what: z.enum(['alerts', 'config', 'silences', 'maintenance', 'channels', 'history']) }),
);

const Page = { limit: z.int().min(1).max(10_000).default(100), offset: z.int().min(0).max(1_000_000).default(0) };

/** Open alerts, the newest first, in pages of at most 500 kB: a page continues after `after`. */
export const alertList = request('req.alerting.alert.list.v1', {
  input: z.object({ after: z.int().nullable().default(null) }),
  output: z.object({ alerts: z.array(Alert), next: z.int().nullable() }),
});

/** Alerts of before and of now, the newest first; an answer of more than 500 kB is cut, and says where to go on. */
export const alertHistory = request('req.alerting.alert.history.v1', {
  input: z.object({
    ...Page,
    from: Instant.nullable().default(null),
    to: Instant.nullable().default(null),
    level: z.enum(alertLevels).nullable().default(null),
    resourceId: z.string().max(700).nullable().default(null),
    incidentId: z.int().nullable().default(null),
  }),
  output: z.object({ alerts: z.array(Alert), total: z.int() }),
});

/** Forgets the alerts that are over. */
export const alerthistoryClear = request('req.alerting.alerthistory.clear.v1', {
  input: z.object({ actor: Actor }),
  output: z.object({ deleted: z.int() }),
});

const Many = z.object({ actor: Actor, ids: z.array(AlertId).min(1).max(1000) });
const Each = z.object({
  results: z.array(z.object({ id: z.string(), found: z.boolean(), alert: Alert.nullable() })),
});

/** Acknowledges open alerts, or takes that back; again does no harm. */
export const alertAcknowledge = request('req.alerting.alert.acknowledge.v1', {
  input: Many.extend({ acknowledged: z.boolean() }),
  output: Each,
});
/** Ends open alerts by hand: each may come back when its figure was fine in between, or after the cooldown. */
export const alertClear = request('req.alerting.alert.clear.v1', { input: Many, output: Each });

/** The rules in force. */
export const alertConfigGet = request('req.alerting.config.get.v1', { input: z.object({}), output: AlertConfig });
/**
 * Changes rules: what is given is merged into what is there, lists and pairs of thresholds as wholes. In `overrides` and delays `null` takes one
 * out; with `replace` the overrides are exactly those that are given. `INVALID_INPUT` names each fault by its place, and then nothing changes.
 */
export const alertConfigUpdate = request('req.alerting.config.update.v1', {
  input: z.object({ actor: Actor, patch: z.record(z.string(), z.unknown()), replace: z.boolean().default(false) }),
  output: AlertConfig,
});

/** Adds a rule on logs. `INVALID_INPUT` when there is one of its id, when there are 50 already, and for a pattern that is none. */
export const logruleCreate = request('req.alerting.logrule.create.v1', {
  input: z.object({ actor: Actor, draft: LogRuleDraft }),
  output: LogRule,
});
/** Replaces one; its id stays. `NOT_FOUND`, and `INVALID_INPUT` for a pattern that is none. */
export const logruleUpdate = request('req.alerting.logrule.update.v1', {
  input: z.object({ actor: Actor, id: z.string().max(64), draft: LogRuleDraft }),
  output: LogRule,
});
/** Removes one: what is open of it is over. `NOT_FOUND`. */
export const logruleDelete = request('req.alerting.logrule.delete.v1', {
  input: z.object({ actor: Actor, id: z.string().max(64) }),
  output: z.object({}),
});

/** What a silence or a maintenance window looks at. */
export const matcherNames = [
  'alertId',
  'type',
  'level',
  'resourceId',
  'resourceName',
  'resourceType',
  'node',
  'instance',
] as const;

/** One condition on alerts; `~` compares with a pattern in which `*` stands for anything and `?` for one character. */
export const Matcher = z.strictObject({
  name: z.enum(matcherNames),
  op: z.enum(['=', '!=', '~', '!~']).default('='),
  value: z.string().max(200),
});
/** See {@link Matcher}. */
export type Matcher = z.infer<typeof Matcher>;

const Matchers = z.array(Matcher).min(1, 'at least one matcher').max(10);
const Clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day from 00:00 to 23:59');

/** What somebody wants to be silent, and for how long: all matchers must fit. */
export const SilenceDraft = z
  .object({
    matchers: Matchers,
    startsAt: Instant,
    endsAt: Instant,
    comment: line(1000).default(''),
  })
  .refine(({ startsAt, endsAt }) => endsAt > startsAt, { path: ['endsAt'], error: 'must be after startsAt' });
/** See {@link SilenceDraft}. */
export type SilenceDraft = z.infer<typeof SilenceDraft>;

/** A silence: alerts that match raise no messages until it ends. */
export const Silence = z.object({
  id: z.uuid(),
  matchers: z.array(Matcher),
  startsAt: Instant,
  endsAt: Instant,
  comment: z.string(),
  createdBy: z.string(),
  createdAt: Instant,
  /** How many open alerts it keeps quiet now. */
  alerts: z.int(),
});
/** See {@link Silence}. */
export type Silence = z.infer<typeof Silence>;

const ByActor = z.object({ actor: Actor, id: z.uuid() });

/** All silences that are not over for more than a day. */
export const silenceList = request('req.alerting.silence.list.v1', {
  input: z.object({}),
  output: z.object({ silences: z.array(Silence) }),
});
/** Begins a silence, or plans one. `INVALID_INPUT` when there are 200 already. */
export const silenceCreate = request('req.alerting.silence.create.v1', {
  input: z.object({ actor: Actor, draft: SilenceDraft }),
  output: Silence,
});
/** Changes one. `NOT_FOUND`. */
export const silenceUpdate = request('req.alerting.silence.update.v1', {
  input: ByActor.extend({ draft: SilenceDraft }),
  output: Silence,
});
/** Ends one now. `NOT_FOUND`. */
export const silenceDelete = request('req.alerting.silence.delete.v1', { input: ByActor, output: z.object({}) });

/** When maintenance takes place. Times of day are those of the window's time zone; one that begins before midnight may end after it. */
export const MaintenanceSchedule = z.discriminatedUnion('kind', [
  z
    .object({ kind: z.literal('once'), startsAt: Instant, endsAt: Instant })
    .refine(({ startsAt, endsAt }) => endsAt > startsAt, { path: ['endsAt'], error: 'must be after startsAt' }),
  z.object({
    kind: z.literal('weekly'),
    days: z.array(z.enum(weekdays)).min(1).max(7),
    start: Clock,
    durationMinutes: z.int().min(1).max(10_080),
  }),
  z.object({
    kind: z.literal('monthly'),
    /** The month's last day where it has fewer. */
    day: z.int().min(1).max(31),
    start: Clock,
    durationMinutes: z.int().min(1).max(10_080),
  }),
]);
/** See {@link MaintenanceSchedule}. */
export type MaintenanceSchedule = z.infer<typeof MaintenanceSchedule>;

/** A stretch of time that comes again, in which alerts that match raise no messages. */
export const MaintenanceDraft = z.object({
  name: line(200).min(1),
  enabled: z.boolean().default(true),
  matchers: Matchers,
  timezone: TimeZone.default('UTC'),
  schedule: MaintenanceSchedule,
});
/** See {@link MaintenanceDraft}. */
export type MaintenanceDraft = z.infer<typeof MaintenanceDraft>;

/** See {@link MaintenanceDraft}. */
export const MaintenanceWindow = MaintenanceDraft.extend({
  id: z.uuid(),
  createdBy: z.string(),
  createdAt: Instant,
  /** Whether it holds now, and until when; else when it comes next. */
  activeUntil: Instant.nullable(),
  nextAt: Instant.nullable(),
});
/** See {@link MaintenanceWindow}. */
export type MaintenanceWindow = z.infer<typeof MaintenanceWindow>;

/** All maintenance windows. */
export const maintenanceList = request('req.alerting.maintenance.list.v1', {
  input: z.object({}),
  output: z.object({ windows: z.array(MaintenanceWindow) }),
});
/** Makes one. `INVALID_INPUT` when there are 200 already. */
export const maintenanceCreate = request('req.alerting.maintenance.create.v1', {
  input: z.object({ actor: Actor, draft: MaintenanceDraft }),
  output: MaintenanceWindow,
});
/** Changes one. `NOT_FOUND`. */
export const maintenanceUpdate = request('req.alerting.maintenance.update.v1', {
  input: ByActor.extend({ draft: MaintenanceDraft }),
  output: MaintenanceWindow,
});
/** Removes one. `NOT_FOUND`. */
export const maintenanceDelete = request('req.alerting.maintenance.delete.v1', {
  input: ByActor,
  output: z.object({}),
});

/** Alerts of one installation that began close together. */
export const Incident = z.object({
  id: z.int(),
  instance: z.string(),
  openedAt: Instant,
  /** When the last of its alerts began. */
  lastAt: Instant,
  /** When the batch was closed: no alert joins it any more; null while it is open. */
  closedAt: Instant.nullable(),
  /** When the last of its alerts was over; null before. */
  resolvedAt: Instant.nullable(),
  /** The greatest of its alerts, 0–100. */
  score: z.int().min(0).max(100),
  alerts: z.int(),
  openAlerts: z.int(),
});
/** See {@link Incident}. */
export type Incident = z.infer<typeof Incident>;

/** Incidents, the newest first. */
export const incidentList = request('req.alerting.incident.list.v1', {
  input: z.object({
    limit: z.int().min(1).max(1000).default(100),
    offset: z.int().min(0).max(1_000_000).default(0),
    from: Instant.nullable().default(null),
    to: Instant.nullable().default(null),
    minScore: z.int().min(0).max(100).default(0),
  }),
  output: z.object({ incidents: z.array(Incident), total: z.int() }),
});

/** The figures of hosts that a replay can judge. */
export const replayMetrics = [
  'cpu',
  'memory',
  'disk',
  'temperature',
] as const satisfies readonly (typeof thresholdMetrics)[number][];

/**
 * What would have been told with other rules: nothing is told, nothing changes. At most 90 days, and not the last two minutes; what waits for
 * somebody at `to` is not told any more. Out of the 1-minute roll-up, from before its retention out of the 5-minute one, and the newest part out
 * of samples. Each bucket is judged as two readings: its greatest when it begins, its least a second before it ends. Without a delay, any spike fires;
 * with one, a breach must hold over all samples of that time.
 *
 * `disk` is the root file system. Silences, maintenance windows, acknowledgements, escalations and what stands on what are left out, and
 * nothing is open at `from`. `INVALID_INPUT` names faults of the patch or of the span, or says that there is too much to judge;
 * `RATE_LIMITED` while another replay is under way.
 */
export const alertReplay = request('req.alerting.alert.replay.v1', {
  input: z.object({
    from: Instant,
    to: Instant,
    /** Rules as they might be, merged into those in force as {@link alertConfigUpdate} does. */
    patch: z.record(z.string(), z.unknown()).default({}),
    metrics: z
      .array(z.enum(replayMetrics))
      .min(1)
      .default([...replayMetrics]),
    /** Hosts; all when left out. */
    resourceIds: z.array(z.string().max(64)).max(1000).nullable().default(null),
    limit: z.int().min(1).max(1000).default(200),
  }),
  output: z.object({
    /** The first ones, by time. */
    alerts: z.array(
      z.object({
        id: z.string(),
        resourceId: z.string(),
        metric: z.enum(replayMetrics),
        level: z.enum(alertLevels),
        startedAt: Instant,
        firedAt: Instant,
        /** Null when it lasts still. */
        resolvedAt: Instant.nullable(),
        peak: z.number(),
        /** Why nobody would have been told; empty when somebody would. */
        quiet: z.string(),
      }),
    ),
    total: z.int(),
    /** Messages that would have gone out through each channel, those of recovery included. */
    messages: z.int(),
    recoveryMessages: z.int(),
    hosts: z.int(),
    /** Minutes of readings that were judged one by one, hosts and figures counted; of all others their hour says that they change nothing. */
    judged: z.int(),
    tookMs: z.number(),
  }),
  deadlineMs: 30_000,
});
