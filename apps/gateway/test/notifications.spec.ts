import {
  LapwingError,
  alertConfigUpdate,
  auditOccurred,
  deliveryList,
  emailGet,
  emailUpdate,
  emailproviderList,
  notificationTest,
  webhookCreate,
  webhookDelete,
  webhookList,
  webhookTest,
  webhookUpdate,
  webhooktemplateList,
  type Delivery,
  type EmailSettings,
  type Trial,
  type Webhook,
} from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { hashOf } from '../src/http/credential';
import { Alerting, BEGAN } from './alerting';
import { Harness, principal } from './harness';

const ID = '018f3c1e-7d2a-4c3b-9a54-0123456789ab';
const email: EmailSettings = {
  enabled: true,
  provider: 'custom',
  server: 'mail.example.com',
  port: 587,
  username: 'lapwing',
  from: 'lapwing@example.com',
  to: ['ops@example.com'],
  tls: false,
  startTLS: true,
  hasPassword: true,
};
const webhook: Webhook = {
  id: ID,
  name: 'ops',
  url: 'https://discord.com/api/webhooks/1/***',
  method: 'POST',
  headers: { authorization: '***' },
  enabled: true,
  service: 'discord',
  template: null,
  customFields: {},
  hasSecret: false,
};
const delivery = (changes: Partial<Delivery> = {}): Delivery => ({
  id: ID,
  channel: 'webhook',
  channelId: ID,
  name: 'ops',
  service: 'discord',
  target: 'discord.com',
  kind: 'firing',
  alertIds: ['web-1-cpu'],
  alerts: 1,
  status: 'sent',
  attempts: 3,
  code: 204,
  error: '',
  decidedAt: BEGAN,
  queuedAt: BEGAN,
  attemptedAt: BEGAN,
  endedAt: BEGAN + 1000,
  nextAt: null,
  size: 300,
  ...changes,
});

