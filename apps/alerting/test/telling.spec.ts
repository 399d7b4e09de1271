import {
  alertAcknowledge,
  alertClear,
  deliveryList,
  emailUpdate,
  incidentList,
  maintenanceCreate,
  notificationTest,
  webhookDelete,
  webhookTest,
  webhookUpdate,
} from '@lapwing/contracts';
import { MailServer, WebhookReceiver, eventually } from '@lapwing/testing';
import { Alerting, actor, atOnce } from './harness';

describe('telling', () => {
  let alerting: Alerting;
  beforeEach(async () => {
    alerting = await Alerting.start();
    await alerting.configure(atOnce);
  }, 60_000);
  afterEach(() => alerting.stop());

  const deliveries = async () => (await alerting.bus.request(deliveryList, {})).deliveries;
  const breach = (...hosts: string[]) => Promise.all(hosts.map((host) => alerting.cpu(host, Date.now(), 99)));

  it('tells alerts of one group in one message, and one incident holds what began together', async () => {
    await alerting.webhook();
    await alerting.configure({ aggregation: { windowSeconds: 2, byNode: false } });
    await breach('web-1', 'web-2', 'web-3');
    await eventually(() => expect(alerting.receiver.requests).toHaveLength(1));
    expect(
      alerting
        .received()[0]
        ?.alerts?.map(({ id }) => id)
        .toSorted(),
    ).toEqual(['web-1-cpu', 'web-2-cpu', 'web-3-cpu']);
    const { incidents } = await alerting.bus.request(incidentList, {});
    expect(incidents.map(({ instance, alerts, score }) => `${instance} ${alerts} ${score}`).toSorted()).toEqual([
      'web-1 1 97',
      'web-2 1 97',
      'web-3 1 97',
    ]);
  });

  it('tries again when the receiver says so, and gives up what is wrong for good', async () => {
    const broken = await WebhookReceiver.start();
    await alerting.webhook();
    await alerting.webhook({ name: 'Broken', url: `${broken.url}/x` });
    alerting.receiver.answer = () =>
      alerting.receiver.requests.length === 1 ? { status: 503, headers: { 'retry-after': '1' } } : {};
    broken.answer = { status: 400, body: 'x'.repeat(1000) };
    await breach('web-1');
    await eventually(async () => {
      const ended = await deliveries();
      expect(
        ended.map(({ name, status, attempts, code }) => `${name} ${status} ${attempts} ${code}`).toSorted(),
      ).toEqual(['Broken failed 1 400', 'Receiver sent 2 200']);
    }, 25_000);
    const [first, second] = alerting.receiver.requests;
    expect(second?.headers['idempotency-key']).toBe(first?.headers['idempotency-key']);
    // Who was never told that it fires is not told that it is over.
    await alerting.cpu('web-1', Date.now() + 1000, 10);
    await eventually(async () => expect((await deliveries()).map(({ kind }) => kind)).toContain('resolved'));
    expect((await deliveries()).filter(({ kind }) => kind === 'resolved').map(({ name }) => name)).toEqual([
      'Receiver',
    ]);
    broken.stop();
  }, 60_000);

  it('does not let a receiver that hangs keep others waiting', async () => {
    const hanging = await WebhookReceiver.start();
    hanging.answer = { hang: 'answer' };
    await alerting.webhook({ name: 'Hanging', url: `${hanging.url}/x` });
    await alerting.webhook();
    await breach('web-1');
    await eventually(() => expect(alerting.receiver.requests).toHaveLength(1));
    await breach('web-2');
    await eventually(() => expect(alerting.receiver.requests).toHaveLength(2));
    hanging.stop();
  });

  it('sends mail over SMTP, and keeps the password to itself', async () => {
    const server = await MailServer.start({ credentials: { username: 'lapwing', password: 'secret' } });
    const draft = {
      enabled: true,
      provider: 'custom',
      server: '127.0.0.1',
      port: server.port,
      username: 'lapwing',
      password: 'secret',
      from: 'lapwing@example.com',
      to: ['ops@example.com'],
      tls: false,
      startTLS: false,
    };
    expect(await alerting.bus.request(emailUpdate, { actor, draft })).not.toHaveProperty('password');
    await breach('web-1');
    await eventually(() => expect(server.mails).toHaveLength(1));
    // Nothing kept goes to another server.
    const moved = alerting.bus.request(emailUpdate, { actor, draft: { server: 'mail.example.com', password: '' } });
    await expect(moved).rejects.toMatchObject({ code: 'SECRET_REQUIRED' });
    const [row] = await alerting.rows<{ sealed: string }>(
      `SELECT encode(sealed, 'escape') AS sealed FROM alerting.channel`,
    );
    expect(row?.sealed).not.toContain('secret');
    await server.stop();
  });

  it('escalates what nobody has acknowledged, once, to those who are named', async () => {
    await alerting.webhook();
    await alerting.configure({
      schedule: { escalation: { enabled: true, levels: [{ after: 1, notify: 'webhook' }] } },
    });
    await alerting.cpu('web-1', Date.now() - 120_000, 99);
    await alerting.cpu('web-2', Date.now() - 120_000, 99);
    await alerting.until(['web-1-cpu', 'web-2-cpu']);
    await alerting.bus.request(alertAcknowledge, { actor, ids: ['web-2-cpu'], acknowledged: true });
    await eventually(async () => {
      const escalated = (await deliveries()).filter(({ kind }) => kind === 'escalation');
      expect(escalated.map(({ alertIds }) => alertIds)).toEqual([['web-1-cpu']]);
    }, 15_000);
  }, 40_000);

  it('sums up what quiet hours have held back, and lets critical alerts pass', async () => {
    await alerting.webhook();
    const minute = new Date(Date.now() + 60_000).toISOString().slice(11, 16);
    await alerting.configure({ schedule: { quietHours: { enabled: true, start: '00:00', end: '00:00' } } });
    await alerting.cpu('web-1', Date.now(), 85);
    await eventually(async () => expect((await alerting.open())[0]?.quiet).toBe('quiet hours'));
    await breach('web-2');
    await eventually(() => expect(alerting.receiver.requests).toHaveLength(1));
    await alerting.cpu('web-1', Date.now() + 1000, 10);
    await alerting.until(['web-2-cpu']);
    await alerting.configure({ schedule: { quietHours: { enabled: false, start: minute } } });
    await eventually(async () => {
      const summary = (await deliveries()).find(({ kind }) => kind === 'summary');
      expect(summary?.alertIds).toEqual(['web-1-cpu']);
    });
  });

  it('is silent in maintenance, and while something comes and goes', async () => {
    await alerting.webhook();
    const draft = {
      name: 'move',
      matchers: [{ name: 'resourceId' as const, value: 'web-1' }],
      schedule: { kind: 'once' as const, startsAt: Date.now() - 1000, endsAt: Date.now() + 3_600_000 },
    };
    await alerting.bus.request(maintenanceCreate, { actor, draft });
    await alerting.configure({ flapping: { enabled: true, threshold: 3, windowSeconds: 600 } });
    await breach('web-1');
    await eventually(async () => expect((await alerting.open())[0]?.quiet).toBe('maintenance: move'));
    const now = Date.now() - 60_000;
    for (const [index, value] of [99, 10, 99].entries()) {
      await alerting.cpu('web-2', now + index * 1000, value);
      await alerting.until(value === 99 ? ['web-1-cpu', 'web-2-cpu'] : ['web-1-cpu']);
      await eventually(async () =>
        expect(await alerting.rows('SELECT 1 FROM alerting.change WHERE NOT routed')).toEqual([]),
      );
    }
    await eventually(async () => {
      const flapping = (await alerting.open()).find(({ id }) => id === 'web-2-cpu');
      expect(flapping).toMatchObject({ flapping: true, quiet: 'it comes and goes too often' });
    });
  });

  it('follows new rules at once: what is open and would not be any more is over', async () => {
    await alerting.cpu('web-1', Date.now(), 85);
    await alerting.until(['web-1-cpu']);
    await alerting.configure({ hostDefaults: { cpu: { trigger: 90, clear: 80 } } });
    await alerting.until([]);
    await alerting.cpu('web-1', Date.now() + 1000, 95);
    await alerting.until(['web-1-cpu']);
    await alerting.configure({ overrides: { 'web-1': { cpu: -1 } } });
    expect(await alerting.until([])).toEqual([]);
  });

  it('tries channels, saved or not, and says what came of it', async () => {
    await expect(alerting.bus.request(notificationTest, { actor })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    const { id } = await alerting.webhook({ headers: { Authorization: 'Bearer hidden' } });
    expect((await alerting.bus.request(notificationTest, { actor })).results).toMatchObject([
      { success: true, code: 200 },
    ]);
    expect((await deliveries()).map(({ kind, status }) => `${kind} ${status}`)).toEqual(['test sent']);
    expect(alerting.receiver.last.headers['authorization']).toBe('Bearer hidden');
    alerting.receiver.answer = { status: 500, body: 'internals' };
    const trial = await alerting.bus.request(webhookTest, {
      actor,
      id: null,
      draft: { name: 'x', url: alerting.receiver.url },
    });
    expect(trial).toEqual({
      channel: 'webhook',
      name: 'x',
      success: false,
      code: 500,
      error: 'the receiver answered with status 500',
    });
    // Stars keep what is there, but not for another host.
    const changes = { headers: { Authorization: '********' }, name: 'renamed' };
    await expect(alerting.bus.request(webhookUpdate, { actor, id, changes })).resolves.toMatchObject({
      name: 'renamed',
    });
    const elsewhere = { ...changes, url: 'https://example.com/' };
    await expect(alerting.bus.request(webhookUpdate, { actor, id, changes: elsewhere })).rejects.toMatchObject({
      code: 'SECRET_REQUIRED',
    });
    await alerting.bus.request(webhookDelete, { actor, id });
    await expect(alerting.bus.request(webhookDelete, { actor, id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each([
    ['http://169.254.169.254/', 'reserved or link-local'],
    ['http://[::ffff:127.0.0.1]/', 'disguise'],
    ['http://10.0.0.1/', 'private network'],
    ['ftp://example.com/', 'http'],
    ['https://user:secret@example.com/', 'user names'],
    ['nonsense', 'URL'],
  ])('refuses a webhook to %s', async (url, reason) => {
    await expect(alerting.webhook({ url })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining(reason) as string,
    });
  });

  it('says where a template is wrong', async () => {
    const template = '{"a": {{if .X}}\n{{.Value | nothing}}}';
    await expect(alerting.webhook({ template })).rejects.toMatchObject({
      message: expect.stringContaining('line 2') as string,
    });
    await expect(alerting.webhook({ template: 'x'.repeat(2 ** 19) })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('clears by hand; unknown ones are said to be unknown', async () => {
    const { results } = await alerting.bus.request(alertClear, { actor, ids: ['nothing'] });
    expect(results).toEqual([{ id: 'nothing', found: false, alert: null }]);
  });
});
