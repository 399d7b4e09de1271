import type { ContainerExit, ContainerIssue, ReportedContainer } from '@lapwing/contracts';

/** What is remembered of a host's containers from report to report. Times in milliseconds since 1970. */
export interface ContainerMemory {
  /** By container: its restarts as counted last, when the count grew of late, and whether it ran. */
  containers: Record<string, { restarts: number; grewAt: number[]; running: boolean }>;
  exits: ContainerExit[];
}

/** What nothing is remembered of. */
export const emptyMemory: ContainerMemory = { containers: {}, exits: [] };

/** As many restarts within this time make a loop. */
const LOOP_RESTARTS = 3;
const LOOP_MS = 600_000;
const MAX_GROWTHS = 10;
const EXIT_MS = 24 * 3_600_000;
const MAX_EXITS = 20;
const PRESSURE = [
  { percent: 95, severity: 'critical' },
  { percent: 90, severity: 'warning' },
] as const;
/** Exits that were asked for: done, SIGINT, SIGTERM. */
const ASKED_FOR = new Set([0, 130, 143]);

const isRunning = ({ state }: ReportedContainer): boolean => state.toLowerCase() === 'running';
const isRestarting = ({ state }: ReportedContainer): boolean => state.toLowerCase() === 'restarting';

/** What is remembered after a report. */
export function remember(before: ContainerMemory, containers: ReportedContainer[], now: number): ContainerMemory {
  const exits = [...before.exits];
  const next: ContainerMemory['containers'] = {};
  for (const container of containers) {
    const known = before.containers[container.id];
    const grew = known !== undefined && container.restartCount > known.restarts;
    const count = grew ? Math.min(container.restartCount - known.restarts, MAX_GROWTHS) : 0;
    const growths = Array.from({ length: count }, () => now);
    const grewAt = [...(known?.grewAt ?? []), ...growths].filter((at) => at > now - LOOP_MS).slice(-MAX_GROWTHS);
    const running = isRunning(container);
    const ended = !running && (known?.running ?? container.state.toLowerCase() === 'exited');
    const { id: containerId, name: containerName, exitCode } = container;
    if ((ended || grew) && !ASKED_FOR.has(exitCode))
      exits.push({ containerId, containerName, exitCode, at: endOf(container, now) });
    next[container.id] = { restarts: container.restartCount, grewAt, running };
  }
  return { containers: next, exits: exits.filter(({ at }) => at > now - EXIT_MS).slice(-MAX_EXITS) };
}

/** When a container ended, as it says, if that is believable. */
function endOf({ finishedAt }: ReportedContainer, now: number): number {
  const at = Date.parse(finishedAt ?? '');
  // Go writes the year 1 where there is no time.
  return at > 0 && at <= now ? at : now;
}

/** What somebody should look at. */
export function issuesOf(containers: ReportedContainer[], memory: ContainerMemory, now: number): ContainerIssue[] {
  return containers.flatMap((container) => {
    const { id: containerId, name: containerName } = container;
    const found: Found = [
      ...restartLoop(container, memory, now),
      ...failingHealth(container),
      ...badExit(container),
      ...pressure(container),
    ];
    return found.map((issue) => ({ ...issue, containerId, containerName }));
  });
}

type Found = Omit<ContainerIssue, 'containerId' | 'containerName'>[];

function restartLoop(container: ReportedContainer, memory: ContainerMemory, now: number): Found {
  const recent = (memory.containers[container.id]?.grewAt ?? []).filter((at) => at > now - LOOP_MS).length;
  if (recent < LOOP_RESTARTS && !isRestarting(container)) return [];
  const message =
    recent >= LOOP_RESTARTS
      ? `restarted ${recent} times within 10 minutes`
      : `is restarting, ${container.restartCount} times so far`;
  return [{ type: 'restart_loop', severity: recent >= LOOP_RESTARTS ? 'critical' : 'warning', message }];
}

function failingHealth({ health, status }: ReportedContainer): Found {
  if (health.toLowerCase() !== 'unhealthy' && !/\(unhealthy\)/i.test(status)) return [];
  return [{ type: 'health_check', severity: 'critical', message: 'its health check fails' }];
}

function badExit(container: ReportedContainer): Found {
  const { exitCode, state } = container;
  if (!['exited', 'dead'].includes(state.toLowerCase()) || ASKED_FOR.has(exitCode)) return [];
  const cause = exitCode === 137 ? ' (killed, perhaps for want of memory)' : '';
  return [{ type: 'exit_code', severity: 'warning', message: `ended with exit code ${exitCode}${cause}` }];
}

function pressure(container: ReportedContainer): Found {
  if (!isRunning(container) || container.memoryLimitBytes <= 0) return [];
  const percent = container.memoryPercent || (container.memoryUsageBytes / container.memoryLimitBytes) * 100;
  const level = PRESSURE.find((one) => percent >= one.percent);
  if (!level) return [];
  return [
    { type: 'memory_pressure', severity: level.severity, message: `uses ${Math.round(percent)} % of its memory limit` },
  ];
}
