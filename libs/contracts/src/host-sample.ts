import { z } from 'zod';

const bytes = z.number().nonnegative();
const percent = z.number().min(0).max(100);
const count = z.int().nonnegative();
const text = z.string().max(1024);

/** A process as it stands in the lists of the busiest. `cpu` is percent of one core and may pass 100. */
export const ProcessEntry = z.object({
  pid: z.int(),
  name: text,
  user: text,
  state: text,
  cpu: z.number().nonnegative(),
  memory: bytes,
  memoryPercent: percent,
  threads: count,
});
/** See {@link ProcessEntry}. */
export type ProcessEntry = z.infer<typeof ProcessEntry>;

/** A graphics card. What the driver does not tell is null. Memory in bytes, temperature in °C, power in watts. */
export const GpuEntry = z.object({
  index: count,
  name: text,
  vendor: text,
  utilization: percent.nullable(),
  memoryUsed: bytes.nullable(),
  memoryTotal: bytes.nullable(),
  temperature: z.number().nullable(),
  powerWatts: z.number().nullable(),
});
/** See {@link GpuEntry}. */
export type GpuEntry = z.infer<typeof GpuEntry>;

/** The parts of a host's sample: each is read at its own pace. */
export const hostParts = [
  'system',
  'cpu',
  'memory',
  'disk',
  'network',
  'processes',
  'temperature',
  'gpu',
  'docker',
  'systemd',
] as const;
/** One of {@link hostParts}. */
export type HostPart = (typeof hostParts)[number];

/**
 * What a host looked like at one instant, in the structure of the Tyto metrics document.
 * Units: bytes, bytes per second, percent 0–100, seconds, °C; counters are cumulative since the host started.
 */
export const HostFigures = z.object({
  system: z.object({
    hostname: text,
    kernel: text,
    uptime: count,
    architecture: text,
    platform: text,
    distro: text,
  }),
  cpu: z.object({
    /** `frequency` in MHz, 0 when the host does not tell. */
    cores: z.array(z.object({ id: count, usage: percent, frequency: count })).max(4096),
    totalUsage: percent,
    model: text,
    loadAverage: z.object({ one: z.number(), five: z.number(), fifteen: z.number() }),
  }),
  /** `used` leaves buffers and caches out; total = used + free + buffers + cached. */
  memory: z.object({
    total: bytes,
    used: bytes,
    free: bytes,
    available: bytes,
    buffers: bytes,
    cached: bytes,
    swapTotal: bytes,
    swapUsed: bytes,
  }),
  disk: z.object({
    mounts: z
      .array(z.object({ device: text, mountpoint: text, fstype: text, total: bytes, used: bytes, free: bytes }))
      .max(1024),
    io: z
      .array(z.object({ device: text, readBytes: bytes, writeBytes: bytes, readRate: bytes, writeRate: bytes }))
      .max(1024),
  }),
  network: z.object({
    interfaces: z
      .array(
        z.object({ name: text, ipv4: text, ipv6: text, rxBytes: bytes, txBytes: bytes, rxRate: bytes, txRate: bytes }),
      )
      .max(1024),
    connectionCount: count,
  }),
  processes: z.object({
    topByCpu: z.array(ProcessEntry).max(50),
    topByMemory: z.array(ProcessEntry).max(50),
    total: count,
  }),
  temperature: z.object({
    sensors: z
      .array(z.object({ name: text, value: z.number(), high: z.number().nullable(), critical: z.number().nullable() }))
      .max(1024),
  }),
  gpu: z.object({ available: z.boolean(), gpus: z.array(GpuEntry).max(64) }),
  docker: z.object({
    available: z.boolean(),
    containers: z
      .array(z.object({ id: text, name: text, status: text, cpu: z.number().nonnegative(), memory: bytes }))
      .max(1000),
  }),
  systemd: z.object({
    available: z.boolean(),
    services: z.array(z.object({ name: text, state: text, subState: text })).max(2000),
  }),
});
/** See {@link HostFigures}. */
export type HostFigures = z.infer<typeof HostFigures>;

/** The longest that taking a sample counts as, in milliseconds. */
export const MAX_COLLECT_MS = 600_000;

/** One sample of a host: its figures, when they were taken, and its number in the collector's outbox. */
export const HostSample = HostFigures.extend({
  /** Numbers the samples of one outbox from 1 without a hole; never used twice. */
  seq: z.int().positive(),
  /** When it was taken: milliseconds since 1970, UTC, by the host's clock. */
  time: z.int().nonnegative(),
  /** Parts whose figures are older than they should be, because reading them failed or took too long. */
  stale: z.array(z.enum(hostParts)),
  /** How long taking it took, in milliseconds from `time` on; collectors of before do not say. */
  collectMs: z.number().min(0).max(MAX_COLLECT_MS).optional(),
});
/** See {@link HostSample}. */
export type HostSample = z.infer<typeof HostSample>;
