import { LapwingError, type ProcessDetail, type ProcessEntry } from '@lapwing/contracts';
import si from 'systeminformation';
import { Processes } from '../../source.js';

type Row = si.Systeminformation.ProcessesProcessData;

/** The processes of a machine without /proc, as systeminformation reads them. */
export class PortableProcessTable extends Processes {
  #rows: Row[] = [];

  override get total(): number {
    return this.#rows.length;
  }

  override async scan(): Promise<void> {
    this.#rows = (await si.processes()).list;
  }

  override top(by: 'cpu' | 'memory', limit: number): ProcessEntry[] {
    const weight = by === 'cpu' ? (row: Row) => row.cpu * 1e9 + row.memRss : (row: Row) => row.memRss;
    return this.#rows
      .toSorted((a, b) => weight(b) - weight(a))
      .slice(0, limit)
      .map(entryOf);
  }

  override async detail(pid: number): Promise<ProcessDetail> {
    const row = (await si.processes()).list.find((one) => one.pid === pid);
    if (!row) throw new LapwingError('NOT_FOUND', `no process ${pid}`, { pid });
    const startTime = Math.max(Date.parse(row.started) || 0, 0);
    return { ...entryOf(row), cmdline: `${row.command} ${row.params}`.trim(), startTime };
  }

  override parentOf(pid: number): number {
    return this.#rows.find((row) => row.pid === pid)?.parentPid ?? 0;
  }
}

function entryOf({ pid, name, user, state, cpu, memRss, mem }: Row): ProcessEntry {
  return {
    pid,
    name,
    user,
    state,
    cpu: Math.max(cpu, 0),
    memory: Math.max(memRss, 0) * 1024,
    memoryPercent: Math.min(Math.max(mem, 0), 100),
    threads: 0, // systeminformation does not tell
  };
}
