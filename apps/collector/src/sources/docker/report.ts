import { MAX_CONTAINERS, type ReportedContainer } from '@lapwing/contracts';
import type { DockerEngine } from './engine.js';

/** A container as `/containers/json` lists it. */
export interface ListedContainer {
  Id: string;
  Names: string[];
  Image: string;
  Created: number;
  State: string;
  Status: string;
  Labels?: Record<string, string> | null;
  Ports?: { PrivatePort?: number; PublicPort?: number; Type?: string; IP?: string }[] | null;
  NetworkSettings?: { Networks?: Record<string, { IPAddress?: string; GlobalIPv6Address?: string }> | null } | null;
}

/** What `/containers/<id>/json` tells beside. */
export interface InspectedContainer {
  RestartCount?: number;
  State?: {
    ExitCode?: number;
    StartedAt?: string;
    FinishedAt?: string;
    Health?: { Status?: string } | null;
  };
}

/** What `/info` tells of the host. */
export interface EngineInfo {
  Name?: string;
  OperatingSystem?: string;
  KernelVersion?: string;
  Architecture?: string;
  ServerVersion?: string;
  NCPU?: number;
  MemTotal?: number;
}

/** A container as it is reported, out of what the engine tells. */
export function toReported(
  listed: ListedContainer,
  inspected: InspectedContainer,
  use: { cpu: number; memory: number; limit: number },
  now: number,
): ReportedContainer {
  const { State: state = {} } = inspected;
  const startedAt = Date.parse(state.StartedAt ?? '');
  const isRunning = listed.State === 'running';
  return {
    id: listed.Id,
    name: listed.Names[0]?.replace(/^\//, '') ?? listed.Id.slice(0, 12),
    image: listed.Image,
    createdAt: new Date(listed.Created * 1000).toISOString(),
    startedAt: state.StartedAt,
    finishedAt: isRunning ? undefined : state.FinishedAt,
    state: listed.State,
    status: listed.Status,
    health: state.Health?.Status ?? '',
    cpuPercent: use.cpu,
    memoryUsageBytes: use.memory,
    memoryLimitBytes: use.limit,
    memoryPercent: use.limit > 0 ? Math.round((use.memory / use.limit) * 10_000) / 100 : 0,
    uptimeSeconds: isRunning && startedAt > 0 ? Math.max(Math.floor((now - startedAt) / 1000), 0) : 0,
    restartCount: inspected.RestartCount ?? 0,
    exitCode: state.ExitCode ?? 0,
    labels: listed.Labels ?? {},
    ports: (listed.Ports ?? []).map(({ PrivatePort = 0, PublicPort, Type = 'tcp', IP }) => ({
      privatePort: PrivatePort,
      protocol: Type,
      ...(PublicPort !== undefined && { publicPort: PublicPort }),
      ...(IP !== undefined && { ip: IP }),
    })),
    networks: Object.entries(listed.NetworkSettings?.Networks ?? {}).map(([name, network]) => ({
      name,
      ...(network.IPAddress && { ipv4: network.IPAddress }),
      ...(network.GlobalIPv6Address && { ipv6: network.GlobalIPv6Address }),
    })),
  };
}

/** Reads all containers of an engine, with what the engine knows of its host. */
export class ContainerReader {
  /** What was told of each container last: one question that fails must not look like a restart. */
  #inspected = new Map<string, InspectedContainer>();

  constructor(private readonly engine: DockerEngine) {}

  /** Reads all anew. Throws when the engine does not answer. */
  async read(): Promise<{ info: EngineInfo; containers: ReportedContainer[] }> {
    const [info, all] = await Promise.all([
      this.engine.get<EngineInfo>('/info'),
      this.engine.get<ListedContainer[]>('/containers/json?all=1'),
    ]);
    const inspected = new Map<string, InspectedContainer>();
    const containers = await this.engine.each(all.slice(0, MAX_CONTAINERS), async (listed) => {
      const nothing = { cpu: 0, memory: 0, limit: 0 };
      const [found, use] = await Promise.all([
        this.#inspect(listed.Id),
        listed.State === 'running' ? this.engine.use(listed.Id).catch(() => nothing) : nothing,
      ]);
      if (!found) return [];
      inspected.set(listed.Id, found);
      return [toReported(listed, found, use, Date.now())];
    });
    this.#inspected = inspected;
    return { info, containers: containers.flat().toSorted((a, b) => a.name.localeCompare(b.name)) };
  }

  async #inspect(id: string): Promise<InspectedContainer | undefined> {
    try {
      return await this.engine.get<InspectedContainer>(`/containers/${encodeURIComponent(id)}/json`);
    } catch {
      return this.#inspected.get(id);
    }
  }
}
