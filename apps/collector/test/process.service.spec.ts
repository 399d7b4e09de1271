import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { ProcessService } from '../src/services/process.service';
import { ProcessTable } from '../src/sources/host/process-table';
import { Host } from '../src/store/host';

describe('signals', () => {
  const table = new ProcessTable(() => 1, new Host());
  /** A launcher of which nothing descends: so the children of this test are strangers, and this process is Lapwing. */
  const service = new ProcessService(table, undefined);

  it.each([0, 1, -1, -process.pid])('refuses pid %d', (pid) => {
    expect(() => service.signal(pid, 'SIGTERM')).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });

  it('refuses Lapwing itself and what descends from it', async () => {
    const child = spawn('sleep', ['30']);
    expect(() => service.signal(process.pid, 'SIGTERM')).toThrow(/belongs to Lapwing/);
    expect(() => service.signal(child.pid ?? 0, 'SIGTERM')).toThrow(/belongs to Lapwing/);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it('refuses the threads of Lapwing, whose numbers reach the whole process', () => {
    const threads = readdirSync('/proc/self/task').map(Number);
    expect(threads.length).toBeGreaterThan(1);
    for (const thread of threads) expect(() => service.signal(thread, 'SIGTERM')).toThrow(/belongs to Lapwing/);
  });

  it('refuses what descends from the launcher', () => {
    expect(() => new ProcessService(table, process.ppid).signal(process.ppid, 'SIGTERM')).toThrow(/belongs to Lapwing/);
  });

  it('says NOT_FOUND for a process that is not there', () => {
    expect(() => service.signal(4_000_000, 'SIGTERM')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });

  it('sends the signal to a process of others', async () => {
    // started by a shell that ends at once, so that it descends from nobody here
    const shell = spawn('sh', ['-c', 'setsid sleep 30 >/dev/null 2>&1 & echo $!'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [printed] = (await once(shell.stdout, 'data')) as [Buffer];
    await once(shell, 'exit');
    const pid = Number(printed.toString().trim());
    expect(table.parentOf(pid)).not.toBe(process.pid);
    service.signal(pid, 'SIGKILL');
    for (const until = performance.now() + 5000; performance.now() < until && isRunning(pid););
    expect(isRunning(pid)).toBe(false);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
