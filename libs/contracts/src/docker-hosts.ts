import { z } from 'zod';
import { event, request } from './define.js';
import { Actor } from './identity.js';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);
/** Agents written in Go send null where there is nothing. */
const present = (value: unknown): unknown => value ?? undefined;
/** Without what a database cannot keep: NUL, and halves of characters. */
const clean = (value: string, max: number): string =>
  value
    .slice(0, max)
    .replaceAll('\0', '')
    .replaceAll(/\p{Cs}/gu, '\ufffd');
/** A text that is cut where it is too long: one odd label must not cost the whole host. */
const text = (max: number) =>
  z.preprocess((value) => (typeof value === 'string' ? clean(value, max) : present(value)), z.string().default(''));
const optionalText = (max: number) =>
  z.preprocess(
    (value) => (typeof value === 'string' && value !== '' ? clean(value, max) : undefined),
    z.string().optional(),
  );
/** A number that cannot be negative; where it is all the same, it stands for "unknown". */
const count = z.preprocess(
  (value) => (typeof value === 'number' && value < 0 ? 0 : present(value)),
  z.number().max(Number.MAX_SAFE_INTEGER).default(0),
);
const whole = (max: number) =>
  z.preprocess((value) => (typeof value === 'number' && value < 0 ? 0 : present(value)), z.int().max(max).default(0));
/** The first of many: what a person could read. */
const some = <T extends z.ZodType>(item: T, max: number) =>
  z.preprocess((value) => (Array.isArray(value) ? value.slice(0, max) : present(value)), z.array(item).default([]));

/** An id that stands in URLs and names: no slash, no control character, no way up. */
const Id = z
  .string()
  .max(256)
  .regex(/^(?!\.{1,2}$)[^/\\\p{Cc}\p{Cs}]+$/u, 'no slashes, no control characters, not only dots');
const MAX_LABELS = 200;
const Labels = z.preprocess(
  (value) => {
    if (typeof value !== 'object' || value === null) return present(value);
    const entries = Object.entries(value).slice(0, MAX_LABELS);
    return Object.fromEntries(entries.map(([name, label]) => [clean(name, 256), label]));
  },
  z.record(z.string(), text(2048)).default({}),
);

/** The most containers of one report. */
export const MAX_CONTAINERS = 2000;

/** A container as an agent reports it. Sizes in bytes, percentages 0–100 (CPU: of one core, may pass 100), times in ISO 8601. */
export const ReportedContainer = z.object({
  id: Id,
  name: text(256),
  image: text(512),
  createdAt: optionalText(64),
  startedAt: optionalText(64),
  finishedAt: optionalText(64),
  state: text(32),
  status: text(256),
  health: text(32),
  cpuPercent: count,
  memoryUsageBytes: count,
  memoryLimitBytes: count,
  memoryPercent: count,
  uptimeSeconds: count,
  restartCount: whole(2 ** 31 - 1),
  exitCode: z.preprocess(present, z.int32().default(0)),
  labels: Labels,
  ports: some(
    z.object({
      privatePort: whole(65_535),
      publicPort: z.preprocess(present, z.int().min(0).max(65_535).optional()),
      protocol: text(16),
      ip: optionalText(64),
    }),
    200,
  ),
  networks: some(z.object({ name: text(256), ipv4: optionalText(64), ipv6: optionalText(64) }), 100),
});
/** See {@link ReportedContainer}. */
export type ReportedContainer = z.infer<typeof ReportedContainer>;

/** What a Docker agent sends at each beat, in the names of Pulse's agent. */
export const DockerReport = z.object({
  agent: z.object({
    id: z.preprocess((value) => (value === '' ? undefined : present(value)), Id.optional()),
    version: text(64),
    intervalSeconds: z.preprocess(
      (value) => (typeof value === 'number' && value > 0 ? Math.min(Math.max(value, 1), 86_400) : undefined),
      z.number().default(30),
    ),
  }),
  host: z.object({
    hostname: z.preprocess(
      (value) => (typeof value === 'string' ? clean(value, 255) : value),
      z.string().min(1, 'a host name'),
    ),
    name: optionalText(255),
    machineId: optionalText(128),
    os: text(128),
    kernelVersion: text(128),
    architecture: text(32),
    dockerVersion: text(64),
    totalCpu: whole(65_536),
    totalMemoryBytes: count,
    uptimeSeconds: count,
  }),
  containers: z.preprocess(
    present,
    z.array(ReportedContainer).max(MAX_CONTAINERS, `at most ${MAX_CONTAINERS} containers`).default([]),
  ),
  /** When it was taken, ISO 8601; the server's time when it is missing. */
  timestamp: z.preprocess(present, z.iso.datetime({ offset: true, error: 'an ISO 8601 time' }).optional()),
});
/** See {@link DockerReport}. */
export type DockerReport = z.infer<typeof DockerReport>;

