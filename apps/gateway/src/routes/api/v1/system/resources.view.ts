import type { HostSample, OutputOf, ProcessEntry, historyGet } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../../http/answer.js';
import { isoSeconds } from '../../../../http/query.js';

type Answer = OutputOf<typeof historyGet>;

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
const MAX_STEP = 31_622_400;

/** Spacing of points in a query: a duration (`30s`, `5m`, `1h`, `1d`) or a bare number of minutes; as seconds. */
export const interval = z.string().transform((text, context) => {
  const [, number, unit = 'm'] = /^(\d{1,6})([smhd]?)$/.exec(text) ?? [];
  const seconds = Number(number ?? 0) * (UNITS[unit || 'm'] ?? 60);
  if (seconds < 1 || seconds > MAX_STEP)
    context.addIssue({ code: 'custom', message: 'a duration such as 30s, 5m, 1h, or a number of minutes' });
  return seconds;
});

/** The spacing that suits a span of hours, in seconds. */
export function defaultStep(hours: number): number {
  if (hours <= 1) return 60;
  if (hours <= 24) return 300;
  return hours <= 168 ? 3600 : 21_600;
}

const percent = (part: number, whole: number): number => (whole > 0 ? Math.round((part / whole) * 1000) / 10 : 0);

const space = {
  total: z.number().describe('bytes'),
  used: z.number().describe('bytes'),
  free: z.number().describe('bytes'),
  usagePercent: z.number(),
};

/** Supascale's resources of a host. */
export const Resources = z.object({
  cpu: z.object({
    usage: z.number().describe('percent'),
    cores: z.int(),
    model: z.string(),
    loadAverage: z.array(z.number()).length(3),
  }),
  memory: z.object(space),
  disk: z.object(space),
  network: z.object({ bytesIn: z.number(), bytesOut: z.number() }),
  processes: z
    .array(z.object({ pid: z.int(), name: z.string(), cpu: z.number(), memory: z.number(), memoryPercent: z.number() }))
    .optional()
    .describe('with processes=true'),
  info: z
    .object({
      hostname: z.string(),
      platform: z.string(),
      distro: z.string(),
      kernel: z.string(),
      arch: z.string(),
      uptime: z.int().describe('seconds'),
      nodeVersion: z.string(),
    })
    .optional()
    .describe('with info=true'),
});

/** Supascale's history of a host, oldest first. */
export const ResourcesHistory = z.object({
  history: z.array(
    z.object({
      timestamp: isoTime,
      cpu: z.number().nullable(),
      memory: z.number().nullable(),
      disk: z.number().nullable(),
    }),
  ),
});

/** Resources of one sample: memory that is not available counts as used; the disk is the root mount; the network is the sum of all interfaces. */
export function toResources(
  sample: HostSample,
  extra: { processes: ProcessEntry[] | undefined; info: boolean },
): z.infer<typeof Resources> {
  const { cpu, memory, disk, network, system } = sample;
  const { one, five, fifteen } = cpu.loadAverage;
  const used = memory.total - memory.available;
  const root = disk.mounts.find((mount) => mount.mountpoint === '/') ?? disk.mounts[0] ?? { total: 0, used: 0 };
  return {
    cpu: { usage: cpu.totalUsage, cores: cpu.cores.length, model: cpu.model, loadAverage: [one, five, fifteen] },
    memory: { total: memory.total, used, free: memory.total - used, usagePercent: percent(used, memory.total) },
    disk: {
      total: root.total,
      used: root.used,
      free: root.total - root.used,
      usagePercent: percent(root.used, root.total),
    },
    network: {
      bytesIn: network.interfaces.reduce((sum, nic) => sum + nic.rxBytes, 0),
      bytesOut: network.interfaces.reduce((sum, nic) => sum + nic.txBytes, 0),
    },
    ...(extra.processes && {
      processes: extra.processes.map(({ pid, name, cpu: use, memory: bytes, memoryPercent }) => ({
        pid,
        name,
        cpu: use,
        memory: bytes,
        memoryPercent,
      })),
    }),
    ...(extra.info && {
      info: {
        hostname: system.hostname,
        platform: system.platform,
        distro: system.distro,
        kernel: system.kernel,
        arch: system.architecture,
        uptime: system.uptime,
        nodeVersion: process.version,
      },
    }),
  };
}

/** Supascale's history: means, oldest first; where nothing was measured there is no point. */
export function toHistory({ times, columns }: Answer): z.infer<typeof ResourcesHistory> {
  const { cpu, memory, disk } = columns;
  return {
    history: times.map((time, index) => ({
      timestamp: isoSeconds(time),
      cpu: cpu?.avg[index] ?? null,
      memory: memory?.avg[index] ?? null,
      disk: disk?.avg[index] ?? null,
    })),
  };
}
