import type { PolledFigures, PolledKind, ProxmoxNode, SectionItem, SectionName, Target } from '@lapwing/contracts';
import type { ProxmoxClient } from './client.js';

/** Where a source puts what it has seen. */
export interface Sink {
  /** A section, whole. */
  observe<S extends SectionName>(section: S, items: SectionItem<S>[]): void;
  /** Figures for the series. */
  sample(kind: PolledKind, rows: PolledFigures[]): void;
}

/** What a source knows of the installation that it asks. */
export interface Installation {
  version: string;
  isCluster: boolean;
  clusterName: string;
  members: { node: string; host: string; online: boolean }[];
}

/** Slow work that runs beside the polls, at its own pace. */
export interface Round {
  name: string;
  everyMs: number;
  run(signal: AbortSignal): Promise<void>;
}

/** What a source works with. */
export interface SourceParts {
  target: Target;
  client: ProxmoxClient;
  sink: Sink;
}

/** Reads one kind of Proxmox server. */
export interface TargetSource {
  readonly installation: Installation;
  /** What is read at each interval: few calls. Throws `ProxmoxError` when the target cannot be read. */
  poll(signal: AbortSignal): Promise<void>;
  /** Goes on from the nodes that were said of the target before. */
  seed(nodes: ProxmoxNode[]): void;
  /** Shows what is known as not reachable. */
  markOffline(): void;
  readonly rounds: Round[];
  /** Sections that only the rounds tell: of another installation they must not stay until those have run. */
  readonly slowSections: SectionName[];
  /** Sections that nobody wants to see of this target (any more). */
  readonly unwantedSections: SectionName[];
}

/** Runs at most so many at a time, and stops beginning new ones when the signal says so. */
export async function each<T>(
  items: T[],
  atOnce: number,
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined && !signal.aborted; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}

/** The answer, or what stands for none when it cannot be had. */
export async function orElse<T>(answer: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await answer;
  } catch {
    return otherwise;
  }
}