/** Something about a container that somebody should look at. */
export const ContainerIssue = z.object({
  type: z.enum(['restart_loop', 'health_check', 'exit_code', 'memory_pressure']),
  severity: z.enum(['warning', 'critical']),
  containerId: z.string(),
  containerName: z.string(),
  message: z.string(),
});
/** See {@link ContainerIssue}. */
export type ContainerIssue = z.infer<typeof ContainerIssue>;

/** An exit of a container that was not asked for. */
export const ContainerExit = z.object({
  containerId: z.string(),
  containerName: z.string(),
  exitCode: z.int(),
  at: Instant,
});
/** See {@link ContainerExit}. */
export type ContainerExit = z.infer<typeof ContainerExit>;

/** The states of a command to a Docker agent. */
export const commandStatuses = ['queued', 'dispatched', 'acknowledged', 'completed', 'failed', 'expired'] as const;

/** A command that a Docker host gets with the answer to its next report. */
export const DockerCommand = z.object({
  id: z.uuid(),
  type: z.literal('stop'),
  status: z.enum(commandStatuses),
  message: z.string(),
  createdAt: Instant,
  updatedAt: Instant,
  dispatchedAt: Instant.nullable(),
  acknowledgedAt: Instant.nullable(),
  completedAt: Instant.nullable(),
  failedAt: Instant.nullable(),
  failureReason: z.string(),
  expiresAt: Instant,
});
/** See {@link DockerCommand}. */
export type DockerCommand = z.infer<typeof DockerCommand>;

/** The API token with which a Docker host reports. */
export const ReportingToken = z.object({ id: z.string(), name: z.string() });

/** A Docker host as the fleet knows it. */
export const DockerHost = z.object({
  id: z.string(),
  agentId: z.string(),
  displayName: z.string(),
  status: z.enum(['online', 'offline']),
  lastSeenAt: Instant,
  token: ReportingToken.nullable(),
  hidden: z.boolean(),
  pendingUninstall: z.boolean(),
  command: DockerCommand.nullable(),
  issues: z.array(ContainerIssue),
  recentExitCodes: z.array(ContainerExit),
  report: DockerReport,
});
/** See {@link DockerHost}. */
export type DockerHost = z.infer<typeof DockerHost>;

/**
 * A Docker host reports. One that is not newer than the last is taken and changes nothing. `CLOCK_SKEW`; `HOST_REMOVED` for a host that
 * was removed.
 */
export const dockerhostReport = request('req.fleet.dockerhost.report.v1', {
  input: z.object({ token: ReportingToken.nullable(), report: DockerReport }),
  output: z.object({
    hostId: z.string(),
    containers: z.int(),
    lastSeenAt: Instant,
    commands: z.array(DockerCommand.pick({ id: true, type: true })),
  }),
});
/** Docker hosts by id, in pages of at most 500 kB. */
export const dockerhostList = request('req.fleet.dockerhost.list.v1', {
  input: z.object({ after: z.string().max(300).default('') }),
  output: z.object({ hosts: z.array(DockerHost), next: z.string().nullable() }),
});
const ByActor = z.object({ actor: Actor, id: z.string().min(1).max(300) });
/**
 * Removes a Docker host: one that reports is first told to stop; with `force`, or when it does not report, it goes at once. It may not report
 * again for 24 hours. `NOT_FOUND`.
 */
export const dockerhostRemove = request('req.fleet.dockerhost.remove.v1', {
  input: ByActor.extend({ force: z.boolean() }),
  output: z.object({ removed: z.boolean(), command: DockerCommand.nullable() }),
});
/** Lets a removed Docker host report again. `NOT_FOUND`. */
export const dockerhostAllow = request('req.fleet.dockerhost.allow.v1', { input: ByActor, output: z.object({}) });
/** Shows or hides a Docker host, or marks that its agent is about to be uninstalled. `NOT_FOUND`. */
export const dockerhostMark = request('req.fleet.dockerhost.mark.v1', {
  input: ByActor.extend({ hidden: z.boolean().optional(), pendingUninstall: z.boolean().optional() }),
  output: DockerHost,
});
/** A Docker host says what became of a command. `NOT_FOUND`. */
export const dockercommandAcknowledge = request('req.fleet.dockercommand.acknowledge.v1', {
  input: z.object({
    /** The token of whoever says so: it must be the host's own; null for a user. */
    token: ReportingToken.nullable(),
    id: z.string().max(64),
    hostId: z.string().max(300),
    status: z.enum(['acknowledged', 'completed', 'failed']),
    message: text(1000),
  }),
  output: z.object({ hostId: z.string(), command: DockerCommand }),
});

/** A Docker host is new, went, came back, or was removed. Key: the host. */
export const dockerhostChanged = event(
  'evt.dockerhost.changed.v1',
  'EVENTS',
  z.object({
    hostId: z.string(),
    change: z.enum(['added', 'online', 'offline', 'removed']),
    message: z.string(),
    time: Instant,
  }),
);

/** A Docker host has told how its containers are. Key: the host. */
export const dockerhostReported = event('evt.dockerhost.reported.v1', null, z.object({ hostId: z.string() }));
