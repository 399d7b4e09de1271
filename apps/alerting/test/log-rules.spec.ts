import {
  alertHistory,
  alertConfigGet,
  alertConfigUpdate,
  deliveryList,
  logruleCreate,
  logruleDelete,
  logruleUpdate,
  silenceCreate,
  type LogRuleDraft,
} from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { LogWatchService } from '../src/services/log-watch.service';
import { Alerting, actor, atOnce } from './harness';
import { LogStore } from './log-store';

/** The window is short, so that rounds are. */
const draftOf = (changes: Partial<LogRuleDraft> = {}): LogRuleDraft => ({
  id: 'nginx',
  name: 'nginx errors',
  enabled: true,
  agentId: null,
  source: 'journal',
  sourceName: null,
  levels: null,
  query: 'refused',
  pattern: null,
  count: 10,
  criticalCount: 100,
  windowSeconds: 10,
  level: 'warning',
  ...changes,
});
const idOf = (agentId: string, ruleId = 'nginx'): string => `log:${ruleId}:${agentId}-log-matches`;

describe('rules on logs', () => {
  let alerting: Alerting;
  let logs: LogStore;
  beforeEach(async () => {
    alerting = await Alerting.start();
    await alerting.configure(atOnce);
    logs = new LogStore(alerting.bus);
  }, 60_000);
  afterEach(() => alerting.stop());

  const create = (changes?: Partial<LogRuleDraft>) =>
    alerting.bus.request(logruleCreate, { actor, draft: draftOf(changes) });
  const faults = () => alerting.apps.map((app) => app.get(LogWatchService).fault);
  const told = (count: number) => eventually(() => expect(alerting.receiver.requests).toHaveLength(count), 25_000);

  it('raise an alert once, with the lines, make it critical, and end it', async () => {
    await logs.play();
    await alerting.webhook();
    await alerting.sample('web-1', Date.now() - 1000);
    logs.lines.set('refused', { 'web-1': 14, 'web-2': 9 });
    await create();
    const [alert] = await alerting.until([idOf('web-1')]);
    const message =
      '14 lines matched "nginx errors" on web-1 in 10 seconds (limit 10): connect() failed (111: Connection refused) | upstream timed out | no live upstreams';
    expect(alert).toMatchObject({
      level: 'warning',
      signal: 'log-matches',
      value: 14,
      threshold: 10,
      unit: 'lines',
      message,
      resource: { id: 'log:nginx:web-1', type: 'log', node: 'web-1', instance: 'web-1', parents: ['web-1'] },
    });
    await told(1);
    expect(alerting.received()[0]).toMatchObject({ alert: { message, resourceType: 'log' } });
    const [{ from, to } = { from: 0, to: 0 }] = logs.asked;
    expect([logs.asked[0], to - from]).toMatchObject([{ source: 'journal', query: 'refused', name: null }, 10_000]);
    logs.lines.set('refused', { 'web-1': 100 });
    await eventually(
      async () => expect((await alerting.open())[0]).toMatchObject({ level: 'critical', value: 100 }),
      20_000,
    );
    logs.lines.set('refused', {});
    await eventually(async () => expect(await alerting.open()).toEqual([]), 20_000);
    await told(3);
    expect(alerting.changes.map(({ change }) => change)).toEqual(['fired', 'level', 'resolved']);
    expect(alerting.changes.at(-1)?.alert).toMatchObject({ value: 0, resolution: 'recovered' });
    expect(alerting.received().at(-1)).toMatchObject({
      event: 'resolved',
      alert: { message: 'Log rule "nginx errors" on web-1 is over: 0 lines: fine again is 9 lines or less' },
    });
  }, 90_000);

  it('begin and end nothing while the logs cannot be asked', async () => {
    await create();
    await eventually(() => expect(faults()).toEqual(['1 of 1 rules on logs are not judged']), 20_000);
    logs.lines.set('refused', { 'web-1': 10 });
    await logs.play();
    await eventually(async () => expect(await alerting.open()).toHaveLength(1), 40_000);
    expect(faults()).toEqual([null]);
    logs.failure = 'TIMEOUT';
    logs.lines.set('refused', { 'web-2': 10 });
    await logs.round('refused');
    expect(await alerting.until([idOf('web-1')])).toHaveLength(1);
    expect(faults()).toEqual(['1 of 1 rules on logs are not judged']);
    logs.failure = null;
    await eventually(async () => expect((await alerting.open()).map(({ id }) => id)).toEqual([idOf('web-2')]), 40_000);
    await eventually(() =>
      expect(alerting.changes.map(({ change }) => change).toSorted()).toEqual(['fired', 'fired', 'resolved']),
    );
  }, 120_000);

  it('end what is open of them at once when they go, are switched off or look at other lines; so do hosts', async () => {
    await logs.play();
    logs.lines.set('refused', { 'web-1': 10, 'web-2': 20 });
    const both = [idOf('web-1'), idOf('web-2')];
    const ended = async (change: Promise<unknown>): Promise<unknown> => {
      await change;
      await alerting.until([]);
      const { alerts } = await alerting.bus.request(alertHistory, { limit: 1 });
      return alerts[0]?.resolution;
    };
    await create();
    await alerting.until(both);
    expect(await ended(update({ enabled: false }))).toBe('disabled');
    await update({});
    await alerting.until(both);
    expect(await ended(update({ query: 'other' }))).toBe('disabled');
    await update({});
    await alerting.until(both);
    // Judged otherwise, what would not fire any more is over, and the rest stays.
    await update({ count: 15, criticalCount: null });
    await alerting.until([idOf('web-2')]);
    await alerting.announce({ agentId: 'web-2', change: 'deleted', status: null, message: '', time: Date.now() });
    await alerting.until([]);
    await logs.round('refused');
    expect(await alerting.open()).toEqual([]);
    await update({});
    await alerting.until([idOf('web-1')]);
    expect(await ended(alerting.bus.request(logruleDelete, { actor, id: 'nginx' }))).toBe('disabled');
  }, 90_000);

  const update = (changes: Partial<LogRuleDraft>) =>
    alerting.bus.request(logruleUpdate, { actor, id: 'nginx', draft: draftOf(changes) });

  it('go on where they stood after a restart', async () => {
    await logs.play();
    logs.lines.set('refused', { 'web-1': 10, 'web-2': 10 });
    logs.lines.set('gone', { 'web-1': 10 });
    await create();
    await create({ id: 'gone', query: 'gone' });
    await alerting.until([idOf('web-1'), idOf('web-2'), idOf('web-1', 'gone')]);
    await alerting.apps.pop()?.close();
    logs.lines.set('refused', { 'web-1': 12 });
    const row = await alerting.rows<{ document: { logRules: { id: string }[] } }>(
      'SELECT document FROM alerting.config',
    );
    const logRules = row[0]?.document.logRules.filter(({ id }) => id !== 'gone');
    await alerting.rows(`UPDATE alerting.config SET document = jsonb_set(document, '{logRules}', $1)`, [
      JSON.stringify(logRules),
    ]);
    await alerting.serve();
    const [alert] = await alerting.until([idOf('web-1')]);
    await logs.round('refused');
    const went = ['fired', 'fired', 'fired', 'resolved', 'resolved'];
    await eventually(() => expect(alerting.changes.map(({ change }) => change).toSorted()).toEqual(went));
    expect((await alerting.open())[0]?.occurrence).toBe(alert?.occurrence);
  }, 90_000);

  it('are divided among replicas, and each is judged by one', async () => {
    await logs.play();
    await alerting.serve();
    const rules = Array.from({ length: 24 }, (_, index) => ({ ...draftOf(), id: `rule-${index}`, query: `q${index}` }));
    for (const { query } of rules) logs.lines.set(query ?? '', { 'web-1': 10 });
    await alerting.configure({ logRules: rules });
    const ids = rules.map(({ id }) => idOf('web-1', id));
    await eventually(async () => expect(await alerting.open()).toHaveLength(24), 40_000);
    await eventually(() => {
      const shares = alerting.apps.map((app) => app.get(LogWatchService).rules);
      expect(shares.every((share) => share > 0)).toBe(true);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(24);
    }, 40_000);
    await alerting.apps.pop()?.close();
    await eventually(() => expect(alerting.apps[0]?.get(LogWatchService).rules).toBe(24), 40_000);
    await logs.round('q0');
    await alerting.until(ids);
    await eventually(() => expect(alerting.changes.map(({ change }) => change)).toEqual(ids.map(() => 'fired')));
  }, 150_000);

  it('are held by silences of their host and by quiet hours', async () => {
    await logs.play();
    await alerting.webhook();
    const matchers = [{ name: 'instance' as const, value: 'web-1' }];
    const draft = { matchers, startsAt: Date.now() - 1000, endsAt: Date.now() + 3_600_000 };
    await alerting.bus.request(silenceCreate, { actor, draft });
    await alerting.configure({ schedule: { quietHours: { enabled: true, start: '00:00', end: '00:00' } } });
    logs.lines.set('refused', { 'web-1': 10, 'web-2': 10, 'web-3': 100 });
    await create();
    await eventually(async () => {
      const quiet = (await alerting.open()).map(({ resource, quiet: why }) => `${resource.instance} ${why}`);
      expect(quiet.toSorted()).toEqual(['web-1 silenced by admin', 'web-2 quiet hours', 'web-3 ']);
    }, 30_000);
    await told(1);
    expect(alerting.received()[0]).toMatchObject({ alert: { id: idOf('web-3'), level: 'critical' } });
    expect((await alerting.bus.request(deliveryList, {})).deliveries).toHaveLength(1);
  }, 60_000);

  describe('are written', () => {
    const rulesNow = async () => (await alerting.bus.request(alertConfigGet, {})).logRules;

    it('by many at once, and none is lost', async () => {
      const { id: _id, ...draft } = draftOf();
      const made = await Promise.all(
        Array.from({ length: 12 }, () => alerting.bus.request(logruleCreate, { actor, draft })),
      );
      const ids = (await rulesNow()).map(({ id }) => id);
      expect(ids.toSorted()).toEqual(made.map(({ id }) => id).toSorted());
      expect(new Set(ids).size).toBe(12);
      await Promise.all([
        alerting.bus.request(logruleDelete, { actor, id: 'nginx-errors' }),
        alerting.bus.request(logruleUpdate, { actor, id: 'nginx-errors-2', draft: draftOf({ count: 50 }) }),
        alerting.configure({ enabled: false }),
      ]);
      const rules = await rulesNow();
      expect(rules).toHaveLength(11);
      expect(rules.find(({ id }) => id === 'nginx-errors-2')).toMatchObject({ count: 50, name: 'nginx errors' });
    });

    it('and refused with what was wrong', async () => {
      await create();
      const refusals: [Promise<unknown>, object][] = [
        [create(), { code: 'INVALID_INPUT', message: 'id: another rule has this id' }],
        [
          create({ id: 'x', pattern: String.raw`(a)\1` }),
          { code: 'INVALID_INPUT', message: expect.stringMatching(/^pattern: .*invalid escape/) },
        ],
        [create({ id: 'x', pattern: `(?:${'a'.repeat(400)}){1000}` }), { message: 'pattern: it repeats too much' }],
        [create({ id: 'x', query: null, source: null }), { code: 'INVALID_INPUT' }],
        [
          alerting.configure({ logRules: [draftOf(), draftOf({ id: 'x', pattern: '[' })] }),
          { message: expect.stringMatching(/^logRules\.1\.pattern: .*missing closing/) },
        ],
        [alerting.bus.request(logruleDelete, { actor, id: 'x' }), { code: 'NOT_FOUND' }],
        [alerting.bus.request(logruleUpdate, { actor, id: 'x', draft: draftOf() }), { code: 'NOT_FOUND' }],
      ];
      for (const [request, error] of refusals) await expect(request).rejects.toMatchObject(error);
      expect(await rulesNow()).toHaveLength(1);
    });

    it('back by whoever writes all rules without knowing of them', async () => {
      await create({ pattern: '(a+)+$' });
      const { logRules: _logRules, ...patch } = await alerting.bus.request(alertConfigGet, {});
      await alerting.bus.request(alertConfigUpdate, { actor, patch, replace: true });
      expect(await rulesNow()).toMatchObject([{ id: 'nginx', pattern: '(a+)+$' }]);
    });
  });
});
