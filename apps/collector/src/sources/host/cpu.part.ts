import { loadavg } from 'node:os';
import type { Host } from '../../store/host.js';
import type { PartOf, PartReader } from '../source.js';
import { percentOf, readNumber, readText } from './proc.js';

/** Ticks of one core, or of all. */
export interface Ticks {
  busy: number;
  total: number;
}

/**
 * Reads /proc/stat. Guest time is part of user time and is not counted twice; waiting for a disk is idle time.
 * Source: proc_stat(5).
 */
export function parseStat(text: string): { all: Ticks; cores: Map<number, Ticks> } {
  const cores = new Map<number, Ticks>();
  let all: Ticks = { busy: 0, total: 0 };
  for (const line of text.split('\n')) {
    if (!line.startsWith('cpu')) break;
    const [name = '', ...fields] = line.split(/\s+/);
    const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = fields.map(Number);
    const busy = user + nice + system + irq + softirq + steal;
    const ticks = { busy, total: busy + idle + iowait };
    if (name === 'cpu') all = ticks;
    else cores.set(Number(name.slice(3)), ticks);
  }
  return { all, cores };
}

/** The model and the clock of each core in MHz, as /proc/cpuinfo tells them. */
export function parseCpuinfo(text: string): { model: string; mhz: number[] } {
  const values = (key: string) =>
    [...text.matchAll(new RegExp(`^${key}\\s*:\\s*(.+)$`, 'gm'))].map((match) => match[1] ?? '');
  return { model: values('model name')[0] ?? values('Model')[0] ?? 'unknown', mhz: values('cpu MHz').map(Number) };
}

/** The limit that a container's cgroup sets, in cores; undefined without one. Format of `cpu.max`: `<quota|max> <period>`. */
export function parseCpuMax(text: string): number | undefined {
  const [quota, period] = text.trim().split(' ').map(Number);
  return quota !== undefined && period && Number.isFinite(quota) ? quota / period : undefined;
}

const usage = (now: Ticks, before: Ticks | undefined): number =>
  before ? percentOf(now.busy - before.busy, now.total - before.total) : 0;

const FREQUENCIES_EVERY = 12;

/** Reads the processor: use by core and in all since the last reading, clock, model and load. */
export class CpuReader implements PartReader<'cpu'> {
  readonly part = 'cpu';
  readonly everyMs = 0;
  readonly limitMs = 1000;
  readonly empty: PartOf<'cpu'> = {
    cores: [],
    totalUsage: 0,
    model: 'unknown',
    loadAverage: { one: 0, five: 0, fifteen: 0 },
  };
  readonly #model: string;
  #before: ReturnType<typeof parseStat>;
  #group: { usec: number; at: number } | undefined;
  #mhz: number[] = [];
  #readings = 0;

  /** Where the kernel's figures are, and those of the container, if any, that the host is. */
  readonly #proc: string;
  readonly #cgroup: string;

  constructor(host: Host) {
    this.#proc = host.proc;
    this.#cgroup = host.path('/sys/fs/cgroup');
    this.#before = parseStat(readText(`${this.#proc}/stat`) ?? '');
    const { model, mhz } = parseCpuinfo(readText(`${this.#proc}/cpuinfo`) ?? '');
    this.#model = model;
    this.#mhz = mhz;
    this.#group = groupTime(this.#cgroup);
  }

  async read(): Promise<PartOf<'cpu'>> {
    const text = readText(`${this.#proc}/stat`);
    if (text === undefined) throw new Error(`${this.#proc}/stat cannot be read`);
    const now = parseStat(text);
    const before = this.#before;
    this.#before = now;
    if (this.#readings++ % FREQUENCIES_EVERY === 0) this.#mhz = frequencies([...now.cores.keys()], this.#mhz);
    const [one = 0, five = 0, fifteen = 0] = loadavg();
    const cores = [...now.cores].map(([id, ticks], index) => ({
      id,
      usage: usage(ticks, before.cores.get(id)),
      frequency: Math.round(this.#mhz[index] ?? 0),
    }));
    const totalUsage = this.#usageOfGroup() ?? usage(now.all, before.all);
    return { cores, totalUsage, model: this.#model, loadAverage: { one, five, fifteen } };
  }

  /** In a container with a limit of its own, use is a share of that limit. */
  #usageOfGroup(): number | undefined {
    const limit = parseCpuMax(readText(`${this.#cgroup}/cpu.max`) ?? '');
    const before = this.#group;
    this.#group = groupTime(this.#cgroup);
    if (limit === undefined || !before || !this.#group) return undefined;
    return percentOf((this.#group.usec - before.usec) / 1e6, ((this.#group.at - before.at) / 1000) * limit);
  }
}

function groupTime(cgroup: string): { usec: number; at: number } | undefined {
  const usec = Number(/usage_usec (\d+)/.exec(readText(`${cgroup}/cpu.stat`) ?? '')?.[1] ?? Number.NaN);
  return Number.isFinite(usec) ? { usec, at: performance.now() } : undefined;
}

function frequencies(cores: number[], fallback: number[]): number[] {
  return cores.map((id, index) => {
    const khz = readNumber(`/sys/devices/system/cpu/cpu${id}/cpufreq/scaling_cur_freq`);
    return khz === undefined ? (fallback[index] ?? 0) : khz / 1000;
  });
}