describe('notifications', () => {
  let gateway: Harness;
  let alerting: Alerting;
  let trials: Trial[];
  const trial = (changes: Partial<Trial> = {}): Trial => ({
    channel: 'webhook',
    name: 'ops',
    success: true,
    code: 204,
    error: '',
    ...changes,
  });
  const as = (token: string) => {
    const id = `018f3c1e-7d2a-4c3b-9a54-${hashOf(token).slice(0, 12)}`;
    gateway.behind.principals.set(hashOf(token), principal(['notifications:manage'], { id }));
    return { authorization: `Bearer ${token}` };
  };
  /** A token of its own for each: the trials of one are counted. */
  const tokenOf = () => as(`tester-${Math.random()}`);

  beforeAll(async () => {
    gateway = await Harness.start();
    alerting = await Alerting.play(gateway.bus);
    await alerting.answer(emailGet, () => email);
    await alerting.answer(emailUpdate, ({ draft: { password: _password, ...draft } }) => ({ ...email, ...draft }));
    await alerting.answer(webhookList, () => ({ webhooks: [webhook] }));
    await alerting.answer(webhookCreate, ({ draft: { secret, ...draft } }) => ({
      ...draft,
      id: ID,
      hasSecret: Boolean(secret),
    }));
    await alerting.answer(webhookUpdate, ({ id, changes }) => {
      if (id !== ID) throw new LapwingError('NOT_FOUND');
      return { ...webhook, ...changes };
    });
    await alerting.answer(webhookDelete, ({ id }) => {
      if (id !== ID) throw new LapwingError('NOT_FOUND');
      return {};
    });
    await alerting.answer(webhookTest, ({ draft }) => {
      if (draft['url'] === 'nonsense') throw new LapwingError('INVALID_INPUT', '"url" is no address');
      return trials[0] ?? trial();
    });
    await alerting.answer(notificationTest, () => ({ results: trials }));
  });
  beforeEach(() => {
    trials = [trial()];
    alerting.refusal = undefined;
  });
  afterAll(() => gateway.stop());

  it('are shown in one piece, by both forms of the path', async () => {
    for (const path of ['/api/notifications', '/api/notifications/'])
      expect(await gateway.get(path)).toMatchObject({
        status: 200,
        body: {
          enabled: true,
          email: { server: 'mail.example.com', password: '', hasPassword: true },
          webhooks: [{ id: ID }],
          cooldown: 5,
          grouping: { enabled: true, window: 30, byNode: true, byGuest: false },
          schedule: { quietHours: { enabled: false }, cooldown: 5 },
        },
      });
  });

  it('are changed in parts, each where it belongs', async () => {
    const shown = (await gateway.get('/api/notifications')).body as Record<string, object>;
    const sent = {
      ...shown,
      email: { ...shown['email'], port: 25 },
      cooldown: 15,
      grouping: { ...shown['grouping'], window: 60 },
      flapping: { threshold: 7 },
    };
    expect(await gateway.post('/api/notifications/', sent)).toMatchObject({
      status: 200,
      body: { success: true, config: { cooldown: 15, grouping: { window: 60 } } },
    });
    expect(alerting.lastOf(emailUpdate)).toMatchObject({ draft: { port: 25, password: '' } });
    expect(alerting.lastOf(alertConfigUpdate)).toMatchObject({
      patch: { schedule: { cooldown: 15 }, aggregation: { windowSeconds: 60 }, flapping: { threshold: 7 } },
    });
    const before = alerting.asked.length;
    expect((await gateway.post('/api/notifications', { schedule: { maxAlertsHour: 3 } })).status).toBe(200);
    expect(alerting.asked.slice(before).map(({ name }) => name)).not.toContain(emailUpdate.name);
    expect(alerting.lastOf(alertConfigUpdate)).toMatchObject({ patch: { schedule: { maxAlertsHour: 3 } } });
  });

  it('are not changed where they do not belong', async () => {
    expect(await gateway.post('/api/notifications', { webhooks: [] })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('/api/notifications/webhooks') as string },
    });
    expect((await gateway.post('/api/notifications', { enabled: false })).status).toBe(400);
    for (const body of [{ email: 'x' }, { cooldown: 'long' }, { schedule: [] }, []])
      expect((await gateway.post('/api/notifications', body)).status).toBe(400);
  });

  it('go by mail: settings without the password, changed by PUT alone', async () => {
    expect((await gateway.get('/api/notifications/email')).body).toEqual({ ...email, password: '' });
    const changes = { server: 'other.example.com', password: '', to: null, unknown: 1 };
    expect(await gateway.send('PUT', '/api/notifications/email', changes)).toMatchObject({
      status: 200,
      body: { success: true, server: 'other.example.com', password: '' },
    });
    expect(alerting.lastOf(emailUpdate)).toMatchObject({ draft: { server: 'other.example.com', password: '' } });
    expect((await gateway.post('/api/notifications/email', changes)).status).toBe(404);
    expect((await gateway.send('PUT', '/api/notifications/email', { port: 0 })).status).toBe(400);
    alerting.refusal = new LapwingError('SECRET_REQUIRED');
    expect((await gateway.send('PUT', '/api/notifications/email', changes)).status).toBe(400);
  });

  it('know providers and services', async () => {
    const provider = {
      name: 'Gmail',
      smtpHost: 'smtp.gmail.com',
      smtpPort: 587,
      tls: false,
      startTLS: true,
      authRequired: true,
      instructions: '',
    };
    const template = {
      service: 'discord',
      name: 'Discord',
      urlPattern: '',
      method: 'POST',
      headers: {},
      payloadTemplate: '{}',
      instructions: '',
    };
    await alerting.answer(emailproviderList, () => ({ providers: [provider] }));
    await alerting.answer(webhooktemplateList, () => ({ templates: [template] }));
    expect((await gateway.get('/api/notifications/email-providers')).body).toEqual([provider]);
    expect((await gateway.get('/api/notifications/webhook-templates')).body).toEqual([template]);
  });

  it('go to webhooks, which are added, changed and removed', async () => {
    const { template: _template, ...shown } = webhook;
    expect((await gateway.get('/api/notifications/webhooks')).body).toEqual([shown]);
    const draft = {
      name: 'new',
      url: 'https://example.com/hook',
      service: 'generic',
      template: '',
      headers: null,
      secret: 's',
    };
    expect(await gateway.post('/api/notifications/webhooks', draft)).toEqual({
      status: 200,
      body: {
        id: ID,
        name: 'new',
        url: draft.url,
        method: 'POST',
        headers: {},
        enabled: true,
        service: 'generic',
        customFields: {},
        hasSecret: true,
      },
    });
    expect(alerting.lastOf(webhookCreate)).toMatchObject({ draft: { template: null, secret: 's' } });
    expect((await gateway.post('/api/notifications/webhooks', { name: 'x' })).status).toBe(400);
    const changed = await gateway.send('PUT', `/api/notifications/webhooks/${ID}`, {
      ...shown,
      enabled: false,
      template: '',
    });
    expect(changed).toMatchObject({ status: 200, body: { id: ID, enabled: false } });
    expect(alerting.lastOf(webhookUpdate)).toMatchObject({ id: ID, changes: { enabled: false, template: null } });
    expect(alerting.lastOf(webhookUpdate)).not.toHaveProperty('changes.id');
    expect((await gateway.send('PUT', '/api/notifications/webhooks/none', {})).status).toBe(404);
    expect(await gateway.send('DELETE', `/api/notifications/webhooks/${ID}`)).toMatchObject({
      status: 200,
      body: { success: true },
    });
    expect((await gateway.send('DELETE', '/api/notifications/webhooks/none')).status).toBe(404);
  });

  it('try a webhook: what the receiver does is no error of ours', async () => {
    const test = (body: object) => gateway.post('/api/notifications/webhooks/test', body);
    expect(await test({ name: 'x', url: 'https://example.com', service: 'generic' })).toEqual({
      status: 200,
      body: { success: true, status: 204, response: '' },
    });
    expect(alerting.lastOf(webhookTest)).toMatchObject({ id: null, draft: { url: 'https://example.com' } });
    trials = [trial({ success: false, code: null, error: 'nobody answers' })];
    expect(await test({ id: ID })).toEqual({
      status: 200,
      body: { success: false, status: 0, response: '', error: 'nobody answers' },
    });
    expect(alerting.lastOf(webhookTest)).toMatchObject({ id: ID, draft: {} });
    expect(await test({ url: 'nonsense' })).toMatchObject({ status: 400, body: { error: '"url" is no address' } });
  });

  it('try all channels, or some', async () => {
    const headers = tokenOf();
    const test = (body?: object) => gateway.send('POST', '/api/notifications/test', body, headers);
    expect(await test()).toMatchObject({
      status: 200,
      body: { success: true, results: [{ channel: 'webhook', name: 'ops', success: true, error: '' }] },
    });
    expect(alerting.lastOf(notificationTest)).toMatchObject({ method: null, webhookId: null, config: null });
    await test({ type: 'email', config: { server: 'x.example.com', password: null } });
    expect(alerting.lastOf(notificationTest)).toMatchObject({ method: 'email', config: { server: 'x.example.com' } });
    await test({ method: 'webhook', webhookId: ID });
    expect(alerting.lastOf(notificationTest)).toMatchObject({ method: 'webhook', webhookId: ID });
    expect((await test({ method: 'pigeon' })).status).toBe(400);
    trials = [trial(), trial({ name: 'mail', channel: 'email', success: false, error: 'refused' })];
    expect(await test({})).toMatchObject({
      status: 400,
      body: { error: 'mail: refused', details: { results: [{ success: true }, { success: false, error: 'refused' }] } },
    });
    trials = [];
    expect(await test({})).toMatchObject({ status: 400, body: { error: 'no channel is configured' } });
  });

  it('are tried ten times a minute', async () => {
    const headers = tokenOf();
    const statuses: number[] = [];
    for (let count = 0; count < 12; count++)
      statuses.push((await gateway.post('/api/notifications/test', {}, headers)).status);
    expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(statuses.slice(10)).toEqual([429, 429]);
    const other = await gateway.post('/api/notifications/webhooks/test', { url: 'x' }, headers);
    expect(other.status).toBe(429);
  });

  it('leave a trace that can be read', async () => {
    const all = [
      delivery(),
      delivery({
        id: ID.replace('0', '1'),
        status: 'retrying',
        endedAt: null,
        error: 'busy',
        code: null,
        alertIds: [],
      }),
      delivery({ id: ID.replace('0', '2'), status: 'failed', channel: 'email', error: 'refused' }),
    ];
    await alerting.answer(deliveryList, ({ channel, offset, limit }) => {
      const found = all.filter((one) => channel === null || one.channel === channel);
      return { deliveries: found.slice(offset, offset + Math.min(limit, 2)), total: found.length };
    });
    expect((await gateway.get('/api/notifications/webhook-history')).body).toMatchObject([
      {
        webhookName: 'ops',
        webhookUrl: 'discord.com',
        service: 'discord',
        alertId: 'web-1-cpu',
        timestamp: '2026-01-15T10:00:01.123Z',
        statusCode: 204,
        success: true,
        errorMessage: '',
        retryAttempts: 2,
        payloadSize: 300,
      },
      { success: false, statusCode: 0, alertId: '' },
    ]);
    expect((await gateway.get('/api/notifications/history')).body).toMatchObject([
      { id: ID, alertId: 'web-1-cpu', channel: 'webhook', target: 'discord.com', status: 'sent' },
      { status: 'pending', error: 'busy', timestamp: '2026-01-15T10:00:00.123Z' },
      { status: 'failed', channel: 'email' },
    ]);
    expect((await gateway.get('/api/notifications/history?limit=1')).body).toHaveLength(1);
    expect((await gateway.get('/api/notifications/history?limit=0')).status).toBe(400);
  });

  it('are told in the audit trail by name, without addresses', async () => {
    const told: unknown[] = [];
    gateway.bus.listen(auditOccurred, '*', ({ type, action, target }) => told.push([type, action, target]));
    await eventually(async () => {
      await gateway.post('/api/notifications/webhooks', { name: 'new', url: 'https://example.com/token' });
      await gateway.send('PUT', '/api/notifications/email', { password: 'hidden' });
      expect(told).toContainEqual(['webhook', 'added', 'new']);
      expect(told).toContainEqual(['email', 'configured', 'password']);
    });
    expect(JSON.stringify(told)).not.toMatch(/token|hidden/);
  });
});
