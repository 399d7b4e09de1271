import {
  ContainerIssue,
  commandStatuses,
  type DockerCommand,
  type DockerHost,
  type ReportedContainer,
} from '@lapwing/contracts';
import { z } from 'zod';

const ms = z.int().describe('milliseconds since 1970');

const CommandView = z.object({
  id: z.string(),
  type: z.string(),
  status: z.enum(commandStatuses),
  message: z.string(),
  createdAt: ms,
  updatedAt: ms,
  dispatchedAt: ms.optional(),
  acknowledgedAt: ms.optional(),
  completedAt: ms.optional(),
  failedAt: ms.optional(),
  failureReason: z.string().optional(),
  expiresAt: ms,
});

const ContainerView = z.object({
  id: z.string(),
  name: z.string(),
  image: z.string(),
  state: z.string(),
  status: z.string(),
  health: z.string().optional(),
  cpuPercent: z.number(),
  memoryUsageBytes: z.number(),
  memoryLimitBytes: z.number(),
  memoryPercent: z.number(),
  uptimeSeconds: z.number(),
  restartCount: z.int(),
  exitCode: z.int(),
  createdAt: ms,
  startedAt: ms.optional(),
  finishedAt: ms.optional(),
  ports: z.array(
    z.object({
      privatePort: z.int(),
      publicPort: z.int().optional(),
      protocol: z.string(),
      ip: z.string().optional(),
    }),
  ),
  labels: z.record(z.string(), z.string()),
  networks: z.array(z.object({ name: z.string(), ipv4: z.string().optional(), ipv6: z.string().optional() })),
});

/** A Docker host as Pulse's clients know it: times in milliseconds since 1970. */
export const DockerHostView = z.object({
  id: z.string(),
  agentId: z.string(),
  hostname: z.string(),
  displayName: z.string(),
  machineId: z.string().optional(),
  os: z.string(),
  kernelVersion: z.string(),
  architecture: z.string(),
  dockerVersion: z.string(),
  cpus: z.int(),
  totalMemoryBytes: z.number(),
  uptimeSeconds: z.number(),
  status: z.enum(['online', 'offline']),
  lastSeen: ms,
  intervalSeconds: z.number(),
  agentVersion: z.string(),
  tokenId: z.string().optional(),
  tokenName: z.string().optional(),
  hidden: z.boolean(),
  pendingUninstall: z.boolean(),
  command: CommandView.optional(),
  issues: z.array(ContainerIssue),
  recentExitCodes: z.array(z.object({ containerId: z.string(), containerName: z.string(), exitCode: z.int(), at: ms })),
  containers: z.array(ContainerView),
});

/** Leaves out what is null, as Pulse does. */
function present<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}

const instant = (text: string | null | undefined): number | null => {
  const time = Date.parse(text ?? '');
  // Go writes the year 1 for "never".
  return Number.isNaN(time) || time <= 0 ? null : time;
};

/** A command as Pulse's clients know it. */
export function toCommandView(command: DockerCommand): z.infer<typeof CommandView> {
  const { dispatchedAt, acknowledgedAt, completedAt, failedAt, failureReason, ...rest } = command;
  return { ...rest, ...present({ dispatchedAt, acknowledgedAt, completedAt, failedAt, failureReason }) };
}

function toContainerView(container: ReportedContainer): z.infer<typeof ContainerView> {
  const { createdAt, startedAt, finishedAt, health, labels, ports, networks, ...rest } = container;
  return {
    ...rest,
    ...present({ health, startedAt: instant(startedAt), finishedAt: instant(finishedAt) }),
    createdAt: instant(createdAt) ?? 0,
    labels: labels ?? {},
    ports: (ports ?? []).map(({ privatePort, protocol, publicPort, ip }) => ({
      privatePort,
      protocol,
      ...present({ publicPort, ip }),
    })),
    networks: (networks ?? []).map(({ name, ipv4, ipv6 }) => ({ name, ...present({ ipv4, ipv6 }) })),
  };
}

/** A Docker host as Pulse's clients know it. */
export function toDockerHostView(known: DockerHost): z.infer<typeof DockerHostView> {
  const { agent, host, containers } = known.report;
  return {
    id: known.id,
    agentId: known.agentId,
    hostname: host.hostname,
    displayName: known.displayName,
    ...present({ machineId: host.machineId, tokenId: known.token?.id, tokenName: known.token?.name }),
    os: host.os,
    kernelVersion: host.kernelVersion,
    architecture: host.architecture,
    dockerVersion: host.dockerVersion,
    cpus: host.totalCpu,
    totalMemoryBytes: host.totalMemoryBytes,
    uptimeSeconds: host.uptimeSeconds,
    status: known.status,
    lastSeen: known.lastSeenAt,
    intervalSeconds: agent.intervalSeconds,
    agentVersion: agent.version,
    hidden: known.hidden,
    pendingUninstall: known.pendingUninstall,
    ...(known.command && { command: toCommandView(known.command) }),
    issues: known.issues,
    recentExitCodes: known.recentExitCodes,
    containers: (containers ?? []).map(toContainerView),
  };
}
