import { InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import { RefusedError, type Client } from '../client.js';
import type { Context } from '../context.js';
import { agoOf, bytesOf, percentOf, print, tableOf } from '../output.js';

const Agent = z.object({ id: z.string(), name: z.string(), status: z.string(), last_seen: z.string().nullable() });
const Agents = z.object({ agents: z.array(Agent) });
const Filled = z.object({ total: z.number(), used: z.number() });
const Resources = z.object({ cpu: z.object({ usage: z.number() }), memory: Filled, disk: Filled });
const Node = z.object({
  id: z.string(),
  name: z.string(),
  instance: z.string().default(''),
  status: z.string(),
  cpu: z.number().default(0),
  memory: Filled.optional(),
  disk: Filled.optional(),
  lastSeen: z.union([z.number(), z.string()]).optional(),
});
const DockerHost = z.object({
  id: z.string(),
  displayName: z.string().default(''),
  hostname: z.string().default(''),
  status: z.string(),
  totalMemoryBytes: z.number().default(0),
  lastSeen: z.union([z.number(), z.string()]).optional(),
  hidden: z.boolean().default(false),
  containers: z
    .array(z.object({ cpuPercent: z.number().default(0), memoryUsageBytes: z.number().default(0) }))
    .default([]),
});
const State = z.object({ nodes: z.array(Node), dockerHosts: z.array(DockerHost) });

/** So many agents are asked for their figures, so many at a time; of the others the rest is shown. */
const MAX_FIGURES = 500;
const AT_ONCE = 8;
const kinds = ['agent', 'node', 'docker'] as const;

/** A host in the list; what is not known is null. */
interface Host {
  id: string;
  name: string;
  kind: (typeof kinds)[number];
  status: string;
  /** Percent. */
  cpu: number | null;
  /** Bytes. */
  memory: z.infer<typeof Filled> | null;
  disk: z.infer<typeof Filled> | null;
  lastSeen: string | null;
}

interface HostsOptions {
  offline?: true;
  kind?: (typeof kinds)[number];
}

/** `lapwing hosts` */
export function addHosts(program: Command, context: Context): void {
  program
    .command('hosts')
    .description('lists hosts with an agent, nodes of Proxmox and Docker hosts')
    .option('--offline', 'only those that are not online')
    .option('--kind <kind>', `only one kind: ${kinds.join(', ')}`, kindArgument)
    .action((options: HostsOptions) => list(context, options));
}

function kindArgument(text: string): (typeof kinds)[number] {
  const found = kinds.find((kind) => kind === text);
  if (!found) throw new InvalidArgumentError(kinds.join(', '));
  return found;
}

async function list({ client: known, json }: Context, { offline, kind }: HostsOptions): Promise<void> {
  const client = known();
  const [agents, others] = await Promise.all([
    kind === undefined || kind === 'agent' ? agentHosts(client) : [],
    kind === 'agent' ? [] : stateHosts(client),
  ]);
  const hosts = [...agents, ...others].filter(
    (host) => (kind === undefined || host.kind === kind) && (!offline || host.status !== 'online'),
  );
  const head = ['NAME', 'KIND', 'STATE', 'CPU', 'MEMORY', 'DISK', 'LAST SEEN', 'ID'];
  const now = Date.now();
  const rows = hosts.map((host) => [
    host.name,
    host.kind,
    host.status,
    host.cpu === null ? '-' : `${host.cpu.toFixed(0)}%`,
    filled(host.memory),
    filled(host.disk),
    agoOf(host.lastSeen, now),
    host.id,
  ]);
  print(json(), { hosts }, tableOf(head, rows));
}

const filled = (space: z.infer<typeof Filled> | null): string =>
  space && space.total > 0 ? `${percentOf(space.used, space.total)} of ${bytesOf(space.total)}` : '-';

async function agentHosts(client: Client): Promise<Host[]> {
  const { agents } = await client.ask('GET', '/api/v1/agents', Agents);
  const hosts = agents.map(({ id, name, status, last_seen: lastSeen }): Host => ({
    id,
    name,
    kind: 'agent',
    status,
    cpu: null,
    memory: null,
    disk: null,
    lastSeen,
  }));
  const waiting = hosts.filter(({ status }) => status === 'online').slice(0, MAX_FIGURES);
  const work = async (): Promise<void> => {
    for (let host = waiting.shift(); host; host = waiting.shift()) await addFigures(client, host);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return hosts;
}

/** Figures stay unknown for whoever may not see them, and of a host that has sent none. */
async function addFigures(client: Client, host: Host): Promise<void> {
  try {
    const path = `/api/v1/system/resources?agent_id=${encodeURIComponent(host.id)}`;
    const { cpu, memory, disk } = await client.ask('GET', path, Resources);
    Object.assign(host, { cpu: cpu.usage, memory, disk });
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
  }
}

async function stateHosts(client: Client): Promise<Host[]> {
  const { nodes, dockerHosts } = await client.ask('GET', '/api/state', State);
  return [
    ...nodes.map(({ id, name, instance, status, cpu, memory = null, disk = null, lastSeen }): Host => {
      const shown = instance !== '' && instance !== name ? `${name} (${instance})` : name;
      const figures = status === 'online' ? { cpu: cpu * 100, memory, disk } : { cpu: null, memory: null, disk: null };
      return { id, name: shown, kind: 'node', status, ...figures, lastSeen: isoOf(lastSeen) };
    }),
    ...dockerHosts.filter(({ hidden }) => !hidden).map(dockerHost),
  ];
}

/** A Docker host tells of its containers alone: what they use together. */
function dockerHost({
  id,
  displayName,
  hostname,
  status,
  lastSeen,
  totalMemoryBytes,
  containers,
}: z.infer<typeof DockerHost>): Host {
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const online = status === 'online';
  const used = sum(containers.map(({ memoryUsageBytes }) => memoryUsageBytes));
  return {
    id,
    name: displayName || hostname,
    kind: 'docker',
    status,
    cpu: online ? sum(containers.map(({ cpuPercent }) => cpuPercent)) : null,
    memory: online && totalMemoryBytes > 0 ? { total: totalMemoryBytes, used } : null,
    disk: null,
    lastSeen: isoOf(lastSeen),
  };
}

/** Pulse's times come as milliseconds or as text; 0 is never. */
function isoOf(time: number | string | undefined): string | null {
  const ms = typeof time === 'string' ? Date.parse(time) : (time ?? 0);
  return ms > 0 && ms < 8.64e15 ? new Date(ms).toISOString() : null;
}
