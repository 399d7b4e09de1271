import type { AlertConfig, AlertResource, DockerHost, ReportedContainer } from '@lapwing/contracts';
import type { Look, Reading } from '../reading.js';

/** What is remembered of a host's containers: how often each was restarted as counted last, and when the count grew. */
export type DockerMemory = [containerId: string, restarts: number, grewAt: number[]][];

const MAX_GROWTHS = 100;
/** Ends that were asked for: done, SIGINT, SIGTERM. */
const ASKED_FOR = new Set([0, 130, 143]);
const KILLED = 137;

/** The scope of a Docker host. */
export const dockerScope = (hostId: string): string => `docker:${hostId}`;

/** A Docker host as alerts name it. */
export const dockerResource = ({ id, displayName, report }: DockerHost, parents: string[]): AlertResource => ({
  id: dockerScope(id),
  name: displayName || report.host.hostname,
  type: 'docker-host',
  node: report.host.hostname,
  instance: id,
  parents,
});

/** A container as alerts name it: by its name, which stays when it is made anew. */
export const containerResource = (host: AlertResource, { name, id }: { name: string; id: string }): AlertResource => ({
  id: `${host.id}/${name || id.slice(0, 12)}`,
  name: name || id.slice(0, 12),
  type: 'docker-container',
  node: host.node,
  instance: host.instance,
  parents: [host.id, ...host.parents].slice(0, 8),
});

/** What a Docker host tells. Of one that does not report, its containers count as they counted before. */
export function readDockerHost(
  host: DockerHost,
  parents: string[],
  memory: DockerMemory,
  config: AlertConfig,
  now: number,
): { look: Look; memory: DockerMemory } {
  const resource = dockerResource(host, parents);
  const isOffline = host.status === 'offline';
  const time = isOffline ? now : host.lastSeenAt;
  const containers = host.report.containers.filter(({ name }) => !isIgnored(name, config));
  const next = isOffline ? memory : remembered(memory, containers, time, config.dockerDefaults.restartWindow * 1000);
  const grown = new Map(next.map(([id, , grewAt]) => [id, grewAt.length]));
  const readings: Reading[] = [
    { resource, signal: 'connectivity', value: Number(isOffline) },
    ...containers.flatMap((container) =>
      containerReadings(containerResource(resource, container), container, grown.get(container.id) ?? 0).map(
        (reading) => (isOffline ? { ...reading, value: null } : reading),
      ),
    ),
  ];
  return { look: { scope: dockerScope(host.id), time, readings }, memory: next };
}

const isIgnored = (name: string, { dockerIgnoredContainerPrefixes: prefixes }: AlertConfig): boolean =>
  prefixes.some((prefix) => name.toLowerCase().startsWith(prefix.toLowerCase()));

function containerReadings(resource: AlertResource, container: ReportedContainer, restarts: number): Reading[] {
  const { exitCode, health, memoryLimitBytes, memoryUsageBytes, memoryPercent, cpuPercent } = container;
  const state = container.state.toLowerCase();
  const isRunning = state === 'running';
  const hasFailed = (state === 'exited' || state === 'dead') && !ASKED_FOR.has(exitCode);
  const limited = memoryLimitBytes > 0 ? (memoryUsageBytes / memoryLimitBytes) * 100 : null;
  const readings: Reading[] = [
    { resource, signal: 'container-state', value: Number(hasFailed), detail: `${state}, exit code ${exitCode}` },
    {
      resource,
      signal: 'oom',
      value: Number(hasFailed && exitCode === KILLED),
      detail: 'killed, exit code 137: out of memory, or by hand',
    },
    {
      resource,
      signal: 'container-health',
      value: Number(isRunning && health.toLowerCase() === 'unhealthy'),
      detail: 'the health check fails',
    },
    {
      resource,
      signal: 'restart-loop',
      value: restarts,
      detail: `${restarts} restarts, ${container.restartCount} in all`,
    },
  ];
  if (!isRunning) return readings;
  return [
    ...readings,
    { resource, signal: 'cpu', value: cpuPercent },
    { resource, signal: 'memory', value: memoryPercent },
    { resource, signal: 'memory-limit', value: limited },
  ];
}

function remembered(
  memory: DockerMemory,
  containers: ReportedContainer[],
  time: number,
  windowMs: number,
): DockerMemory {
  const before = new Map(memory.map(([id, restarts, grewAt]) => [id, { restarts, grewAt }]));
  return containers.map(({ id, restartCount }) => {
    const known = before.get(id);
    const grown = Math.min(MAX_GROWTHS, Math.max(0, restartCount - (known?.restarts ?? restartCount)));
    const all = [...(known?.grewAt ?? []), ...Array.from({ length: grown }, () => time)];
    return [id, restartCount, all.filter((at) => at > time - windowMs).slice(-MAX_GROWTHS)];
  });
}
