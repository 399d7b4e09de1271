import { HostFigures } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { HostSource } from '../src/sources/host/host.source';
import { hostReaders } from '../src/sources/registry';
import { Host } from '../src/store/host';

const onLinux = process.platform === 'linux' ? describe : describe.skip;
const near = (value: number, expected: number, share: number): void => {
  expect(Math.abs(value - expected)).toBeLessThanOrEqual(Math.max(expected * share, 1));
};

onLinux.each(['linux', 'darwin'] as const)('this machine, read as %s', (platform) => {
  let source: HostSource;
  let processes: Awaited<ReturnType<typeof hostReaders>>['processes'];

  beforeAll(async () => {
    const host = await hostReaders(platform, '/nowhere/docker.sock', new Host());
    processes = host.processes;
    source = new HostSource(host.readers);
    await source.read();
    await pause(1500);
  });

  it('follows the contract, with nothing stale', async () => {
    const { stale, ...figures } = await source.read();
    expect(stale).toEqual([]);
    expect(HostFigures.parse(figures)).toEqual(figures);
    expect(figures.system.hostname).toBe(hostname());
  });

  it('has the memory that /proc/meminfo tells', async () => {
    const { memory } = await source.read();
    const value = (key: string): number =>
      Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
    expect(memory.total).toBe(value('MemTotal'));
    near(memory.available, value('MemAvailable'), 0.05);
    expect(memory.used).toBeLessThan(memory.total);
  });

  it('has the mounts that df tells', async () => {
    const { disk } = await source.read();
    const df = execFileSync('df', ['-B1', '--output=target,size,used,avail', '/'], { encoding: 'utf8' });
    const [, size = 0, used = 0, available = 0] = (df.trim().split('\n')[1] ?? '').split(/\s+/).map(Number);
    const root = disk.mounts.find((mount) => mount.mountpoint === '/');
    expect(root?.total).toBe(size);
    near(root?.used ?? 0, used, 0.02);
    near(root?.free ?? 0, available, 0.02);
    expect(new Set(disk.mounts.map((mount) => mount.mountpoint)).size).toBe(disk.mounts.length);
  });

  it('has the cores, the load, and a use that rises with work', async () => {
    const cores = readFileSync('/proc/stat', 'utf8').match(/^cpu\d+/gm)?.length;
    await source.read();
    for (const until = performance.now() + 700; performance.now() < until;);
    const { cpu } = await source.read();
    expect(cpu.cores).toHaveLength(cores ?? 0);
    expect(cpu.totalUsage).toBeGreaterThan(50 / (cores ?? 1));
    near(cpu.loadAverage.one, Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]), 0.2);
  });

  it('has the interfaces without the loopback', async () => {
    const { network } = await source.read();
    expect(network.interfaces.map((nic) => nic.name)).not.toContain('lo');
    for (const nic of network.interfaces.filter(({ name }) => readdirSync('/sys/class/net').includes(name)))
      near(nic.rxBytes, Number(readFileSync(`/sys/class/net/${nic.name}/statistics/rx_bytes`, 'utf8')), 0.05);
  });

  it('has the processes, this one among the busiest by memory', async () => {
    const running = (): number => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length;
    // Other tests start and end processes meanwhile: a moment is looked for in which none did.
    const part = await eventually(async () => {
      const before = running();
      const { processes: read } = await source.read();
      expect(Math.abs(before - running())).toBeLessThanOrEqual(2);
      expect(Math.abs(read.total - before)).toBeLessThanOrEqual(10);
      return read;
    });
    expect(part.topByMemory).toHaveLength(Math.min(10, part.total));
    const memories = part.topByMemory.map((entry) => entry.memory);
    expect(memories).toEqual(memories.toSorted((a, b) => b - a));
  });

  it('knows one process in full', async () => {
    await processes.scan();
    const detail = await processes.detail(process.pid);
    expect(detail.cmdline).toContain('jest');
    expect(Math.abs(detail.startTime - (Date.now() - process.uptime() * 1000))).toBeLessThan(3000);
    near(detail.memory, process.memoryUsage().rss, 0.3);
    expect(processes.parentOf(process.pid)).toBe(process.ppid);
    await expect(processes.detail(4_000_000)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('says what is not there', async () => {
    const { docker, gpu } = await source.read();
    expect(docker).toEqual({ available: false, containers: [] });
    expect(gpu.available).toBe(gpu.gpus.length > 0);
  });
});
