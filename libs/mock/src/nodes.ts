import type { MockConfig, ProxmoxNode } from '@lapwing/contracts';
import { between, hashOf, mix, pick } from './hash.js';
import { GIB, clamp, drift, round2, swing, uptimeOf, usageOf, type Clock } from './motion.js';

/** What of a made-up node does not change. Bytes; shares 0 to 1. */
export interface NodePlan {
  index: number;
  name: string;
  seed: number;
  highLoad: boolean;
  /** Percent, about which it moves. */
  cpu: number;
  memoryTotal: number;
  memoryShare: number;
  diskTotal: number;
  diskShare: number;
  cpuInfo: ProxmoxNode['cpuInfo'];
}

const PREFIX = 'mock-';
const processors: [ProxmoxNode['cpuInfo'], ...ProxmoxNode['cpuInfo'][]] = [
  { model: 'AMD EPYC 7302P 16-Core Processor', cores: 32, sockets: 1, mhz: '3000.000' },
  { model: 'Intel(R) Xeon(R) Silver 4314 CPU @ 2.40GHz', cores: 64, sockets: 2, mhz: '2400.000' },
  { model: 'AMD Ryzen 9 5950X 16-Core Processor', cores: 32, sockets: 1, mhz: '3400.000' },
];

/** The nodes of a configuration. Without names of those with a high load, it is the second. */
export function planNodes({ nodeCount, highLoadNodes }: MockConfig): NodePlan[] {
  const named = new Set(highLoadNodes);
  return Array.from({ length: nodeCount }, (_, index) => {
    const short = `pve${index + 1}`;
    const name = PREFIX + short;
    const seed = hashOf(`node:${name}`);
    const highLoad = named.size > 0 ? named.has(name) || named.has(short) : index === 1;
    return {
      index,
      name,
      seed,
      highLoad,
      cpu: highLoad ? between(seed, 1, 82, 90) : between(seed, 1, 12, 42),
      memoryTotal: pick(seed, 2, [64, 128, 256]) * GIB,
      memoryShare: highLoad ? between(seed, 3, 0.84, 0.9) : between(seed, 3, 0.4, 0.7),
      diskTotal: pick(seed, 4, [94, 220, 440]) * GIB,
      diskShare: between(seed, 5, 0.2, 0.6),
      cpuInfo: pick(seed, 6, processors),
    };
  });
}

/** What a node shows on charts, at an instant. */
export const nodeFigures = {
  /** Percent. */
  cpu: (node: NodePlan, clock: Clock): number =>
    round2(clamp(node.cpu + (node.highLoad ? 9 : node.cpu * 0.6) * swing(mix(node.seed, 11), clock), 0.5, 100)),
  /** Bytes. */
  memoryUsed: (node: NodePlan, clock: Clock): number =>
    Math.round(node.memoryTotal * (node.memoryShare + 0.06 * swing(mix(node.seed, 12), clock))),
  /** Bytes. */
  diskUsed: (node: NodePlan, clock: Clock): number =>
    Math.round(node.diskTotal * (node.diskShare + 0.05 * drift(mix(node.seed, 13), clock))),
};

/** A node at an instant. */
export function nodeAt(node: NodePlan, clock: Clock): ProxmoxNode {
  const cpu = nodeFigures.cpu(node, clock);
  const swapTotal = 8 * GIB;
  const swapShare = (node.highLoad ? 0.35 : 0.03) * (1 + 0.5 * drift(mix(node.seed, 14), clock));
  // The mean of the last 1, 5 and 15 minutes, as if it were that of their middle.
  const loadAverage = [0.5, 2.5, 7.5].map((minutes) => {
    const before = { ...clock, now: clock.now - minutes * 60_000 };
    return round2((nodeFigures.cpu(node, before) / 100) * node.cpuInfo.cores);
  });
  return {
    name: node.name,
    status: 'online',
    cpu,
    memory: usageOf(node.memoryTotal, nodeFigures.memoryUsed(node, clock)),
    swap: usageOf(swapTotal, Math.round(swapTotal * swapShare)),
    disk: usageOf(node.diskTotal, nodeFigures.diskUsed(node, clock)),
    uptime: uptimeOf(mix(node.seed, 15), clock.now),
    loadAverage,
    kernelVersion: 'Linux 6.8.12-10-pve',
    pveVersion: 'pve-manager/8.4.1/2a5fa54a8503f96d',
    cpuInfo: { ...node.cpuInfo },
    readAt: clock.now,
  };
}
