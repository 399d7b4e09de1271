import type { ContainerIssue, DockerHost, ReportedContainer } from '@lapwing/contracts';
import type { ContainerPlan, DockerPlan } from './docker-plan.js';
import { mix } from './hash.js';
import { DAY, HOUR, MINUTE, clamp, instant, round2, sinceLast, swing, uptimeOf, type Clock } from './motion.js';

const INTERVAL_SECONDS = 30;
/** A container that restarts does so this often, and counts for a week. */
const RESTART_EVERY = 5 * MINUTE;
const RESTART_COUNTED = 7 * DAY;
const MAX_EXITS = 20;

const iso = (at: number): string => new Date(instant(at)).toISOString();

/** A Docker host at an instant, with what should be looked at. */
export function dockerHostAt(host: DockerPlan, clock: Clock): DockerHost {
  const uptime = uptimeOf(host.seed, clock.now);
  const containers = host.containers.map((container) => containerAt(container, uptime, clock));
  return {
    id: host.id,
    agentId: host.id,
    displayName: host.id,
    status: 'online',
    lastSeenAt: clock.now,
    token: null,
    hidden: false,
    pendingUninstall: false,
    command: null,
    issues: containers.flatMap(issuesOf),
    recentExitCodes: host.containers
      .filter(({ state }) => state === 'restarting')
      .flatMap((container) => exitsOf(container, clock.now)),
    report: {
      agent: { id: host.id, version: '1.0.0', intervalSeconds: INTERVAL_SECONDS },
      host: {
        hostname: host.id,
        name: host.id,
        machineId: mix(host.seed, 3).toString(16).padStart(8, '0').repeat(4),
        os: 'Debian GNU/Linux 12 (bookworm)',
        kernelVersion: '6.1.0-34-amd64',
        architecture: 'x86_64',
        dockerVersion: '28.1.1',
        totalCpu: host.cpus,
        totalMemoryBytes: host.memoryTotal,
        uptimeSeconds: uptime,
      },
      containers,
      timestamp: iso(clock.now),
    },
  };
}

function containerAt(container: ContainerPlan, hostUptime: number, clock: Clock): ReportedContainer {
  const { id, name, image, labels, ports, network, seed, health, memoryLimit } = container;
  const running = container.state === 'running';
  const memory = Math.round(memoryLimit * (container.memoryShare + 0.08 * swing(mix(seed, 12), clock)));
  const cpu = round2(clamp(container.cpu * (1 + 0.7 * swing(mix(seed, 11), clock)), 0.01, 3200));
  return {
    id,
    name,
    image,
    createdAt: iso(clock.now - hostUptime * 1000 - DAY),
    ...lifeOf(container, hostUptime, clock.now),
    state: container.state,
    health,
    cpuPercent: running ? cpu : 0,
    memoryUsageBytes: running ? memory : 0,
    memoryLimitBytes: memoryLimit,
    memoryPercent: running ? round2((memory / memoryLimit) * 100) : 0,
    labels: { ...labels },
    ports: running ? ports.map((port) => ({ ...port })) : [],
    networks: [{ ...network }],
  };
}

type Life = Pick<
  ReportedContainer,
  'startedAt' | 'finishedAt' | 'status' | 'uptimeSeconds' | 'restartCount' | 'exitCode'
>;

function lifeOf({ state, health, seed }: ContainerPlan, hostUptime: number, now: number): Life {
  if (state === 'running') {
    const uptimeSeconds = Math.min(hostUptime, uptimeOf(seed, now));
    const status = `Up ${ago(uptimeSeconds * 1000)}${health ? ` (${health})` : ''}`;
    return { startedAt: iso(now - uptimeSeconds * 1000), status, uptimeSeconds, restartCount: 0, exitCode: 0 };
  }
  const age = state === 'exited' ? sinceLast(seed, now, DAY) : sinceLast(seed, now, RESTART_EVERY);
  const exitCode = state === 'exited' ? 0 : 1;
  const begun = state === 'exited' ? 'Exited' : 'Restarting';
  return {
    startedAt: iso(now - age - 20_000),
    finishedAt: iso(now - age),
    status: `${begun} (${exitCode}) ${ago(age)} ago`,
    uptimeSeconds: 0,
    restartCount: state === 'exited' ? 0 : restartsOf(seed, now),
    exitCode,
  };
}

/** Grows with each exit. */
const restartsOf = (seed: number, now: number): number => {
  const lastExit = now - sinceLast(seed, now, RESTART_EVERY);
  return Math.floor(sinceLast(mix(seed, 13), lastExit, RESTART_COUNTED) / RESTART_EVERY) + 1;
};

/** The last exits of a container that restarts, the oldest first. */
function exitsOf({ id, name, seed }: ContainerPlan, now: number): DockerHost['recentExitCodes'] {
  const last = now - sinceLast(seed, now, RESTART_EVERY);
  const exits = Array.from({ length: MAX_EXITS }, (_, back) => last - (MAX_EXITS - 1 - back) * RESTART_EVERY);
  return exits.filter((at) => at >= 0).map((at) => ({ containerId: id, containerName: name, exitCode: 1, at }));
}

/** In the words of those who judge real containers. */
function issuesOf({ id, name, state, health, restartCount }: ReportedContainer): ContainerIssue[] {
  const of = { containerId: id, containerName: name };
  const message = `is restarting, ${restartCount} times so far`;
  if (state === 'restarting') return [{ type: 'restart_loop', severity: 'warning', message, ...of }];
  if (health !== 'unhealthy') return [];
  return [{ type: 'health_check', severity: 'critical', message: 'its health check fails', ...of }];
}

/** As Docker says it: 45 seconds, 3 hours, 12 days. */
function ago(ms: number): string {
  const [unit, name] = ([[DAY, 'day'] as const, [HOUR, 'hour'] as const, [MINUTE, 'minute'] as const].find(
    ([size]) => ms >= size,
  ) ?? [1000, 'second']) as [number, string];
  const count = Math.floor(ms / unit);
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
