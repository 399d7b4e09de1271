import {
  LapwingError,
  alertAcknowledge,
  alertChanged,
  alertClear,
  alertConfigUpdate,
  alertHistory,
  alertReplay,
  auditOccurred,
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
import { eventually } from '@lapwing/testing';
import { WebSocket } from 'ws';
import { hashOf } from '../src/http/credential';
import { Alerting, BEGAN, openAlert } from './alerting';
import { ADMIN_TOKEN, Follower, Harness, principal } from './harness';

const ID = '018f3c1e-7d2a-4c3b-9a54-0123456789ab';
const disk = openAlert({
  id: 'web-1-disk-/var/lib-disk',
  occurrence: 2,
  level: 'critical',
  signal: 'disk',
  resource: {
    id: 'web-1-disk-/var/lib',
    name: '/var/lib',
    type: 'host',
    node: 'web-1',
    instance: 'web-1',
    parents: [],
  },
  score: 90,
  acknowledgedAt: BEGAN,
  acknowledgedBy: 'ann',
});
const guest = openAlert({
  id: 'home-pve1-100-cpu',
  occurrence: 3,
  resource: { id: 'home-pve1-100', name: 'web', type: 'guest', node: 'pve1', instance: 'home', parents: ['home-pve1'] },
});
const past = openAlert({ id: 'old', occurrence: 4, resolvedAt: BEGAN + 60_000, resolution: 'recovered' });

describe('alerts', () => {
  let gateway: Harness;
  let alerting: Alerting;
  const as = (token: string, permissions: string[]) => {
    gateway.behind.principals.set(
      hashOf(token),
      principal(permissions, { id: `018f3c1e-7d2a-4c3b-9a54-${hashOf(token).slice(0, 12)}` }),
    );
    return { authorization: `Bearer ${token}` };
  };

  beforeAll(async () => {
    gateway = await Harness.start();
    alerting = new Alerting(gateway.bus);
  });
  beforeEach(() => {
    alerting.open = [openAlert(), disk, guest];
    alerting.past = [past];
    alerting.refusal = undefined;
  });
  afterAll(() => gateway.stop());

  describe('as Pulse shows them', () => {
    it('are listed whole, over all pages', async () => {
      const { status, body, headers } = await gateway.get('/api/alerts/active');
      expect(status).toBe(200);
      expect(headers.get('content-type')).toContain('application/json');
      expect(body).toMatchObject([
        { id: 'web-1-cpu', type: 'cpu', startTime: '2026-01-15T10:00:00.123Z', acknowledged: false },
        { id: disk.id, level: 'critical', acknowledged: true, ackUser: 'ann', metadata: { severity: 'critical' } },
        { id: guest.id, resourceType: 'guest', metadata: { resourceType: 'guest', clearThreshold: 75 } },
      ]);
    });

    it('are an error, and no half a list, when the service is away', async () => {
      alerting.refusal = new LapwingError('UNAVAILABLE');
      for (const path of ['/api/alerts/active', '/api/alerts/history', '/api/v1/alerts', '/api/alerts'])
        expect(await gateway.get(path)).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    });

    it('are told with those of before', async () => {
      const { body } = await gateway.get('/api/alerts/history?limit=0');
      expect(body).toMatchObject([
        { resolvedAt: null },
        {},
        {},
        { id: 'old', resolvedAt: '2026-01-15T10:01:00.123Z', resolution: 'recovered' },
      ]);
      expect((await gateway.get('/api/alerts/history?limit=3&offset=2')).body).toHaveLength(2);
      await gateway.get(
        '/api/alerts/history?severity=critical&startTime=2026-01-15T10:00:00Z&to=2026-01-16&resourceId=a%2Fb',
      );
      expect(alerting.lastOf(alertHistory)).toMatchObject({
        limit: 100,
        level: 'critical',
        from: Date.UTC(2026, 0, 15, 10),
        to: Date.UTC(2026, 0, 16),
        resourceId: 'a/b',
      });
      await gateway.get('/api/alerts/history?level=all');
      expect(alerting.lastOf(alertHistory)).toMatchObject({ level: null });
      for (const query of ['limit=10001', 'limit=-1', 'limit=x', 'severity=bad', 'startTime=yesterday'])
        expect((await gateway.get(`/api/alerts/history?${query}`)).status).toBe(400);
    });

    it('are forgotten when they are over', async () => {
      expect(await gateway.send('DELETE', '/api/alerts/history')).toMatchObject({
        status: 200,
        body: { success: true },
      });
      expect(alerting.past).toEqual([]);
    });

    it.each([
      ['encoded', `/api/alerts/${encodeURIComponent(disk.id)}/acknowledge`],
      ['as they are', `/api/alerts/${disk.id}/acknowledge`],
      ['with a slash at the end', `/api/alerts/${disk.id}/acknowledge/`],
      ['in the form of Tyto', `/api/v1/alerts/${disk.id}/acknowledge`],
      ['in the body', '/api/alerts/acknowledge'],
    ])('are acknowledged by ids with slashes: %s', async (_, path) => {
      const answer = await gateway.send(
        'POST',
        path,
        path.endsWith('alerts/acknowledge') ? { id: disk.id } : undefined,
      );
      expect(answer.status).toBe(200);
      expect(alerting.lastOf(alertAcknowledge)).toMatchObject({ ids: [disk.id], acknowledged: true });
      expect(alerting.open[1]).toMatchObject({ acknowledgedBy: 'token:test' });
    });

    it('are unacknowledged and cleared, and unknown ones are told of', async () => {
      expect(await gateway.send('POST', `/api/alerts/${disk.id}/unacknowledge`)).toEqual({
        status: 200,
        body: { success: true },
      });
      expect(alerting.open[1]?.acknowledgedAt).toBeNull();
      expect((await gateway.post('/api/alerts/clear', { id: disk.id })).status).toBe(200);
      for (const action of ['acknowledge', 'unacknowledge', 'clear'])
        expect((await gateway.send('POST', `/api/alerts/${disk.id}/${action}`)).status).toBe(404);
      for (const body of [{}, { id: 5 }, { id: '' }, { id: 'x'.repeat(901) }])
        expect((await gateway.post('/api/alerts/clear', body)).status).toBe(400);
      expect((await gateway.send('POST', `/api/alerts/${'x'.repeat(900)}/clear`)).status).toBe(404);
      expect((await gateway.send('POST', `/api/alerts/${'x'.repeat(901)}/clear`)).status).toBe(400);
    });

    it('are acknowledged and cleared together', async () => {
      expect(
        (await gateway.post('/api/alerts/bulk/acknowledge', { alertIds: [guest.id, 'none'], user: 'x' })).body,
      ).toEqual({
        results: [
          { alertId: guest.id, success: true },
          { alertId: 'none', success: false, error: 'no such open alert' },
        ],
      });
      const ids = Array.from({ length: 120 }, (_, index) => `a-${index}`);
      expect((await gateway.post('/api/alerts/bulk/clear', { ids })).body).toMatchObject({ results: { length: 120 } });
      expect(alerting.lastOf(alertClear)).toMatchObject({ ids: ids.slice(100) });
      for (const body of [{}, { ids: [] }, { ids: 'a' }, { ids: [1] }])
        expect((await gateway.post('/api/alerts/bulk/clear', body)).status).toBe(400);
    });

    it('want the permission of what is done to them, and are open to read without users', async () => {
      const viewer = as('viewer', ['alerts:view', 'alerts:acknowledge']);
      expect((await gateway.get('/api/alerts', viewer)).status).toBe(200);
      expect((await gateway.send('POST', `/api/alerts/${disk.id}/acknowledge`, undefined, viewer)).status).toBe(200);
      for (const [method, path] of [
        ['POST', `/api/alerts/${disk.id}/clear`],
        ['POST', '/api/alerts/bulk/clear'],
        ['PUT', '/api/alerts/config'],
        ['DELETE', '/api/alerts/history'],
        ['POST', '/api/v1/maintenance-windows'],
        ['GET', '/api/notifications'],
      ] as const)
        expect((await gateway.send(method, path, method === 'GET' ? undefined : {}, viewer)).status).toBe(403);
      expect((await gateway.get('/api/alerts', {})).status).toBe(401);
    });
  });

  describe('rules', () => {
    it('are shown with how many alerts are open, by both paths', async () => {
      alerting.news();
      const status = { active: 3, acknowledged: 1, critical: 1, warning: 2 };
      for (const path of ['/api/alerts/', '/api/alerts', '/api/alerts/config'])
        await eventually(async () =>
          expect((await gateway.get(path)).body).toMatchObject({
            status,
            guestDefaults: { cpu: { trigger: 80, clear: 75 }, diskRead: { trigger: 0, clear: 0 } },
            pmgDefaults: { queueTotalWarning: 500 },
            schedule: { grouping: { window: 30 } },
          }),
        );
    });

    it.each([
      ['POST', '/api/alerts/'],
      ['PUT', '/api/alerts'],
      ['PUT', '/api/alerts/config'],
      ['POST', '/api/alerts/config'],
    ])('are changed by %s %s, also by their older names', async (method, path) => {
      const shown = (await gateway.get('/api/alerts')).body as Record<string, Record<string, object>>;
      const queueTotalWarning = 1000 + Math.floor(Math.random() * 1e6);
      const sent = { ...shown, pmgDefaults: { ...shown['pmgDefaults'], queueTotalWarning } };
      expect(await gateway.send(method, path, sent)).toMatchObject({
        status: 200,
        body: { success: true, status: 'success', config: { pmgThresholds: { queueTotalWarning } } },
      });
      expect(alerting.lastOf(alertConfigUpdate)).toMatchObject({ actor: { name: 'token:test' } });
      expect(alerting.lastOf(alertConfigUpdate)).not.toHaveProperty('patch.status');
    });

    it('are refused in words', async () => {
      alerting.refusal = new LapwingError('INVALID_INPUT', 'guestDefaults.cpu: clear must be below trigger');
      expect(await gateway.send('PUT', '/api/alerts/config', { guestDefaults: {} })).toMatchObject({
        status: 400,
        body: { error: 'guestDefaults.cpu: clear must be below trigger' },
      });
      for (const body of ['[]', '"x"', 'null'])
        expect((await gateway.send('PUT', '/api/alerts/config', body)).status).toBe(400);
    });

    it('leave their names in the audit trail', async () => {
      const told: unknown[] = [];
      gateway.bus.listen(auditOccurred, '*', ({ type, action, target }) => told.push([type, action, target]));
      await eventually(async () => {
        await gateway.send('PUT', '/api/alerts/config', { enabled: true });
        await gateway.send('POST', `/api/alerts/${guest.id}/acknowledge`);
        expect(told).toContainEqual(['alerts', 'configured', 'enabled']);
        expect(told).toContainEqual(['alert', 'acknowledged', guest.id]);
      });
    });
  });

  describe('as Tyto shows them', () => {
    it('are listed with the thresholds of hosts', async () => {
      expect((await gateway.get('/api/v1/alerts')).body).toMatchObject({
        alerts: [
          {
            id: 'web-1-cpu',
            type: 'cpu',
            level: 'warning',
            value: 85,
            threshold: 80,
            agent_id: 'web-1',
            created_at: '2026-01-15T10:00:00Z',
            acknowledged: false,
          },
          { agent_id: 'web-1', acknowledged: true },
          { agent_id: 'home-pve1-100' },
        ],
        config: {
          cpu: { warning: 80, critical: 95 },
          memory: { warning: 85, critical: 95 },
          disk: { warning: 80, critical: 90 },
        },
      });
    });

    it('begin at other thresholds', async () => {
      const changed = await gateway.post('/api/v1/alerts/config', { cpu: { warning: 70 } });
      expect(changed).toMatchObject({
        status: 200,
        body: { cpu: { warning: 70, critical: 95 }, disk: { warning: 80 } },
      });
      expect(alerting.config.hostDefaults.cpu).toEqual({ trigger: 70, clear: 65, critical: 95 });
      expect((await gateway.send('PUT', '/api/v1/alerts/config', { cpu: { warning: 0 } })).body).toMatchObject({
        cpu: { warning: 0, critical: 0 },
      });
      expect((await gateway.post('/api/v1/alerts/config', { cpu: { warning: 80, critical: 95 } })).status).toBe(200);
      expect((await gateway.get('/api/v1/alerts/config')).body).toMatchObject({ cpu: { warning: 80, critical: 95 } });
      for (const body of [
        { gpu: { warning: 1 } },
        { cpu: { warning: 96 } },
        { cpu: { warning: -1 } },
        { cpu: { critical: 101 } },
        { cpu: { warning: '80' } },
        { cpu: 80 },
      ])
        expect((await gateway.post('/api/v1/alerts/config', body)).status).toBe(400);
    });

    it('are acknowledged, and told with those of before', async () => {
      expect((await gateway.send('POST', '/api/v1/alerts/web-1-cpu/acknowledge')).body).toMatchObject({
        id: 'web-1-cpu',
        acknowledged: true,
        acknowledged_by: 'token:test',
        why: '80 or more for 5 s',
      });
      expect((await gateway.send('POST', '/api/v1/alerts/none/acknowledge')).status).toBe(404);
      expect((await gateway.send('POST', '/api/v1/alerts/web-1-cpu/clear')).body).toMatchObject({
        resolution: 'cleared',
      });
      expect((await gateway.get('/api/v1/alerts/history?level=warning')).body).toMatchObject({
        total: 2,
        alerts: [{ id: guest.id }, { id: 'old', resolved_at: '2026-01-15T10:01:00Z' }],
      });
    });
  });

  describe('in the state', () => {
    const ids = async () =>
      ((await gateway.get('/api/state')).body as { activeAlerts: { id: string }[] }).activeAlerts.map(({ id }) => id);

    it('stand as they are, and change as they change', async () => {
      alerting.news();
      await eventually(async () =>
        expect((await ids()).toSorted()).toEqual([guest.id, 'web-1-cpu', disk.id].toSorted()),
      );
      const { activeAlerts } = (await gateway.get('/api/state')).body as { activeAlerts: object[] };
      expect(activeAlerts[0]).not.toHaveProperty('metadata');
      const fresh = openAlert({ id: 'new', occurrence: 9, startedAt: BEGAN + 1000 });
      alerting.open = [fresh, openAlert(), disk];
      await alerting.say('resolved', { ...guest, resolvedAt: BEGAN + 1, resolution: 'recovered' });
      await alerting.say('fired', fresh);
      await eventually(async () => expect(await ids()).toEqual(['new', disk.id, 'web-1-cpu']));
      // Of what is gone without a word, the next look tells.
      alerting.open = [disk];
      alerting.news();
      await eventually(async () => expect(await ids()).toEqual([disk.id]));
    });

    it('are told to sockets as they begin and end', async () => {
      const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/ws`, {
        headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      });
      const messages: { type: string; data: object }[] = [];
      socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as (typeof messages)[0]));
      await eventually(() => expect(messages.map(({ type }) => type)).toContain('initialState'));
      await alerting.say('fired', disk);
      await alerting.say('level', disk);
      await alerting.say('cleared', { ...disk, resolvedAt: BEGAN, resolution: 'cleared' });
      await eventually(() => expect(messages.map(({ type }) => type)).toContain('alertResolved'));
      expect(messages.filter(({ type }) => type.startsWith('alert'))).toMatchObject([
        { type: 'alert', data: { id: disk.id, metadata: { score: 90 } } },
        { type: 'alertResolved', data: { alertId: disk.id } },
      ]);
      socket.close();
    });
  });

  describe('as they happen', () => {
    const followers: Follower[] = [];
    const follow = async (headers: Record<string, string> = {}, query = ''): Promise<Follower> => {
      const follower = await Follower.open(`${gateway.url}/api/v1/alerts/stream${query}`, {
        ...(query === '' && { authorization: `Bearer ${ADMIN_TOKEN}` }),
        ...headers,
      });
      followers.push(follower);
      return follower;
    };
    const told = (follower: Follower) =>
      follower.events.map(({ data }) => (data as { alert?: { id: string } }).alert?.id);
    afterEach(() => {
      for (const follower of followers.splice(0)) follower.close();
    });

    it('are told from now on, and again after a break, each once', async () => {
      await alerting.say('fired', openAlert({ id: 'before' }));
      const first = await follow();
      // Until the gateway follows, what is said is not for this client.
      let last = 0;
      await eventually(async () => {
        last = await alerting.say('fired', openAlert({ id: 'a' }));
        expect(told(first)).toContain('a');
      });
      await eventually(() => expect(first.events.at(-1)?.id).toBe(String(last)));
      expect(told(first)).not.toContain('before');
      expect(first.events.at(-1)).toMatchObject({
        event: 'alert',
        data: { change: 'fired', alert: { id: 'a', severity: 'medium' }, time: expect.stringMatching(/Z$/) as unknown },
      });
      first.close();
      await alerting.say('fired', openAlert({ id: 'b' }));
      await alerting.say('level', openAlert({ id: 'b' }));
      const second = await follow({ 'last-event-id': String(last) });
      await alerting.say('fired', openAlert({ id: 'c' }));
      await eventually(() => expect(told(second)).toEqual(['b', 'b', 'c']));
    });

    it('are told with a gap when not all can be given back', async () => {
      const position = await alerting.say('fired', openAlert({ id: 'a' }));
      const follower = await follow({ 'last-event-id': String(position + 1000) });
      await eventually(() => expect(follower.events).toMatchObject([{ event: 'gap' }]));
      expect(
        (await gateway.get('/api/v1/alerts/stream', { ...as('x', ['*']), 'last-event-id': 'nonsense' })).status,
      ).toBe(400);
    });

    it('are told to whoever may see them, by token in the query, until the token ends', async () => {
      expect((await gateway.get('/api/v1/alerts/stream', as('blind', ['dashboard:view']))).status).toBe(403);
      as('brief', ['alerts:view']);
      const follower = await follow({}, '?token=brief');
      gateway.revoke('brief');
      await eventually(() => expect(follower.ended).toBe(true));
      expect(follower.events.at(-1)).toMatchObject({ event: 'error' });
    });
  });

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
      alerting.answer(silenceList, () => ({ silences: [silence] }));
      alerting.answer(silenceCreate, ({ draft }) => ({ ...silence, ...draft }));
      alerting.answer(silenceUpdate, ({ draft, id }) => {
        if (id !== ID) throw new LapwingError('NOT_FOUND');
        return { ...silence, ...draft };
      });
      alerting.answer(silenceDelete, () => ({}));
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
      alerting.answer(maintenanceList, () => ({ windows: [window] }));
      alerting.answer(maintenanceCreate, ({ draft }) => ({ ...window, ...draft }));
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
    alerting.answer(incidentList, () => ({ incidents: [incident], total: 1 }));
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
    alerting.answer(alertReplay, () => ({
      alerts: [
        {
          id: 'web-1-cpu',
          resourceId: 'web-1',
          metric: 'cpu',
          level: 'warning',
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
    alerting.answer(deliveryList, () => ({ deliveries: [delivery], total: 1 }));
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

  it('are known to the stream under their own key', () =>
    expect(alertChanged.keyOf?.({ change: 'fired', alert: disk, time: 0 })).toBe(disk.id));
});
