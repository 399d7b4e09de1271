import type { HostFigures, HostSample } from '@lapwing/contracts';

const GIB = 2 ** 30;

/** Figures of an imagined host: two cores, a disk, an interface, ten processes in the lists. Change what a test is about. */
export function hostFigures(changes: Partial<HostFigures> = {}): HostFigures {
  const process = (pid: number) => ({
    pid,
    name: `worker-${pid}`,
    user: 'www-data',
    state: 'S',
    cpu: 1.5,
    memory: 50_000_000,
    memoryPercent: 0.31,
    threads: 4,
  });
  const five = [1001, 1002, 1003, 1004, 1005].map(process);
  return {
    system: {
      hostname: 'web-1',
      kernel: '6.1.0',
      uptime: 86_400,
      architecture: 'x86_64',
      platform: 'linux',
      distro: 'Debian',
    },
    cpu: {
      cores: [
        { id: 0, usage: 15.5, frequency: 3600 },
        { id: 1, usage: 16.5, frequency: 3600 },
      ],
      totalUsage: 16,
      model: 'Model',
      loadAverage: { one: 0.5, five: 0.4, fifteen: 0.3 },
    },
    memory: {
      total: 16 * GIB,
      used: 8 * GIB,
      free: 4 * GIB,
      available: 7 * GIB,
      buffers: 1 * GIB,
      cached: 3 * GIB,
      swapTotal: 4 * GIB,
      swapUsed: 0,
    },
    disk: {
      mounts: [
        { device: '/dev/sda1', mountpoint: '/', fstype: 'ext4', total: 500 * GIB, used: 100 * GIB, free: 380 * GIB },
      ],
      io: [{ device: 'sda', readBytes: 1_000_000, writeBytes: 500_000, readRate: 1000, writeRate: 500 }],
    },
    network: {
      interfaces: [
        {
          name: 'eth0',
          ipv4: '192.168.1.100',
          ipv6: 'fe80::1',
          rxBytes: 1e9,
          txBytes: 5e8,
          rxRate: 10_000,
          txRate: 5000,
        },
      ],
      connectionCount: 42,
    },
    processes: { topByCpu: five, topByMemory: five, total: 200 },
    temperature: { sensors: [{ name: 'Core 0', value: 45, high: 80, critical: 100 }] },
    gpu: { available: false, gpus: [] },
    docker: { available: false, containers: [] },
    systemd: { available: false, services: [] },
    ...changes,
  };
}

/** A sample of an imagined host. */
export function hostSample(seq: number, time: number, changes: Partial<HostFigures> = {}): HostSample {
  return { seq, time, stale: [], ...hostFigures(changes) };
}
