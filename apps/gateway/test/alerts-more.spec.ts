import {
  LapwingError,
  alertReplay,
  deliveryList,
  incidentList,
  maintenanceCreate,
  maintenanceList,
  silenceCreate,
  silenceDelete,
  silenceList,
  silenceUpdate,
  type Delivery,
  type MaintenanceWindow,
  type Silence,
} from '@lapwing/contracts';
import { Alerting, BEGAN, diskAlert, guestAlert, openAlert, pastAlert } from './alerting';
import { Harness } from './harness';

describe('alerts', () => {
  let gateway: Harness;
  let alerting: Alerting;

  beforeAll(async () => {
    gateway = await Harness.start();
    alerting = await Alerting.play(gateway.bus);
  });
  beforeEach(() => {
    alerting.open = [openAlert(), diskAlert, guestAlert];
    alerting.past = [pastAlert];
    alerting.refusal = undefined;
  });
  afterAll(() => gateway.stop());

  const ID = '018f3c1e-7d2a-4c3b-9a54-0123456789ab';

  describe('that shall be quiet', () => {
    const silence: Silence = {
      id: ID,
      matchers: [{ name: 'resourceId', op: '~', value: 'web-*' }],
      startsAt: BEGAN,
      endsAt: BEGAN + 3_600_000,
      comment: 'a comment',
      createdBy: 'ann',
      createdAt: BEGAN,
      alerts: 2,
    };
    const body = {
      matchers: [{ name: 'resource_id', op: '~', value: 'web-*' }],
      ends_at: '2099-01-15T11:00:00+01:00',
      comment: 'a comment',
    };

    it('are silenced', async () => {
      await alerting.answer(silenceList, () => ({ silences: [silence] }));
      await alerting.answer(silenceCreate, ({ draft }) => ({ ...silence, ...draft }));
      await alerting.answer(silenceUpdate, ({ draft, id }) => {
        if (id !== ID) throw new LapwingError('NOT_FOUND');
        return { ...silence, ...draft };
      });
      await alerting.answer(silenceDelete, () => ({}));
      expect((await gateway.get('/api/v1/silences')).body).toMatchObject({
        silences: [{ id: ID, starts_at: '2026-01-15T10:00:00Z', status: 'expired', created_by: 'ann', alerts: 2 }],
      });
      expect(await gateway.post('/api/v1/silences', body)).toMatchObject({
        status: 201,
        body: { ...body, ends_at: '2099-01-15T10:00:00Z', status: 'active' },
      });
      expect(alerting.lastOf(silenceCreate)).toMatchObject({
        draft: { matchers: silence.matchers, endsAt: Date.UTC(2099, 0, 15, 10) },
      });
      expect((await gateway.send('PUT', `/api/v1/silences/${ID}`, body)).status).toBe(200);
      expect((await gateway.send('PUT', `/api/v1/silences/${ID.replace('0', '1')}`, body)).status).toBe(404);
      expect((await gateway.send('DELETE', `/api/v1/silences/${ID}`)).status).toBe(204);
      for (const wrong of [
        { ...body, matchers: [] },
        { ...body, matchers: [{ name: 'colour', value: 'x' }] },
        { ...body, ends_at: 5 },
        { ...body, ends_at: '2000-01-01' },
        {},
      ])
        expect((await gateway.post('/api/v1/silences', wrong)).status).toBe(400);
      expect((await gateway.send('DELETE', '/api/v1/silences/x')).status).toBe(400);
    });

    it('are so in maintenance windows', async () => {
      const window: MaintenanceWindow = {
        id: ID,
        name: 'patches',
        enabled: true,
        matchers: silence.matchers,
        timezone: 'Europe/Berlin',
        schedule: { kind: 'weekly', days: ['sunday'], start: '02:00', durationMinutes: 90 },
        createdBy: 'ann',
        createdAt: BEGAN,
        activeUntil: null,
        nextAt: BEGAN,
      };
      await alerting.answer(maintenanceList, () => ({ windows: [window] }));
      await alerting.answer(maintenanceCreate, ({ draft }) => ({ ...window, ...draft }));
      const { body: listed } = await gateway.get('/api/v1/maintenance-windows');
      expect(listed).toMatchObject({
        windows: [
          { schedule: { kind: 'weekly', duration_minutes: 90 }, active_until: null, next_at: '2026-01-15T10:00:00Z' },
        ],
      });
      const schedules = [
        { kind: 'weekly', days: ['monday'], start: '22:00', duration_minutes: 60 },
        { kind: 'monthly', day: 31, start: '22:00', duration_minutes: 60 },
        { kind: 'once', starts_at: '2026-01-15T10:00:00Z', ends_at: '2026-01-15T11:00:00Z' },
      ];
      for (const schedule of schedules)
        expect(
          await gateway.post('/api/v1/maintenance-windows', { name: 'x', matchers: body.matchers, schedule }),
        ).toMatchObject({
          status: 201,
          body: { name: 'x', schedule, matchers: body.matchers },
        });
      const wrong = { name: 'x', matchers: body.matchers, schedule: { kind: 'yearly' } };
      expect((await gateway.post('/api/v1/maintenance-windows', wrong)).status).toBe(400);
    });
  });

  it('belong to incidents', async () => {
    const incident = {
      id: 7,
      instance: 'home',
      openedAt: BEGAN,
      lastAt: BEGAN,
      closedAt: null,
      resolvedAt: null,
      score: 60,
      alerts: 3,
      openAlerts: 2,
    };
    await alerting.answer(incidentList, () => ({ incidents: [incident], total: 1 }));
    expect((await gateway.get('/api/v1/incidents?min_score=30&from=2026-01-01')).body).toMatchObject({
      incidents: [{ id: 7, opened_at: '2026-01-15T10:00:00Z', closed_at: null, severity: 'high', open_alerts: 2 }],
      total: 1,
    });
    expect(alerting.lastOf(incidentList)).toMatchObject({ minScore: 30, from: Date.UTC(2026, 0, 1), to: null });
    expect((await gateway.get('/api/v1/incidents/7/alerts')).body).toMatchObject({ total: 4, alerts: { length: 4 } });
    expect((await gateway.get('/api/v1/incidents/8/alerts')).status).toBe(404);
    expect((await gateway.get('/api/v1/incidents/x/alerts')).status).toBe(400);
  });

  it('are tried with other rules', async () => {
    await alerting.answer(alertReplay, () => ({
      alerts: [
        {
          id: 'web-1-cpu',
          resourceId: 'web-1',
          metric: 'cpu' as const,
          level: 'warning' as const,
          startedAt: BEGAN,
          firedAt: BEGAN,
          resolvedAt: null,
          peak: 99,
          quiet: '',
        },
      ],
      total: 1,
      messages: 1,
      recoveryMessages: 0,
      hosts: 1,
      judged: 60,
      tookMs: 5,
    }));
    const range = { from: '2026-01-15T10:00:00Z', to: '2026-01-15T11:00:00Z' };
    const asked = {
      ...range,
      config: { schedule: { grouping: { window: 60 } } },
      metrics: ['cpu'],
      resource_ids: ['web-1'],
    };
    expect(await gateway.post('/api/v1/alerts/replay', asked)).toMatchObject({
      status: 200,
      body: { alerts: [{ resource_id: 'web-1', fired_at: '2026-01-15T10:00:00Z' }], recovery_messages: 0, took_ms: 5 },
    });
    expect(alerting.lastOf(alertReplay)).toMatchObject({
      patch: { aggregation: { windowSeconds: 60 } },
      resourceIds: ['web-1'],
      limit: 200,
    });
    for (const wrong of [{}, { ...range, to: range.from }, { ...asked, metrics: ['gpu'] }, { ...asked, limit: 0 }])
      expect((await gateway.post('/api/v1/alerts/replay', wrong)).status).toBe(400);
  });

  it('are told to others, and what became of that can be read', async () => {
    const delivery: Delivery = {
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
      attempts: 2,
      code: 204,
      error: '',
      decidedAt: BEGAN,
      queuedAt: BEGAN + 10,
      attemptedAt: BEGAN + 20,
      endedAt: BEGAN + 1500,
      nextAt: null,
      size: 300,
    };
    await alerting.answer(deliveryList, () => ({ deliveries: [delivery], total: 1 }));
    expect((await gateway.get('/api/v1/deliveries?channel=webhook&status=sent&alert_id=web-1-cpu')).body).toMatchObject(
      {
        deliveries: [
          { id: ID, channel_id: ID, alert_ids: ['web-1-cpu'], decided_at: '2026-01-15T10:00:00Z', took_ms: 1500 },
        ],
        total: 1,
      },
    );
    expect(alerting.lastOf(deliveryList)).toMatchObject({ channel: 'webhook', status: 'sent', alertId: 'web-1-cpu' });
    expect((await gateway.get('/api/v1/deliveries?status=lost')).status).toBe(400);
  });

  it('have severities that anybody may read', async () => {
    expect((await gateway.get('/api/system/severity', {})).body).toMatchObject({
      definitions: [
        { severity: 'low' },
        { severity: 'medium' },
        { severity: 'high' },
        { severity: 'critical', color: '#ef4444' },
      ],
      thresholds: { low_max: 29, medium_max: 59, high_max: 84 },
    });
  });
});
