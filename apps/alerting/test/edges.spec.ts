import { alertAcknowledge, alerthistoryClear, deliveryList, silenceCreate, type LinkStatus } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { Alerting, actor, atOnce } from './harness';
import { container, dockerHost, guest, pveNode } from './things';

const unreachable: LinkStatus = {
  type: 'pve',
  host: 'https://home.example.com:8006',
  status: 'offline',
  health: 'error',
  fault: 'auth',
  error: 'the token is not accepted',
  version: '',
  isCluster: false,
  clusterName: '',
  endpoints: [],
  reachedAt: null,
  intervalSeconds: 10,
  failures: 3,
};

describe('edges of alerting', () => {
  let alerting: Alerting;
  beforeEach(async () => {
    alerting = await Alerting.start();
    await alerting.configure(atOnce);
  }, 60_000);
  afterEach(() => alerting.stop());

  const deliveries = async () => (await alerting.bus.request(deliveryList, {})).deliveries;
  const told = (count: number) => eventually(() => expect(alerting.receiver.requests).toHaveLength(count), 25_000);

  it('a warning that quiet hours hold is told when it becomes critical', async () => {
    await alerting.webhook();
    await alerting.configure({ schedule: { quietHours: { enabled: true, start: '00:00', end: '00:00' } } });
    await alerting.cpu('web-1', Date.now(), 85);
    await eventually(async () => expect((await alerting.open())[0]?.quiet).toBe('quiet hours'));
    await alerting.cpu('web-1', Date.now() + 1000, 99);
    await told(1);
    expect((await deliveries()).map(({ kind }) => kind)).toEqual(['firing']);
  });

  it('two steps of escalation that are due together reach all whom they name', async () => {
    await alerting.webhook();
    const levels = [
      { after: 1, notify: 'email' },
      { after: 2, notify: 'webhook' },
    ];
    await alerting.configure({ schedule: { escalation: { enabled: true, levels } } });
    await alerting.cpu('web-1', Date.now() - 200_000, 99);
    await eventually(async () => {
      const escalations = (await deliveries()).filter(({ kind }) => kind === 'escalation');
      expect(escalations).toHaveLength(1);
    }, 20_000);
  }, 40_000);

  it('that it is over does not overtake that it fires', async () => {
    await alerting.webhook();
    alerting.receiver.answer = () => (alerting.receiver.requests.length === 1 ? { status: 503 } : {});
    await alerting.cpu('web-1', Date.now(), 99);
    await eventually(async () => expect((await deliveries())[0]?.status).toBe('retrying'));
    await alerting.cpu('web-1', Date.now() + 1000, 10);
    await told(3);
    const kinds = alerting.receiver.requests.map(({ body }) => (JSON.parse(body) as { event: string }).event);
    expect(kinds).toEqual(['firing', 'firing', 'resolved']);
  }, 40_000);

  it('that it is over is not told to whom that it fires could not be told', async () => {
    await alerting.webhook();
    alerting.receiver.answer = () => ({ status: alerting.receiver.requests.length === 1 ? 503 : 400 });
    await alerting.cpu('web-1', Date.now(), 99);
    await eventually(async () => expect((await deliveries())[0]?.status).toBe('retrying'));
    await alerting.cpu('web-1', Date.now() + 1000, 10);
    await eventually(async () => {
      const all = (await deliveries()).map(({ kind, status, code }) => `${kind} ${status} ${code}`);
      expect(all).toEqual(['resolved failed null', 'firing failed 400']);
    }, 25_000);
    expect(alerting.receiver.requests).toHaveLength(2);
  }, 40_000);

  it('a stream of samples that was lost and made anew is read from its beginning', async () => {
    await alerting.cpu('web-1', Date.now(), 10);
    await alerting.judged('host:web-1');
    await alerting.apps.pop()?.close();
    await alerting.rows('UPDATE alerting.partition SET position = 1000000');
    await alerting.serve();
    await alerting.cpu('web-1', Date.now() + 1000, 99);
    expect(await alerting.until(['web-1-cpu'])).toHaveLength(1);
  }, 60_000);

  it('what a deleted agent said last does not bring it back', async () => {
    await alerting.cpu('web-1', Date.now() - 5000, 10);
    await alerting.judged('host:web-1');
    await alerting.announce({ agentId: 'web-1', change: 'deleted', status: null, message: '', time: Date.now() });
    await eventually(async () => {
      const seen = await alerting.rows(`SELECT 1 FROM alerting.partition WHERE state -> 'seen' @> '[["host:web-1"]]'`);
      expect(seen).toEqual([]);
    });
    await alerting.cpu('web-1', Date.now() - 2000, 99);
    await alerting.cpu('web-2', Date.now(), 99);
    expect(await alerting.until(['web-2-cpu'])).toHaveLength(1);
  });

  it('the last Docker host that is removed while nobody judges leaves nothing behind', async () => {
    const host = dockerHost('docker-1', {
      hostname: 'a',
      containers: [container('app')],
      lastSeenAt: Date.now() - 50_000,
    });
    alerting.reported([host]);
    await alerting.judged('docker:docker-1');
    alerting.reported([{ ...host, status: 'offline' }]);
    await alerting.until(['docker:docker-1-connectivity']);
    await alerting.apps.pop()?.close();
    alerting.dockerHosts = [];
    await alerting.serve();
    expect(await alerting.until([])).toEqual([]);
  }, 60_000);

  it('that it is over is told though alerts were switched off meanwhile', async () => {
    await alerting.webhook();
    await alerting.cpu('web-1', Date.now(), 99);
    await told(1);
    await alerting.configure({ enabled: false });
    await told(2);
    expect((await deliveries()).map(({ kind }) => kind)).toEqual(['resolved', 'firing']);
  });

  it('a host that reports is told of, though the way to its hypervisor is shut', async () => {
    await alerting.webhook();
    await alerting.target('pve-1', 'pve', 'home');
    const now = Date.now();
    await alerting.observe('pve-1', 'nodes', [pveNode('pve1')], now - 60_000);
    await alerting.observe('pve-1', 'guests', [guest({})], now - 60_000);
    await alerting.sample('web', now - 50_000);
    await alerting.observe('pve-1', 'link', [unreachable], now - 30_000);
    await alerting.until(['pve:home-connectivity']);
    await alerting.cpu('web', now, 99);
    await told(2);
    const [cpu] = (await alerting.open()).filter(({ id }) => id === 'web-cpu');
    expect(cpu).toMatchObject({ inhibitedBy: null, quiet: '' });
  });

  it('emptying the history leaves what is still to be told', async () => {
    await alerting.webhook();
    await alerting.cpu('web-1', Date.now(), 99);
    await told(1);
    await alerting.configure({ aggregation: { windowSeconds: 2 } });
    await alerting.cpu('web-1', Date.now() + 1000, 10);
    await alerting.until([]);
    await alerting.bus.request(alerthistoryClear, { actor });
    await told(2);
    expect((await deliveries()).map(({ kind }) => kind)).toEqual(['resolved', 'firing']);
  });

  it('a clock that was ahead for a moment does not blind anybody', async () => {
    await alerting.cpu('web-1', Date.now() + 86_400_000, 10);
    await alerting.judged('host:web-1');
    await alerting.cpu('web-1', Date.now() + 1000, 99);
    expect(await alerting.until(['web-1-cpu'])).toHaveLength(1);
  });

  it('a silence with a long comment keeps quiet, and breaks nothing', async () => {
    const matchers = [{ name: 'resourceId' as const, value: 'web-1' }];
    const draft = { matchers, startsAt: Date.now() - 1000, endsAt: Date.now() + 3_600_000, comment: 'x'.repeat(1000) };
    await alerting.bus.request(silenceCreate, { actor, draft });
    await alerting.cpu('web-1', Date.now(), 99);
    await eventually(async () => expect((await alerting.open())[0]?.quiet).toMatch(/^silenced by admin: x+$/));
  });

  it('what waits for news of its hypervisor is not hurried by another alert of its group', async () => {
    await alerting.webhook();
    await alerting.target('pve-1', 'pve', 'home');
    const now = Date.now();
    const guests = (web: string, cpu: number, ago: number) =>
      alerting.observe('pve-1', 'guests', [guest({ status: web }), guest({ vmid: 101, name: 'db', cpu })], now - ago);
    await guests('running', 5, 60_000);
    await guests('stopped', 5, 50_000);
    await guests('stopped', 99, 40_000);
    await alerting.until(['home-pve1-100-powered-off', 'home-pve1-101-cpu']);
    await told(1);
    expect(alerting.receiver.last.body).not.toContain('powered-off');
  });

  it('an acknowledgement that is taken back before anybody was told is told', async () => {
    await alerting.webhook();
    await alerting.configure({ aggregation: { windowSeconds: 2 } });
    await alerting.cpu('web-1', Date.now(), 99);
    await alerting.until(['web-1-cpu']);
    await alerting.bus.request(alertAcknowledge, { actor, ids: ['web-1-cpu'], acknowledged: true });
    await eventually(async () => expect(await alerting.rows('SELECT 1 FROM alerting.notice')).toEqual([]));
    await alerting.bus.request(alertAcknowledge, { actor, ids: ['web-1-cpu'], acknowledged: false });
    await told(1);
    expect((await deliveries()).map(({ kind }) => kind)).toEqual(['firing']);
  });
});
