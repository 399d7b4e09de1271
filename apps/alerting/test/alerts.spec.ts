import { alertAcknowledge, alertClear, alertHistory, deliveryList, silenceCreate } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { Alerting, actor, atOnce } from './harness';

describe('alerts', () => {
  let alerting: Alerting;

  beforeEach(async () => {
    alerting = await Alerting.start();
    await alerting.configure(atOnce);
  }, 60_000);
  afterEach(() => alerting.stop());

  it('fires, is told, ends, and whoever was told is told that', async () => {
    await alerting.webhook();
    const now = Date.now();
    await alerting.cpu('web-1', now - 3000, 20);
    await alerting.cpu('web-1', now - 2000, 85);
    const [alert] = await alerting.until(['web-1-cpu']);
    expect(alert).toMatchObject({
      level: 'warning',
      value: 85,
      threshold: 80,
      clearThreshold: 75,
      startedAt: now - 2000,
    });
    await eventually(() => expect(alerting.receiver.requests).toHaveLength(1));
    await alerting.cpu('web-1', now - 1000, 96);
    await eventually(async () => expect((await alerting.open())[0]).toMatchObject({ level: 'critical', value: 96 }));
    await eventually(() => expect(alerting.receiver.requests).toHaveLength(2));
    await alerting.cpu('web-1', now, 50);
    await alerting.until([]);
    await eventually(() => expect(alerting.receiver.requests).toHaveLength(3));
    expect(alerting.changes.map(({ change }) => change)).toEqual(['fired', 'level', 'resolved']);
    // The receiver has a message a moment before the ledger knows.
    await eventually(async () => {
      const { deliveries } = await alerting.bus.request(deliveryList, {});
      expect(deliveries.map(({ kind, status, code }) => [kind, status, code])).toEqual([
        ['resolved', 'sent', 200],
        ['firing', 'sent', 200],
        ['firing', 'sent', 200],
      ]);
    });
    const { alerts, total } = await alerting.bus.request(alertHistory, {});
    expect(total).toBe(1);
    expect(alerts[0]).toMatchObject({ id: 'web-1-cpu', resolution: 'recovered', resolvedAt: now });
  });

  it('is acknowledged, and comes back after it was cleared only when its figure was fine', async () => {
    const now = Date.now();
    await alerting.configure({ schedule: { cooldown: 60 } });
    await alerting.cpu('web-1', now - 9000, 85);
    await alerting.until(['web-1-cpu']);
    const { results } = await alerting.bus.request(alertAcknowledge, {
      actor,
      ids: ['web-1-cpu', 'none'],
      acknowledged: true,
    });
    expect(results.map(({ found }) => found)).toEqual([true, false]);
    expect(results[0]?.alert).toMatchObject({ acknowledgedBy: 'admin' });
    await alerting.bus.request(alertClear, { actor, ids: ['web-1-cpu'] });
    await alerting.until([]);
    await eventually(() => expect(alerting.changes.map(({ change }) => change)).toContain('cleared'));
    await alerting.cpu('web-1', now - 8000, 90);
    await alerting.cpu('web-1', now - 7000, 50);
    await alerting.cpu('web-1', now - 6000, 91);
    const [again] = await alerting.until(['web-1-cpu']);
    expect(again?.startedAt).toBe(now - 6000);
  });

  it('goes on in the middle of a delay after a restart', async () => {
    await alerting.configure({ timeThresholds: { host: 10 } });
    const now = Date.now();
    await alerting.cpu('web-1', now - 20_000, 85);
    await alerting.cpu('web-1', now - 15_000, 86);
    await eventually(async () => {
      const [row] = await alerting.rows<{ n: number }>(
        `SELECT count(*) AS n FROM alerting.partition WHERE state -> 'waiting' @> '[{"alertId": "web-1-cpu"}]'`,
      );
      expect(row?.n).toBe(1);
    });
    await alerting.apps.pop()?.close();
    await alerting.serve();
    await alerting.cpu('web-1', now - 10_000, 87);
    const [alert] = await alerting.until(['web-1-cpu']);
    expect(alert?.samples).toEqual([
      [now - 20_000, 85],
      [now - 15_000, 86],
      [now - 10_000, 87],
    ]);
  });

  it('is held by a silence, and told when the silence ends', async () => {
    await alerting.webhook();
    const endsAt = Date.now() + 4000;
    const matchers = [{ name: 'resourceId' as const, value: 'web-*', op: '~' as const }];
    await alerting.bus.request(silenceCreate, { actor, draft: { matchers, startsAt: Date.now() - 1000, endsAt } });
    await alerting.cpu('web-1', Date.now(), 85);
    await eventually(async () => expect((await alerting.open())[0]?.quiet).toBe('silenced by admin'));
    expect(alerting.receiver.requests).toHaveLength(0);
    await eventually(() => expect(alerting.receiver.requests).toHaveLength(1));
    expect(Date.now()).toBeGreaterThanOrEqual(endsAt);
  });

  it('sends a message once to a receiver that takes its time', async () => {
    await alerting.webhook();
    const of = (name: string) => alerting.receiver.requests.filter(({ body }) => body.includes(name));
    alerting.receiver.answer = ({ body }) => (body.includes('slow-1') ? { hang: 'answer' } : {});
    await alerting.cpu('slow-1', Date.now(), 85);
    await eventually(() => expect(of('slow-1')).toHaveLength(1));
    for (const name of ['web-1', 'web-2', 'web-3']) {
      await alerting.cpu(name, Date.now(), 85);
      await eventually(() => expect(of(name)).toHaveLength(1));
    }
    expect(of('slow-1')).toHaveLength(1);
    alerting.receiver.stop();
  });

  it('never fires for the past', async () => {
    const now = Date.now();
    await alerting.cpu('web-1', now, 20);
    await alerting.cpu('web-2', now, 99);
    await alerting.until(['web-2-cpu']);
    await alerting.cpu('web-1', now - 5000, 99);
    await alerting.cpu('web-3', now - 600_000, 99);
    await alerting.cpu('web-4', now, 99);
    expect(await alerting.until(['web-2-cpu', 'web-4-cpu'])).toHaveLength(2);
  });
});
