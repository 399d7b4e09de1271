import { LapwingError, signals, type SignalName } from '@lapwing/contracts';
import type { Processes } from '../sources/source.js';

const MAX_DEPTH = 64;

/** Sends signals to processes, and keeps Lapwing's own and the first process of the host out of reach. */
export class ProcessService {
  /** @param launcherPid the process that started all of Lapwing on this machine, where there is one. */
  constructor(
    private readonly table: Processes,
    private readonly launcherPid: number | undefined,
  ) {}

  /**
   * Sends a signal to exactly one process.
   * @throws LapwingError `FORBIDDEN` for pids below 2, Lapwing's own processes and where the kernel refuses; `NOT_FOUND`.
   */
  signal(pid: number, signal: SignalName): void {
    if (pid <= 1)
      throw new LapwingError(
        'FORBIDDEN',
        `process ${pid} may not be signalled: it is no single process, or the host's first`,
        { pid },
      );
    if (this.#isOurs(pid))
      throw new LapwingError('FORBIDDEN', `process ${pid} belongs to Lapwing and may not be signalled`, { pid });
    try {
      process.kill(pid, signals[signal]);
    } catch (error) {
      throw refusal(error, pid);
    }
  }

  /** Whether a process is this one, the launcher, or descends from either. */
  #isOurs(pid: number): boolean {
    const ours = new Set([process.pid, ...(this.launcherPid === undefined ? [] : [this.launcherPid])]);
    for (let at = pid, depth = 0; at > 1 && depth < MAX_DEPTH; at = this.table.parentOf(at), depth++)
      if (ours.has(at)) return true;
    return false;
  }
}

function refusal(error: unknown, pid: number): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ESRCH') return new LapwingError('NOT_FOUND', `no process ${pid}`, { pid });
  // EACCES: a rule of AppArmor or SELinux, as for an agent in a container that is held to its runtime's.
  if (code === 'EPERM' || code === 'EACCES')
    return new LapwingError('FORBIDDEN', `the kernel does not let Lapwing's user signal process ${pid} (${code})`, {
      pid,
    });
  return error;
}
