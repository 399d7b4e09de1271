import type { Host } from '../../store/host.js';
import type { PartOf, PartReader } from '../source.js';
import { readNumber, readText } from './proc.js';

type Memory = PartOf<'memory'>;

/** Reads /proc/meminfo: `used` leaves buffers and caches (page cache and reclaimable slab) out, as free(1) does. */
export function parseMeminfo(text: string): Memory {
  const value = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) * 1024;
  const total = value('MemTotal');
  const free = value('MemFree');
  const buffers = value('Buffers');
  const cached = value('Cached') + value('SReclaimable');
  const swapTotal = value('SwapTotal');
  return {
    total,
    used: Math.max(total - free - buffers - cached, 0),
    free,
    available: text.includes('MemAvailable:') ? value('MemAvailable') : free + buffers + cached,
    buffers,
    cached,
    swapTotal,
    swapUsed: swapTotal - value('SwapFree'),
  };
}

/** What a cgroup may use and uses, in bytes; `file` is its page cache, `inactiveFile` the part that goes first. */
export interface GroupMemory {
  limit: number;
  current: number;
  file: number;
  inactiveFile: number;
}

/** Narrows a host's memory to the limit of a container; a limit at or above the host's memory changes nothing. */
export function withinGroup(host: Memory, group: GroupMemory | undefined): Memory {
  if (!group || group.limit >= host.total || group.limit <= 0) return host;
  const used = Math.max(group.current - group.file, 0);
  const free = Math.max(group.limit - group.current, 0);
  const cached = Math.max(group.limit - used - free, 0);
  return {
    ...host,
    total: group.limit,
    used,
    free,
    buffers: 0,
    cached,
    available: Math.min(free + group.inactiveFile, group.limit),
  };
}

/**
 * The limit of the container in which the collector runs. Only the root of a cgroup namespace is looked at: on a host
 * itself that is the true root, which has no limit, so that a limit on the collector's own service is never mistaken for
 * the host's. For the same reason an agent in a container looks at the host's root, where it can. In LXC, lxcfs narrows /proc/meminfo itself.
 */
function groupMemory(cgroup: string): GroupMemory | undefined {
  const two = `${cgroup}/memory`;
  const one = `${cgroup}/memory/memory`;
  const isTwo = readText(`${two}.max`) !== undefined;
  const limit = readNumber(isTwo ? `${two}.max` : `${one}.limit_in_bytes`);
  const current = readNumber(isTwo ? `${two}.current` : `${one}.usage_in_bytes`);
  if (limit === undefined || current === undefined) return undefined;
  const stat = readText(isTwo ? `${two}.stat` : `${one}.stat`) ?? '';
  const value = (key: string): number => Number(new RegExp(`^${key} (\\d+)`, 'm').exec(stat)?.[1] ?? 0);
  return {
    limit,
    current,
    file: value(isTwo ? 'file' : 'total_cache'),
    inactiveFile: value(isTwo ? 'inactive_file' : 'total_inactive_file'),
  };
}

/** Reads memory and swap. */
export class MemoryReader implements PartReader<'memory'> {
  readonly part = 'memory';
  readonly everyMs = 0;
  readonly limitMs = 1000;
  readonly empty = parseMeminfo('');
  readonly #meminfo: string;
  readonly #cgroup: string;

  constructor(host: Host) {
    this.#meminfo = `${host.proc}/meminfo`;
    this.#cgroup = host.path('/sys/fs/cgroup');
  }

  async read(): Promise<Memory> {
    const text = readText(this.#meminfo);
    if (text === undefined) throw new Error(`${this.#meminfo} cannot be read`);
    return withinGroup(parseMeminfo(text), groupMemory(this.#cgroup));
  }
}
