import { z } from 'zod';
import { event, request } from './define.js';
import { Actor } from './identity.js';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);
const text = (max: number) => z.string().max(max);
/** An id that stands in URLs and names: no slash, no control character, no way up. */
const Id = text(256).regex(/^[A-Za-z0-9][A-Za-z0-9._:-]*$/, 'letters, digits and . _ : -, the first a letter or digit');
const count = z.number().nonnegative();

/** The most containers of one report. */
export const MAX_CONTAINERS = 2000;

/** A container as an agent reports it. Sizes in bytes, percentages 0–100 (CPU: of one core, may pass 100), times in ISO 8601. */
export const ReportedContainer = z.object({
  id: Id,
  name: text(256),
  image: text(512).default(''),
  createdAt: text(64).nullable().optional(),
  startedAt: text(64).nullable().optional(),
  finishedAt: text(64).nullable().optional(),
  state: text(32).default(''),
  status: text(256).default(''),
  health: text(32).default(''),
  cpuPercent: count.default(0),
  memoryUsageBytes: count.default(0),
  memoryLimitBytes: count.default(0),
  memoryPercent: count.default(0),
  uptimeSeconds: z.number().default(0),
  restartCount: z.int().nonnegative().default(0),
  exitCode: z.int32().default(0),
  labels: z
    .record(text(256), text(2048))
    .refine((labels) => Object.keys(labels).length <= 200, 'at most 200 labels')
    .nullable()
    .default({}),
  ports: z
    .array(
      z.object({
        privatePort: z.int().min(0).max(65_535),
        publicPort: z.int().min(0).max(65_535).optional(),
        protocol: text(16).default('tcp'),
        ip: text(64).optional(),
      }),
    )
    .max(1000)
    .nullable()
    .default([]),
  networks: z
    .array(z.object({ name: text(256), ipv4: text(64).optional(), ipv6: text(64).optional() }))
    .max(200)
    .nullable()
    .default([]),
});
/** See {@link ReportedContainer}. */
export type ReportedContainer = z.infer<typeof ReportedContainer>;

/** What a Docker agent sends at each beat, in the names of Pulse's agent. */
export const DockerReport = z.object({
  agent: z.object({
    id: Id.optional(),
    version: text(64).default(''),
    intervalSeconds: z.number().min(1).max(86_400).default(30),
  }),
  host: z.object({
    hostname: text(255).min(1, 'a host name'),
    name: text(255).optional(),
    machineId: text(128)
      .regex(/^[A-Za-z0-9-]*$/, 'letters, digits and hyphens')
      .optional(),
    os: text(128).default(''),
    kernelVersion: text(128).default(''),
    architecture: text(32).default(''),
    dockerVersion: text(64).default(''),
    totalCpu: z.int().nonnegative().default(0),
    totalMemoryBytes: count.default(0),
    uptimeSeconds: z.number().nonnegative().default(0),
  }),
  containers: z
    .array(ReportedContainer)
    .max(MAX_CONTAINERS, `at most ${MAX_CONTAINERS} containers`)
    .nullable()
    .default([]),
  /** When it was taken, ISO 8601; the server's time when it is missing. */
  timestamp: z.iso.datetime({ offset: true, error: 'an ISO 8601 time' }).optional(),
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
    message: text(1000).default(''),
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
