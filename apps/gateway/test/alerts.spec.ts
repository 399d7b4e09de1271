import {
  LapwingError,
  alertAcknowledge,
  alertClear,
  alertConfigUpdate,
  alertHistory,
  auditOccurred,
} from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { hashOf } from '../src/http/credential';
import { Alerting, diskAlert, guestAlert, openAlert, pastAlert } from './alerting';
import { Harness, principal } from './harness';

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
    alerting = await Alerting.play(gateway.bus);
  });
  beforeEach(() => {
    alerting.open = [openAlert(), diskAlert, guestAlert];
    alerting.past = [pastAlert];
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
        { id: diskAlert.id, level: 'critical', acknowledged: true, ackUser: 'ann', metadata: { severity: 'critical' } },
        { id: guestAlert.id, resourceType: 'guest', metadata: { resourceType: 'guest', clearThreshold: 75 } },
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
      ['encoded', `/api/alerts/${encodeURIComponent(diskAlert.id)}/acknowledge`],
      ['as they are', `/api/alerts/${diskAlert.id}/acknowledge`],
      ['with a slash at the end', `/api/alerts/${diskAlert.id}/acknowledge/`],
      ['in the form of Tyto', `/api/v1/alerts/${diskAlert.id}/acknowledge`],
      ['in the body', '/api/alerts/acknowledge'],
    ])('are acknowledged by ids with slashes: %s', async (_, path) => {
      const answer = await gateway.send(
        'POST',
        path,
        path.endsWith('alerts/acknowledge') ? { id: diskAlert.id } : undefined,
      );
      expect(answer.status).toBe(200);
      expect(alerting.lastOf(alertAcknowledge)).toMatchObject({ ids: [diskAlert.id], acknowledged: true });
      expect(alerting.open[1]).toMatchObject({ acknowledgedBy: 'token:test' });
    });

    it('are unacknowledged and cleared, and unknown ones are told of', async () => {
      expect(await gateway.send('POST', `/api/alerts/${diskAlert.id}/unacknowledge`)).toEqual({
        status: 200,
        body: { success: true },
      });
      expect(alerting.open[1]?.acknowledgedAt).toBeNull();
      expect((await gateway.post('/api/alerts/clear', { id: diskAlert.id })).status).toBe(200);
      for (const action of ['acknowledge', 'unacknowledge', 'clear'])
        expect((await gateway.send('POST', `/api/alerts/${diskAlert.id}/${action}`)).status).toBe(404);
      for (const body of [{}, { id: 5 }, { id: '' }, { id: 'x'.repeat(901) }])
        expect((await gateway.post('/api/alerts/clear', body)).status).toBe(400);
      expect((await gateway.send('POST', `/api/alerts/${'x'.repeat(900)}/clear`)).status).toBe(404);
      expect((await gateway.send('POST', `/api/alerts/${'x'.repeat(901)}/clear`)).status).toBe(400);
    });

    it('are acknowledged and cleared together', async () => {
      expect(
        (await gateway.post('/api/alerts/bulk/acknowledge', { alertIds: [guestAlert.id, 'none'], user: 'x' })).body,
      ).toEqual({
        results: [
          { alertId: guestAlert.id, success: true },
          { alertId: 'none', success: false, error: 'no such open alert' },
        ],
      });
      const ids = Array.from({ length: 120 }, (_, index) => `a-${index}`);
      expect((await gateway.post('/api/alerts/bulk/clear', { ids })).body).toMatchObject({ results: { length: 120 } });
      expect(alerting.lastOf(alertClear)).toMatchObject({ ids: ids.slice(100) });
      for (const body of [{}, { ids: [] }, { ids: 'a' }, { ids: [1] }])
        expect((await gateway.post('/api/alerts/bulk/clear', body)).status).toBe(400);
    });

    it('want the permission of what is done to them', async () => {
      const viewer = as('viewer', ['alerts:view', 'alerts:acknowledge']);
      expect((await gateway.get('/api/alerts', viewer)).status).toBe(200);
      expect((await gateway.send('POST', `/api/alerts/${diskAlert.id}/acknowledge`, undefined, viewer)).status).toBe(
        200,
      );
      for (const [method, path] of [
        ['POST', `/api/alerts/${diskAlert.id}/clear`],
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
        await gateway.send('POST', `/api/alerts/${guestAlert.id}/acknowledge`);
        expect(told).toContainEqual(['alerts', 'configured', 'enabled']);
        expect(told).toContainEqual(['alert', 'acknowledged', guestAlert.id]);
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
        alerts: [{ id: guestAlert.id }, { id: 'old', resolved_at: '2026-01-15T10:01:00Z' }],
      });
    });
  });
});
