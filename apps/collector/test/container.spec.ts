import { Bus, EventFeed } from '@lapwing/bus';
import { hostSampled, processSignal, type HostSample } from '@lapwing/contracts';
import { NatsServer, eventually } from '@lapwing/testing';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { hostname, totalmem } from 'node:os';
import { Host } from '../src/store/host';
import { ContainedAgent } from './container-harness';

const here = new Host();
const isPossible = process.platform === 'linux' && process.getuid?.() === 0;
if (!isPossible) process.stderr.write('NOT TRIED: an agent in a container, which needs root to make namespaces\n');

(isPossible ? describe : describe.skip)('an agent in a container', () => {
  let nats: NatsServer;
  let bus: Bus;
  let feed: EventFeed<typeof hostSampled>;
  let agent: ContainedAgent;
  let samples: HostSample[] = [];

  beforeAll(async () => {
    nats = await NatsServer.start();
    bus = new Bus({
      service: 'gateway',
      servers: '',
      agent: { id: 'contained', door: () => ({ servers: nats.url, credentials: null }) },
    });
    bus.onModuleInit();
    await eventually(() => bus.online);
    feed = new EventFeed(bus, hostSampled, ({ payload }) => (samples = [...samples, ...payload.samples]));
    feed.start();
    agent = await ContainedAgent.start({
      NATS_URL: nats.url,
      COLLECTOR_AGENT_ID: 'contained',
      COLLECTOR_INTERVAL: '1',
    });
    await eventually(() => {
      if (agent.hasEnded) throw new Error(agent.printed);
      expect(samples.length).toBeGreaterThan(2);
      expect(samples.at(-1)?.systemd.available).toBe(true);
    }, 30_000);
  }, 60_000);
  afterAll(async () => {
    await agent?.remove();
    await feed?.stop();
    await bus?.onApplicationShutdown();
    await nats?.stop();
  });

  const last = (): HostSample => {
    const sample = samples.at(-1);
    if (!sample) throw new Error(agent.printed);
    return sample;
  };

  it('tells what the host is, and not the container', () => {
    const release = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    const name = new Host('/.').name;
    expect(last().system).toMatchObject({ distro: release, hostname: name });
    expect([name, hostname()]).not.toContain('0123456789ab');
  });

  it("has the host's memory, processor and disks, and nothing stale", () => {
    const { memory, disk, cpu, stale } = last();
    expect(stale).toEqual([]);
    expect(memory.total).toBe(totalmem());
    expect(cpu.cores.length).toBe(readFileSync('/proc/stat', 'utf8').match(/^cpu\d+/gm)?.length);
    const df = execFileSync('df', ['-B1', '--output=size', '/'], { encoding: 'utf8' });
    expect(disk.mounts.find(({ mountpoint }) => mountpoint === '/')?.total).toBe(Number(df.split('\n')[1]));
    expect(disk.mounts.filter(({ mountpoint }) => /^\/(host|data|app)\b/.test(mountpoint))).toEqual([]);
  });

  it("runs the host's systemctl in the host's root", () => {
    const id = /^ID=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    expect(last().systemd.services).toEqual([{ name: `${id}.service`, state: 'active', subState: '1' }]);
  });

  it("has the host's processes and users, and sends signals to those of others", async () => {
    const child = spawn('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'sleep', '60'], {
      detached: true,
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    await eventually(() => bus.command(processSignal, 'contained', { pid: child.pid ?? 0, signal: 'SIGTERM' }));
    expect(await ended).toEqual([null, 'SIGTERM']);
    expect(last().processes.total).toBeGreaterThan(3);
    const users = new Set(last().processes.topByMemory.map(({ user }) => user));
    expect([...users]).toContain('root');
    expect([...users]).not.toContain('nobodyelse');
  });

  it('ends when it is told to', async () => {
    expect(here.line(`/proc/${agent.pid}/status`)).toMatch(/^CapEff:\s+0000000000040024$/m);
    await agent.remove();
    expect(agent.hasEnded).toBe(true);
  });
});
