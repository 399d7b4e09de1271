import { LapwingError, type ProcessDetail, type ProcessEntry } from '@lapwing/contracts';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Host } from '../../store/host.js';
import { Processes } from '../source.js';
import { kernelConstants, monotonicSeconds, percentOf, readText } from './proc.js';

/** What /proc/<pid>/stat tells of a process. Ticks and pages are the kernel's. */
export interface ProcessStat {
  pid: number;
  name: string;
  state: string;
  parent: number;
  ticks: number;
  threads: number;
  startTicks: number;
  pages: number;
}

/** Reads /proc/<pid>/stat; the name may hold anything, spaces and brackets too. Source: proc_pid_stat(5). */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const fields = text.slice(close + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3] ?? 0);
  return {
    pid: Number.parseInt(text, 10),
    name: text.slice(open + 1, close),
    state: fields[0] ?? '?',
    parent: field(4),
    ticks: field(14) + field(15),
    threads: field(20),
    startTicks: field(22),
    pages: field(24),
  };
}

type Row = ProcessStat & { cpu: number };

/** Processes read before other work gets its turn: about a millisecond. */
const CHUNK = 64;
const USERS_EVERY_SECONDS = 300;

/** The processes of a Linux host, read from /proc: always its own, so that a number means here what it means to whoever sends a signal. */
export class ProcessTable extends Processes {
  readonly #constants = kernelConstants();
  readonly #memoryTotal: () => number;
  #rows = new Map<number, Row>();
  #scannedAt = 0;
  #users = new Map<number, string>();
  #usersAt = Number.NEGATIVE_INFINITY;

  /** @param memoryTotal tells the memory of the host in bytes, for shares of it. */
  constructor(
    memoryTotal: () => number,
    private readonly host: Host,
  ) {
    super();
    this.#memoryTotal = memoryTotal;
  }

  override get total(): number {
    return this.#rows.size;
  }

  override async scan(): Promise<void> {
    const at = monotonicSeconds();
    const elapsed = (at - this.#scannedAt) * this.#constants.ticksPerSecond;
    const rows = new Map<number, Row>();
    let read = 0;
    for (const name of readdirSync('/proc')) {
      const first = name.charCodeAt(0);
      if (first < 48 || first > 57) continue;
      if (++read % CHUNK === 0) await breathe();
      const stat = parseProcessStat(readText(`/proc/${name}/stat`) ?? '');
      if (!stat) continue;
      const before = this.#rows.get(stat.pid);
      const known = before?.startTicks === stat.startTicks ? before : undefined;
      const cpu = known && elapsed > 0 ? Math.max(stat.ticks - known.ticks, 0) / elapsed : 0;
      rows.set(stat.pid, { ...stat, cpu: Math.round(cpu * 10_000) / 100 });
    }
    this.#rows = rows;
    this.#scannedAt = at;
  }

  override top(by: 'cpu' | 'memory', limit: number): ProcessEntry[] {
    const weight = by === 'cpu' ? (row: Row) => row.cpu * 1e9 + row.pages : (row: Row) => row.pages;
    return [...this.#rows.values()]
      .toSorted((a, b) => weight(b) - weight(a))
      .slice(0, limit)
      .map((row) => this.#entry(row));
  }

  override async detail(pid: number): Promise<ProcessDetail> {
    const stat = parseProcessStat(readText(`/proc/${pid}/stat`) ?? '');
    // A thread's number has an entry in /proc too, but is no process.
    const isProcess = stat && /^Tgid:\s+(\d+)$/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1] === String(pid);
    if (!stat || !isProcess) throw new LapwingError('NOT_FOUND', `no process ${pid}`, { pid });
    const known = this.#rows.get(pid);
    const cpu = known?.startTicks === stat.startTicks ? known.cpu : 0;
    const cmdline = Buffer.from(readText(`/proc/${pid}/cmdline`) ?? '', 'latin1').toString();
    const bootTime = Number(/^btime (\d+)$/m.exec(readText('/proc/stat') ?? '')?.[1] ?? 0);
    const startTime = Math.round((bootTime + stat.startTicks / this.#constants.ticksPerSecond) * 1000);
    return {
      ...this.#entry({ ...stat, cpu }),
      cmdline: cmdline.replaceAll('\0', ' ').trim() || `[${stat.name}]`,
      startTime,
    };
  }

  override parentOf(pid: number): number {
    const status = readText(`/proc/${pid}/status`) ?? '';
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)$`, 'm').exec(status)?.[1] ?? 0);
    // A thread's number reaches its process, too: that is then what it belongs to.
    const process = field('Tgid');
    return process === pid ? field('PPid') : process;
  }

  #entry(row: Row): ProcessEntry {
    const memory = row.pages * this.#constants.pageSize;
    return {
      pid: row.pid,
      name: Buffer.from(row.name, 'latin1').toString(),
      user: this.#userOf(row.pid),
      state: row.state,
      cpu: row.cpu,
      memory,
      memoryPercent: percentOf(memory, this.#memoryTotal()),
      threads: row.threads,
    };
  }

  #userOf(pid: number): string {
    try {
      const { uid } = statSync(`/proc/${pid}`);
      if (monotonicSeconds() - this.#usersAt > USERS_EVERY_SECONDS) this.#readUsers();
      return this.#users.get(uid) ?? String(uid);
    } catch {
      return '';
    }
  }

  #readUsers(): void {
    this.#usersAt = monotonicSeconds();
    const lines = readFileSync(this.host.path('/etc/passwd'), 'utf8').split('\n');
    this.#users = new Map(lines.map((line) => line.split(':')).map(([name = '', , uid]) => [Number(uid), name]));
  }
}
