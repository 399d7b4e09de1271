import { Bus, EventFeed } from '@lapwing/bus';
import { hostSampled, processSignal, type HostSample } from '@lapwing/contracts';
import { FileServer, NatsServer, eventually } from '@lapwing/testing';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { Machine, whyNoMachine } from './systemd-machine';

const root = path.resolve(__dirname, '..');
const reason = whyNoMachine();
if (reason !== undefined) process.stderr.write(`NOT TRIED: the agent as a service of a real systemd: ${reason}\n`);

(reason === undefined ? describe : describe.skip)('the agent as a service of systemd', () => {
  const home = fs.mkdtempSync(path.join(tmpdir(), 'lapwing-agent-service-'));
  let machine: Machine;
  let server: FileServer;
  let nats: NatsServer;
  let bus: Bus;
  let feed: EventFeed<typeof hostSampled>;
  let last: HostSample | undefined;

  beforeAll(async () => {
    server = await FileServer.start(path.join(home, 'served'));
    const agent = fs.readFileSync(path.join(root, 'apps/collector/dist/agent/lapwing-agent.mjs'));
    fs.mkdirSync(path.join(home, 'served'));
    fs.writeFileSync(path.join(home, 'served/lapwing-agent.mjs'), agent);
    const script = fs
      .readFileSync(path.join(root, 'apps/gateway/scripts/install-agent.sh'), 'utf8')
      .replace('@MODE@', 'host')
      .replace('@URL@', server.url)
      .replace('@SHA256@', createHash('sha256').update(agent).digest('hex'));
    fs.mkdirSync(path.join(home, 'release'));
    fs.writeFileSync(path.join(home, 'release/install-agent.sh'), script);
    nats = await NatsServer.start();
    bus = new Bus({
      service: 'gateway',
      servers: '',
      agent: { id: 'unit', door: () => ({ servers: nats.url, credentials: null }) },
    });
    bus.onModuleInit();
    await eventually(() => bus.online);
    feed = new EventFeed(bus, hostSampled, ({ payload }) => (last = payload.samples.at(-1)));
    feed.start();
    machine = await Machine.boot('', path.join(home, 'release'));
  }, 60_000);
  afterAll(async () => {
    await machine?.end();
    await feed?.stop();
    await bus?.onApplicationShutdown();
    await nats?.stop();
    await server?.stop();
    fs.rmSync(home, { recursive: true, force: true });
  }, 60_000);

  const show = (property: string): Promise<string> =>
    machine.done('systemctl', 'show', '--value', '-p', property, 'lapwing-agent.service');

  it('is installed and runs, with the privileges that it needs and no others', async () => {
    const out = await machine.done('bash', '/srv/release/install-agent.sh', '--agent-id', 'unit', '--interval', '1');
    expect(out).toContain('lapwing-agent is installed');
    const status = await machine.done('cat', `/proc/${await show('MainPID')}/status`);
    // CAP_DAC_READ_SEARCH, CAP_KILL and CAP_SYS_PTRACE. Source: linux/capability.h.
    for (const set of ['Eff', 'Bnd']) expect(status).toMatch(new RegExp(`^Cap${set}:\\s+0000000000080024$`, 'm'));
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
  });

  it('reads every part of its host, and the services of systemd', async () => {
    await machine.done('sed', '-i', `s|^LAPWING_URL=.*|NATS_URL=${nats.url}|`, '/etc/lapwing/lapwing-agent.env');
    await machine.done('systemctl', 'restart', 'lapwing-agent.service');
    await eventually(async () => {
      if (last?.systemd.available !== true) throw new Error(await machine.done('journalctl', '-u', 'lapwing-agent'));
    }, 30_000);
    expect(last?.stale).toEqual([]);
    expect(last?.systemd.services).toContainEqual({
      name: 'lapwing-agent.service',
      state: 'active',
      subState: 'running',
    });
    expect(last?.memory.total).toBe(totalmem());
    const [, size = ''] = (await machine.done('df', '-B1', '--output=size', '/srv/release')).split('\n');
    expect(last?.disk.mounts.map(({ total }) => total)).toContain(Number(size));
    expect(last?.network.interfaces.length).toBeGreaterThan(0);
    expect(last?.processes.topByMemory.map(({ name }) => name)).toContain('systemd');
  }, 60_000);

  it('sends signals to the processes of others', async () => {
    const user = 'setpriv --reuid=65534 --regid=65534 --clear-groups';
    const pid = Number(await machine.done('sh', '-c', `setsid ${user} sleep 300 >/dev/null 2>&1 & echo $!`));
    const name = async (): Promise<string> => (await machine.run('cat', `/proc/${pid}/comm`)).out.trim();
    await eventually(async () => expect(await name()).toBe('sleep'));
    await bus.command(processSignal, 'unit', { pid, signal: 'SIGKILL' });
    await eventually(async () => expect(await name()).toBe(''));
  });

  it('can read what belongs to others, and cannot change it', async () => {
    const inside = async (script: string): Promise<string> => {
      const entered = [
        'nsenter',
        '-t',
        await show('MainPID'),
        '-m',
        '--',
        'setpriv',
        '--no-new-privs',
        '--inh-caps=-all',
      ];
      const bounded = ['--bounding-set=-all,+dac_read_search,+sys_ptrace,+kill'];
      const { out, err } = await machine.run(...entered, ...bounded, 'sh', '-c', script);
      return out + err;
    };
    await machine.done('sh', '-c', 'cd /var/log; echo theirs >app.log; chmod 600 app.log; chown 65534:65534 app.log');
    expect(await inside('cat /var/log/app.log')).toBe('theirs\n');
    for (const file of ['/var/log/app.log', '/etc/x', '/opt/lapwing/x', '/home/x'])
      expect(await inside(`echo 1 >${file}`)).toMatch(/Read-only file system|Permission denied/);
    expect(await inside('journalctl -n 1 -o cat -u lapwing-agent')).not.toMatch(/^$|No journal|permission/i);
  });

  it('can be told to stop for good, as the Docker agent is', async () => {
    const lines = [
      '[Service]',
      'Type=oneshot',
      'CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_KILL',
      'NoNewPrivileges=true',
      'ExecStart=/usr/bin/systemctl disable lapwing-agent.service',
    ];
    await machine.done('sh', '-c', `printf '%s\\n' "$@" >/run/systemd/system/leave.service`, 'sh', ...lines);
    await machine.done('systemctl', 'start', 'leave.service');
    expect(await show('UnitFileState')).toBe('disabled');
  });

  it('is taken away with all that it left', async () => {
    await machine.done('bash', '/srv/release/install-agent.sh', '--uninstall');
    const places = ['/var/lib/lapwing-agent', '/opt/lapwing/lapwing-agent.mjs', '/etc/lapwing/lapwing-agent.env'];
    expect((await machine.run('ls', ...places)).out).toBe('');
    expect((await machine.run('systemctl', 'cat', 'lapwing-agent.service')).status).toBe(1);
  });
});
