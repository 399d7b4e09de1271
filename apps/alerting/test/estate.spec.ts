import type { BackupTask, ProxmoxGuest, ProxmoxNode } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { Alerting, atOnce } from './harness';
import { container, dockerHost, guest, pveNode } from './things';

describe('what alerts are about', () => {
  let alerting: Alerting;
  beforeEach(async () => {
    alerting = await Alerting.start();
    await alerting.configure(atOnce);
    await alerting.target('pve-1', 'pve', 'home');
  }, 60_000);
  afterEach(() => alerting.stop());

  const guests = (items: ProxmoxGuest[], time?: number) => alerting.observe('pve-1', 'guests', items, time);
  const nodes = (items: ProxmoxNode[], time?: number) => alerting.observe('pve-1', 'nodes', items, time);

  it('guests, as the state names them; one that is switched off is told, and its figures are not', async () => {
    const now = Date.now();
    await guests([guest({ cpu: 95 }), guest({ vmid: 101, status: 'stopped' })], now - 40_000);
    await alerting.until(['home-pve1-100-cpu']);
    await guests([guest({ status: 'stopped' })], now - 30_000);
    await alerting.until([]);
    await guests([guest({ status: 'stopped' })], now - 20_000);
    const [alert] = await alerting.until(['home-pve1-100-powered-off']);
    expect(alert).toMatchObject({
      message: 'Guest web is not running',
      level: 'warning',
      startedAt: now - 30_000,
      resource: { type: 'guest', node: 'pve1', instance: 'home', parents: ['home-pve1', 'pve:home'] },
    });
    await guests([guest({})], now - 10_000);
    await alerting.until([]);
    await guests([guest({ cpu: 95 })], now);
    await alerting.until(['home-pve1-100-cpu']);
    // A target that is removed while nobody judges leaves nothing behind.
    await alerting.apps.pop()?.close();
    alerting.nodes.length = 0;
    await alerting.serve();
    await alerting.until([]);
  }, 60_000);

  it('a hypervisor that is down: one alert, and what it carries is kept quiet and listed in it', async () => {
    await alerting.webhook();
    const now = Date.now();
    await nodes([pveNode('pve1'), pveNode('pve2')], now - 60_000);
    await guests([guest({}), guest({ vmid: 101, name: 'db' })], now - 60_000);
    await alerting.presence('web', 'online', now - 60_000);
    await alerting.sample('web', now - 55_000);
    alerting.reported([
      dockerHost('docker-1', { hostname: 'db', containers: [container('app')], lastSeenAt: now - 50_000 }),
    ]);
    await alerting.judged('docker:docker-1');
    for (const ago of [30_000, 20_000, 10_000]) {
      await nodes([{ ...pveNode('pve1'), status: 'offline' }, pveNode('pve2')], now - ago);
      await guests([guest({ status: 'unknown' }), guest({ vmid: 101, name: 'db', status: 'unknown' })], now - ago);
    }
    const [down] = await alerting.until(['home-pve1-connectivity']);
    expect(down?.affected.map(({ name }) => name).toSorted()).toEqual(['app', 'db', 'db', 'web', 'web']);
    expect(down?.affectedCount).toBe(5);
    await alerting.presence('web', 'offline', now);
    alerting.reported([
      { ...dockerHost('docker-1', { hostname: 'db', containers: [container('app')] }), status: 'offline' },
    ]);
    const open = await alerting.until(['home-pve1-connectivity', 'web-connectivity', 'docker:docker-1-connectivity']);
    expect(open.find(({ id }) => id === 'web-connectivity')?.resource.parents).toContain('home-pve1');
    await eventually(async () => {
      const quiet = (await alerting.open()).filter(({ inhibitedBy }) => inhibitedBy === 'home-pve1-connectivity');
      expect(quiet.map(({ id }) => id).toSorted()).toEqual(['docker:docker-1-connectivity', 'web-connectivity']);
    }, 30_000);
    const told = () => alerting.received().map(({ alert }) => alert?.id);
    await eventually(() => expect(told()).toEqual(['home-pve1-connectivity']), 20_000);
    // What is still away when its hypervisor is back has some time to come back, and is told after that.
    await nodes([pveNode('pve1'), pveNode('pve2')], now + 1000);
    await eventually(async () => {
      const web = (await alerting.open()).find(({ id }) => id === 'web-connectivity');
      expect(web).toMatchObject({ inhibitedBy: null, quiet: 'what it stands on has just come back' });
    }, 30_000);
  }, 90_000);

  it('load of a backup is kept quiet while the backup runs, and told when it goes on', async () => {
    const now = Date.now();
    const task = { upid: 'UPID:1', node: 'pve1', guestType: 'qemu', vmid: 100, status: '', size: 0, error: '' };
    const running: BackupTask = { ...task, startedAt: now - 60_000, endedAt: null };
    await alerting.observe('pve-1', 'backupTasks', [running]);
    await guests([guest({ cpu: 99, lock: 'backup' }), guest({ vmid: 101, name: 'db', cpu: 99 })], now - 20_000);
    await alerting.until(['home-pve1-101-cpu']);
    await alerting.observe('pve-1', 'backupTasks', [{ ...running, status: 'OK', endedAt: now }]);
    await guests([guest({ cpu: 99 }), guest({ vmid: 101, name: 'db', cpu: 99 })], now - 10_000);
    expect(await alerting.until(['home-pve1-100-cpu', 'home-pve1-101-cpu'])).toHaveLength(2);
  });

  it('containers: an end that nobody asked for, a failing health check, restarts without end', async () => {
    const now = Date.now();
    const host = (changes: Parameters<typeof container>[1], at: number) =>
      dockerHost('docker-1', {
        hostname: 'apps',
        containers: [container('app', changes), container('fine')],
        lastSeenAt: at,
      });
    alerting.reported([host({}, now - 60_000)]);
    await alerting.judged('docker:docker-1');
    alerting.reported([host({ health: 'unhealthy', restartCount: 4 }, now - 50_000)]);
    await alerting.until(['docker:docker-1/app-container-health', 'docker:docker-1/app-restart-loop']);
    for (const ago of [40_000, 30_000]) {
      alerting.reported([host({ state: 'exited', exitCode: 137, restartCount: 4 }, now - ago)]);
      await alerting.until(
        ago === 40_000
          ? ['docker:docker-1/app-oom', 'docker:docker-1/app-restart-loop']
          : ['docker:docker-1/app-container-state', 'docker:docker-1/app-oom', 'docker:docker-1/app-restart-loop'],
      );
    }
    alerting.reported([]);
    expect(await alerting.until([])).toEqual([]);
  });

  it('an agent that reports no more; it is over with the next sample', async () => {
    await alerting.sample('web-1', Date.now() - 20_000);
    await alerting.presence('web-1', 'offline', Date.now() - 1000);
    const [alert] = await alerting.until(['web-1-connectivity']);
    expect(alert).toMatchObject({ level: 'critical', message: 'Host web-1 is not reachable' });
    await alerting.sample('web-1', Date.now());
    await alerting.until([]);
  });

  it('is not about agents that have just been let in', async () => {
    const event = {
      agentId: 'new',
      change: 'approved' as const,
      status: 'offline' as const,
      message: '',
      time: Date.now(),
    };
    await alerting.announce(event);
    await alerting.cpu('web-2', Date.now(), 99);
    expect(await alerting.until(['web-2-cpu'])).toHaveLength(1);
  });
});
