import { MailServer, WebhookReceiver, eventually, startCluster, type ProxmoxServer } from '@lapwing/testing';
import { createHmac } from 'node:crypto';
import { Lapwing } from '../src/lapwing';

interface Item {
  id: string;
  type: string;
  level: string;
  resourceId: string;
  acknowledged: boolean;
}
interface Message {
  event: string;
  alerts: { id: string }[];
}

describe('alerts, as their users meet them', () => {
  let lapwing: Lapwing;
  let receiver: WebhookReceiver;
  let mail: MailServer;
  let server: ProxmoxServer | undefined;

  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
    mail = await MailServer.start();
    [server] = await startCluster({ nodes: 1, guests: 3, first: 60 });
    lapwing = await Lapwing.create();
    await lapwing.start([], { ALERTING_PRIVATE_NETWORKS: '127.0.0.1/32' });
  }, 180_000);
  afterAll(async () => {
    await lapwing.remove();
    receiver.stop();
    await mail.stop();
    await server?.stop();
  });

  const ask = (method: 'POST' | 'PUT' | 'DELETE', route: string, body?: unknown) =>
    lapwing.ask(method, route, lapwing.credentials, body);
  const active = async () => (await lapwing.get<Item[]>('/api/alerts/active')).body;
  const told = () => receiver.requests.map(({ body }) => JSON.parse(body) as Message);
  const find = async (type: string) => (await active()).find((one) => one.type === type);

  it('calls nobody offline after a start', async () => {
    expect((await active()).filter(({ type }) => type === 'connectivity')).toEqual([]);
    const { status } = (await lapwing.get<{ status: Record<string, number> }>('/api/alerts/')).body;
    expect(Object.keys(status).toSorted()).toEqual(['acknowledged', 'active', 'critical', 'muted', 'warning']);
  });

  it('tells a channel, signed, and the ledger says so', async () => {
    // Of the machine that runs the tests nobody knows how busy it is.
    const quiet = { hostDefaults: { cpu: -1, disk: -1, temperature: -1, memory: -1 } };
    expect((await ask('PUT', '/api/alerts/config', quiet)).status).toBe(200);
    await eventually(async () => expect(await active()).toEqual([]));
    const hook = { name: 'Hook', url: `${receiver.url}/x`, service: 'generic', secret: 'shared' };
    expect((await ask('POST', '/api/notifications/webhooks', hook)).status).toBe(200);
    const { port } = mail;
    const settings = {
      enabled: true,
      server: '127.0.0.1',
      port,
      from: 'lapwing@example.com',
      to: ['ops@example.com'],
      startTLS: false,
    };
    expect((await ask('PUT', '/api/notifications/email', settings)).status).toBe(200);
    const rules = {
      aggregation: { windowSeconds: 0 },
      timeThresholds: { host: 0, node: 0, guest: 0, storage: 0, pbs: 0 },
      hostDefaults: { memory: { trigger: 0.01, clear: 0.001 } },
    };
    expect((await ask('PUT', '/api/alerts/config', rules)).status).toBe(200);
    await eventually(() => expect(told().flatMap(({ alerts }) => alerts.map(({ id }) => id))).toHaveLength(1), 30_000);
    const { headers, body } = receiver.last;
    const signed = createHmac('sha256', 'shared').update(`${headers['x-lapwing-timestamp']}.${body}`).digest('hex');
    expect(headers['x-lapwing-signature']).toBe(`v1=${signed}`);
    await eventually(() => expect(mail.mails).toHaveLength(1));
    await eventually(async () => {
      const { body: history } = await lapwing.get<{ channel: string; status: string }[]>('/api/notifications/history');
      expect(history.map(({ channel, status }) => `${channel} ${status}`).toSorted()).toEqual([
        'email sent',
        'webhook sent',
      ]);
    });
  }, 60_000);

  it('shows the same alert through all APIs, and one acknowledgement', async () => {
    const id = (await find('memory'))?.id ?? '';
    expect((await ask('POST', `/api/v1/alerts/${encodeURIComponent(id)}/acknowledge`)).status).toBe(200);
    expect(await find('memory')).toMatchObject({ id, acknowledged: true });
    await eventually(async () => {
      const { body } = await lapwing.get<{ activeAlerts: Item[] }>('/api/state');
      expect(body.activeAlerts.find((one) => one.id === id)?.acknowledged).toBe(true);
    });
    const { body: tyto } = await lapwing.get<{ alerts: { id: string; acknowledged: boolean }[] }>('/api/v1/alerts');
    expect(tyto.alerts.find((one) => one.id === id)?.acknowledged).toBe(true);
    expect((await ask('POST', `/api/alerts/${encodeURIComponent(id)}/unacknowledge`)).status).toBe(200);
    expect((await ask('POST', '/api/alerts/no-such/acknowledge')).status).toBe(404);
  });

  it('changes a rule through one API, sees it through the other, and what is open is judged anew', async () => {
    expect((await ask('POST', '/api/v1/alerts/config', { memory: { warning: 85, critical: 95 } })).status).toBe(200);
    await eventually(async () => expect(await find('memory')).toBeUndefined());
    await eventually(() => expect(told().map(({ event }) => event)).toContain('resolved'));
    const { body } = await lapwing.get<{ hostDefaults: Record<string, object> }>('/api/alerts/config');
    expect(body.hostDefaults['memory']).toMatchObject({ trigger: 85, critical: 95 });
    const { body: history } = await lapwing.get<Item[]>('/api/alerts/history?severity=all&limit=10');
    expect(history.map(({ type }) => type)).toContain('memory');
  });

  it.each([
    [{ guestDefaults: { cpu: { trigger: 10, clear: 20 } } }, 'below trigger'],
    [{ guestDefaults: { cpuu: 80 } }, 'no such setting'],
    [{ guestDefaults: { cpu: -7 } }, 'guestDefaults.cpu'],
    [{ schedule: { quietHours: { start: '25:00' } } }, '00:00 to 23:59'],
    [{ schedule: { quietHours: { timezone: 'Mars/Phobos' } } }, 'time zone'],
  ])('refuses %j, and nothing has changed', async (patch, words) => {
    const before = (await lapwing.get('/api/alerts/config')).body;
    const refused = await ask('PUT', '/api/alerts/config', patch);
    expect(refused).toMatchObject({ status: 400, body: { code: 'INVALID_INPUT' } });
    expect(JSON.stringify(refused.body)).toContain(words);
    expect((await lapwing.get('/api/alerts/config')).body).toEqual(before);
  });

  it('tells when a guest of Proxmox is switched off, and is silent when it was silenced', async () => {
    if (!server) throw new Error('no server');
    await ask('POST', '/api/system/settings/update', { pollingInterval: 5 });
    const { url, fingerprint } = server;
    const draft = {
      type: 'pve',
      name: 'lab',
      host: url,
      tokenName: 'pulse-monitor@pam!lapwing',
      tokenValue: 'token-secret',
    };
    expect((await ask('POST', '/api/config/nodes', { ...draft, fingerprint })).status).toBe(200);
    const running = [...server.estate.guests.values()].filter((guest) => guest.running).slice(0, 2);
    await eventually(async () => {
      const { body } = await lapwing.get<{ vms: { status: string }[]; containers: { status: string }[] }>('/api/state');
      expect(
        [...body.vms, ...body.containers].filter(({ status }) => status === 'running').length,
      ).toBeGreaterThanOrEqual(2);
    }, 30_000);
    const [loud, quiet] = running.map(({ vmid }) => vmid);
    const ends_at = new Date(Date.now() + 3_600_000).toISOString();
    const matchers = [{ name: 'resource_id', op: '~', value: `*-${quiet}` }];
    const silenced = await ask('POST', '/api/v1/silences', { matchers, ends_at, comment: 'test' });
    expect([200, 201]).toContain(silenced.status);
    for (const vmid of [loud, quiet]) server.estate.stopGuest(vmid ?? 0);
    await eventually(async () => {
      const off = (await active()).filter(({ type }) => type === 'powered-off').map(({ resourceId }) => resourceId);
      expect(off.toSorted()).toEqual([loud, quiet].map((vmid) => `lab-pve1-${vmid}`).toSorted());
    }, 60_000);
    const ids = () => told().flatMap(({ alerts }) => alerts.map(({ id }) => id));
    await eventually(() => expect(ids()).toContain(`lab-pve1-${loud}-powered-off`), 30_000);
    expect(ids()).not.toContain(`lab-pve1-${quiet}-powered-off`);
  }, 150_000);

  it('answers what other rules would have told', async () => {
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const answer = await ask('POST', '/api/v1/alerts/replay', {
      from,
      to: new Date().toISOString(),
      config: { hostDefaults: { memory: 0.01 } },
    });
    expect(answer).toMatchObject({ status: 200 });
  }, 40_000);
});
