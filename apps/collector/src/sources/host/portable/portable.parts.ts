import { cpus, loadavg } from 'node:os';
import si from 'systeminformation';
import type { PartOf, PartReader } from '../../source.js';
import { percentOf, ratePerSecond, monotonicSeconds } from '../proc.js';

const bytes = (value: number | null | undefined): number => Math.max(Math.round(value ?? 0), 0);
const PSEUDO = /^(devfs|autofs|map |tmpfs|none)/;

/** Reads what the machine is, on any system that systeminformation knows. */
export class PortableSystemReader implements PartReader<'system'> {
  readonly part = 'system';
  readonly everyMs = 0;
  readonly limitMs = 5000;
  readonly empty: PartOf<'system'> = {
    hostname: '',
    kernel: '',
    uptime: 0,
    architecture: process.arch,
    platform: process.platform,
    distro: '',
  };
  #known: PartOf<'system'> | undefined;

  async read(): Promise<PartOf<'system'>> {
    if (!this.#known) {
      const { hostname, kernel, arch, distro, release } = await si.osInfo();
      const named = { hostname, kernel, architecture: arch, distro: `${distro} ${release}`.trim() };
      this.#known = { ...this.empty, ...named };
    }
    return { ...this.#known, uptime: Math.floor(si.time().uptime) };
  }
}

/** Reads the processor through Node itself: use by core and in all since the last reading. */
export class PortableCpuReader implements PartReader<'cpu'> {
  readonly part = 'cpu';
  readonly everyMs = 0;
  readonly limitMs = 1000;
  readonly empty: PartOf<'cpu'> = {
    cores: [],
    totalUsage: 0,
    model: 'unknown',
    loadAverage: { one: 0, five: 0, fifteen: 0 },
  };
  #before = ticks();

  async read(): Promise<PartOf<'cpu'>> {
    const now = ticks();
    const before = this.#before;
    this.#before = now;
    const spent = now.map(({ busy, total }, index) => ({
      busy: busy - (before[index]?.busy ?? 0),
      total: total - (before[index]?.total ?? 0),
    }));
    const sum = (pick: (core: { busy: number; total: number }) => number) =>
      spent.reduce((all, core) => all + pick(core), 0);
    const [one = 0, five = 0, fifteen = 0] = loadavg();
    return {
      cores: cpus().map(({ speed }, id) => ({
        id,
        usage: percentOf(spent[id]?.busy ?? 0, spent[id]?.total ?? 0),
        frequency: Math.round(speed),
      })),
      totalUsage: percentOf(
        sum((core) => core.busy),
        sum((core) => core.total),
      ),
      model: cpus()[0]?.model ?? 'unknown',
      loadAverage: { one, five, fifteen },
    };
  }
}

function ticks(): { busy: number; total: number }[] {
  return cpus().map(({ times: { user, nice, sys, idle, irq } }) => {
    const busy = user + nice + sys + irq;
    return { busy, total: busy + idle };
  });
}

/** Reads memory and swap. */
export class PortableMemoryReader implements PartReader<'memory'> {
  readonly part = 'memory';
  readonly everyMs = 0;
  readonly limitMs = 3000;
  readonly empty: PartOf<'memory'> = {
    total: 0,
    used: 0,
    free: 0,
    available: 0,
    buffers: 0,
    cached: 0,
    swapTotal: 0,
    swapUsed: 0,
  };

  async read(): Promise<PartOf<'memory'>> {
    const { total, free, active, available, buffers, cached, swaptotal, swapused } = await si.mem();
    return {
      total: bytes(total),
      used: bytes(active),
      free: bytes(free),
      available: bytes(available),
      buffers: bytes(buffers),
      cached: bytes(cached),
      swapTotal: bytes(swaptotal),
      swapUsed: bytes(swapused),
    };
  }
}

/** Reads mounts, and the traffic of all disks in one. */
export class PortableDiskReader implements PartReader<'disk'> {
  readonly part = 'disk';
  readonly everyMs = 10_000;
  readonly limitMs = 8000;
  readonly empty: PartOf<'disk'> = { mounts: [], io: [] };

  async read(): Promise<PartOf<'disk'>> {
    const [mounts, traffic] = await Promise.all([si.fsSize(), si.fsStats()]);
    const seen = new Set<string>();
    return {
      mounts: mounts
        .filter(({ fs, size }) => size > 0 && !PSEUDO.test(fs) && !seen.has(fs) && seen.add(fs))
        .map(({ fs, mount, type, size, used, available }) => ({
          device: fs,
          mountpoint: mount,
          fstype: type,
          total: bytes(size),
          used: bytes(used),
          free: bytes(available),
        })),
      // systeminformation knows no bytes by device where there is no /proc
      io: traffic
        ? [
            {
              device: 'all',
              readBytes: bytes(traffic.rx),
              writeBytes: bytes(traffic.wx),
              readRate: bytes(traffic.rx_sec),
              writeRate: bytes(traffic.wx_sec),
            },
          ]
        : [],
    };
  }
}

/** Reads the interfaces without the loopback, and counts established connections. */
export class PortableNetworkReader implements PartReader<'network'> {
  readonly part = 'network';
  readonly everyMs = 0;
  readonly limitMs = 8000;
  readonly empty: PartOf<'network'> = { interfaces: [], connectionCount: 0 };
  #before: { at: number; bytes: Map<string, { rx: number; tx: number }> } = { at: 0, bytes: new Map() };

  async read(): Promise<PartOf<'network'>> {
    const [known, counters, connections] = await Promise.all([
      si.networkInterfaces(),
      si.networkStats('*'),
      si.networkConnections(),
    ]);
    const at = monotonicSeconds();
    const before = this.#before;
    this.#before = {
      at,
      bytes: new Map(counters.map(({ iface, rx_bytes, tx_bytes }) => [iface, { rx: rx_bytes, tx: tx_bytes }])),
    };
    const outside = (Array.isArray(known) ? known : [known]).filter(({ internal }) => !internal);
    const interfaces = outside.flatMap(({ iface, ip4, ip6 }) => {
      const now = counters.find((counter) => counter.iface === iface);
      if (!now) return [];
      const last = before.bytes.get(iface) ?? { rx: now.rx_bytes, tx: now.tx_bytes };
      return [
        {
          name: iface,
          ipv4: ip4,
          ipv6: ip6,
          rxBytes: bytes(now.rx_bytes),
          txBytes: bytes(now.tx_bytes),
          rxRate: ratePerSecond(now.rx_bytes, last.rx, at - before.at),
          txRate: ratePerSecond(now.tx_bytes, last.tx, at - before.at),
        },
      ];
    });
    return { interfaces, connectionCount: connections.filter(({ state }) => state === 'ESTABLISHED').length };
  }
}

/** Reads the processor's temperature, where the system tells it. */
export class PortableTemperatureReader implements PartReader<'temperature'> {
  readonly part = 'temperature';
  readonly everyMs = 10_000;
  readonly limitMs = 8000;
  readonly empty: PartOf<'temperature'> = { sensors: [] };

  async read(): Promise<PartOf<'temperature'>> {
    const { main } = await si.cpuTemperature();
    return { sensors: main ? [{ name: 'CPU', value: main, high: null, critical: null }] : [] };
  }
}
