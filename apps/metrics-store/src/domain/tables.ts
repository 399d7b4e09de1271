import type { HostSample } from '@lapwing/contracts';

/** The kinds of resources that have samples. */
export type Kind = 'host' | 'disk' | 'interface' | 'gpu';

/** The tables of samples: columns in order, with the type of each. */
export const sampleTables = {
  host: {
    name: 'metrics.host_sample',
    columns: {
      resource_id: 'int4',
      time: 'timestamptz',
      seq: 'int8',
      cpu: 'int2',
      load1: 'int4',
      load5: 'int4',
      load15: 'int4',
      memory: 'int2',
      memory_total: 'int8',
      memory_used: 'int8',
      memory_available: 'int8',
      memory_buffers: 'int8',
      memory_cached: 'int8',
      swap_total: 'int8',
      swap_used: 'int8',
      disk: 'int2',
      disk_total: 'int8',
      disk_used: 'int8',
      disk_read_rate: 'int8',
      disk_write_rate: 'int8',
      network_rx_rate: 'int8',
      network_tx_rate: 'int8',
      connections: 'int4',
      processes: 'int4',
      uptime: 'int8',
      temperature: 'int2',
    },
  },
  disk: {
    name: 'metrics.disk_sample',
    columns: { resource_id: 'int4', time: 'timestamptz', total: 'int8', used: 'int8', free: 'int8', usage: 'int2' },
  },
  interface: {
    name: 'metrics.interface_sample',
    columns: {
      resource_id: 'int4',
      time: 'timestamptz',
      rx_bytes: 'int8',
      tx_bytes: 'int8',
      rx_rate: 'int8',
      tx_rate: 'int8',
    },
  },
  gpu: {
    name: 'metrics.gpu_sample',
    columns: {
      resource_id: 'int4',
      time: 'timestamptz',
      utilization: 'int2',
      memory_used: 'int8',
      memory_total: 'int8',
      temperature: 'int2',
      power: 'int4',
    },
  },
} as const;

/** Values of a row after resource and time, in the order of the table's columns. */
export type Values = (number | null)[];

/** A row that belongs to a thing of the host: a mount, an interface, a card. */
export interface PartRow {
  kind: Exclude<Kind, 'host'>;
  name: string;
  values: Values;
}

const hundredths = (value: number | null): number | null => (value === null ? null : value * 100);
const share = (part: number, whole: number): number | null => (whole > 0 ? (part / whole) * 10_000 : null);
const sum = <T>(list: T[], value: (item: T) => number): number => list.reduce((total, item) => total + value(item), 0);

/** The root mount; where there is none, the largest. */
function rootMount(sample: HostSample) {
  const { mounts } = sample.disk;
  return mounts.find((mount) => mount.mountpoint === '/') ?? mounts.toSorted((a, b) => b.total - a.total)[0];
}

/**
 * The row of a host. Memory percent counts what cannot be had: (total − available) / total; disk percent is that of the
 * root mount, used / total; temperature is the hottest sensor.
 */
export function hostValues(sample: HostSample): Values {
  const { cpu, memory, disk, network, processes, system, temperature } = sample;
  const root = rootMount(sample);
  const hottest =
    temperature.sensors.length > 0 ? Math.max(...temperature.sensors.map((sensor) => sensor.value)) : null;
  return [
    sample.seq,
    hundredths(cpu.totalUsage),
    hundredths(cpu.loadAverage.one),
    hundredths(cpu.loadAverage.five),
    hundredths(cpu.loadAverage.fifteen),
    share(memory.total - memory.available, memory.total),
    memory.total,
    memory.used,
    memory.available,
    memory.buffers,
    memory.cached,
    memory.swapTotal,
    memory.swapUsed,
    root ? share(root.used, root.total) : null,
    root?.total ?? null,
    root?.used ?? null,
    sum(disk.io, (device) => device.readRate),
    sum(disk.io, (device) => device.writeRate),
    sum(network.interfaces, (nic) => nic.rxRate),
    sum(network.interfaces, (nic) => nic.txRate),
    network.connectionCount,
    processes.total,
    system.uptime,
    hundredths(hottest),
  ];
}

const MAX_NAME = 500;

/** A name that PostgreSQL can keep and index: without NUL, with whole characters only, not too long. */
export function storableName(name: string): string {
  return Buffer.from(name.replaceAll('\0', '').slice(0, MAX_NAME)).toString();
}

/** The rows of a host's mounts, interfaces and graphics cards. */
export function partRows(sample: HostSample): PartRow[] {
  const disks = sample.disk.mounts.map(({ mountpoint, total, used, free }) => ({
    kind: 'disk' as const,
    name: storableName(mountpoint),
    values: [total, used, free, share(used, total)],
  }));
  const interfaces = sample.network.interfaces.map(({ name, rxBytes, txBytes, rxRate, txRate }) => ({
    kind: 'interface' as const,
    name: storableName(name),
    values: [rxBytes, txBytes, rxRate, txRate],
  }));
  const gpus = sample.gpu.gpus.map((gpu) => ({
    kind: 'gpu' as const,
    name: storableName(`${gpu.index} ${gpu.name}`),
    values: [
      hundredths(gpu.utilization),
      gpu.memoryUsed,
      gpu.memoryTotal,
      hundredths(gpu.temperature),
      hundredths(gpu.powerWatts),
    ],
  }));
  return [...disks, ...interfaces, ...gpus];
}
