import type { AlertConfig } from '@lapwing/contracts';
import { atOnce, configOf, resourceOf, T0 } from '../../test/estate-fixtures';
import { Engine, type Change } from './engine';
import type { Reading } from './reading';
import type { Signal } from './signals';

const host = resourceOf();
const cpu = (value: number | null, id = 'web-1'): Reading => ({ resource: resourceOf({ id }), signal: 'cpu', value });
const told = (changes: Change[]): string[] =>
  changes.map(({ kind, alertId, level, resolution }) => [kind, alertId, resolution ?? level].join(' '));

/** An engine, and what each of some looks at one scope did, a second apart. */
function watching(config: AlertConfig = atOnce()) {
  const engine = new Engine(config);
  let at = T0;
  const look = (readings: Reading[], scope = 'a', time = (at += 1000)) => told(engine.look({ scope, time, readings }));
  return { engine, look };
}
const reborn = (engine: Engine, config: AlertConfig, open: Change[]): Engine => {
  const kept = JSON.stringify([
    engine.state(),
    open.flatMap(({ kind: _kind, track, ...about }) => (track ? [{ ...about, track }] : [])),
  ]);
  const [state, tracks] = JSON.parse(kept) as [ReturnType<Engine['state']>, ConstructorParameters<typeof Engine>[2]];
  return new Engine(config, state, tracks);
};

describe('looks', () => {
  it('fire, change and resolve', () => {
    const { engine, look } = watching();
    expect(look([cpu(79)])).toEqual([]);
    expect(look([cpu(80)])).toEqual(['fired web-1-cpu warning']);
    expect(engine.openCount).toBe(1);
    expect(look([cpu(95)])).toEqual(['level web-1-cpu critical']);
    expect(look([cpu(96)])).toEqual([]);
    expect(look([cpu(75)])).toEqual(['resolved web-1-cpu recovered']);
    expect(engine.openCount).toBe(0);
  });
  it('tell all that one should know', () => {
    const engine = new Engine(configOf({ timeThresholds: { host: 5 } }));
    const at = (time: number, value: number) => engine.look({ scope: 'a', time, readings: [cpu(value)] });
    at(T0, 85);
    expect(at(T0 + 5000, 87.5)).toEqual([
      {
        kind: 'fired',
        alertId: 'web-1-cpu',
        scope: 'a',
        resource: host,
        signal: 'cpu',
        level: 'warning',
        value: 87.5,
        threshold: 80,
        clearThreshold: 75,
        unit: '%',
        score: 57,
        detail: '',
        message: 'CPU of host web-1 is at 87.5 % (threshold 80 %)',
        why: '87.5 %: warning is 80 % or more; in breach for 5 s in 2 readings, 5 s and 1 asked for',
        startedAt: T0,
        at: T0 + 5000,
        samples: [
          [T0, 85],
          [T0 + 5000, 87.5],
        ],
        resolution: null,
        track: expect.objectContaining({ level: 'warning', since: T0 }) as unknown,
      },
    ]);
    expect(at(T0 + 6000, 95)[0]).toMatchObject({ kind: 'level', threshold: 95, level: 'critical', startedAt: T0 });
    expect(at(T0 + 7000, 10)[0]).toMatchObject({
      kind: 'resolved',
      value: 10,
      at: T0 + 7000,
      startedAt: T0,
      track: undefined,
      why: '10 %: fine again is 75 % or less',
    });
  });
  it('that are late or come twice change nothing', () => {
    const { look } = watching();
    look([cpu(10)], 'a', T0);
    expect(look([cpu(99)], 'a', T0)).toEqual([]);
    expect(look([cpu(99)], 'a', T0 - 1)).toEqual([]);
    expect(look([cpu(99)], 'b', T0 - 1)).toEqual(['fired web-1-cpu critical']);
  });
  it('end what they miss, and let stand what is not known', () => {
    const { look } = watching();
    look([cpu(85), cpu(85, 'web-2')]);
    expect(look([cpu(null), cpu(Number.NaN, 'web-2')])).toEqual([]);
    expect(look([cpu(Number.POSITIVE_INFINITY)])).toEqual(['resolved web-2-cpu removed']);
    expect(look([])).toEqual(['resolved web-1-cpu removed']);
    expect(look([])).toEqual([]);
  });
  it('keep what belongs to things that were seen in part', () => {
    const engine = new Engine(atOnce());
    const disk = {
      ...cpu(99),
      signal: 'disk' as const,
      resource: resourceOf({ id: 'vm-disk-root', type: 'guest', parents: ['vm'] }),
    };
    expect(told(engine.look({ scope: 'a', time: 1, readings: [disk] }))).toHaveLength(1);
    expect(engine.look({ scope: 'a', time: 2, readings: [], partly: new Set(['vm']) })).toEqual([]);
    expect(told(engine.look({ scope: 'a', time: 3, readings: [], partly: new Set(['other']) }))).toEqual([
      'resolved vm-disk-root-disk removed',
    ]);
  });
  it.each<[string, Signal, (number | null)[]]>([
    ['the greatest', 'cpu', [10, 99, 20]],
    ['the greatest, though it comes first', 'cpu', [99, 10, null, Number.NaN]],
    ['the smallest, where small is bad', 'disk-life', [90, 3, 50]],
  ])('that have a reading several times judge %s', (_name, signal, values) => {
    const { look } = watching();
    const readings = values.map((value): Reading => ({ resource: host, signal, value }));
    expect(look(readings)).toEqual([`fired web-1-${signal} critical`]);
    expect(look(readings)).toEqual([]);
    expect(look(readings.toReversed())).toEqual([]);
  });
  it('of two scopes at one thing: whoever saw it last says whether it is there', () => {
    const { engine, look } = watching();
    expect(look([cpu(85)], 'a')).toHaveLength(1);
    expect(look([cpu(85)], 'b')).toEqual([]);
    expect(look([], 'a')).toEqual([]);
    expect(look([], 'b')).toEqual(['resolved web-1-cpu removed']);
    expect(engine.forget('a', T0)).toEqual([]);
    expect(engine.forget('b', T0)).toEqual([]);
    expect(engine.scopes('')).toEqual([]);
  });
  it('fall back with what gets better', () => {
    const { look } = watching();
    const ceph = (value: number): Reading => ({ resource: resourceOf({ type: 'ceph' }), signal: 'ceph-health', value });
    expect([2, 1, 2, 0].flatMap((value) => look([ceph(value)]))).toEqual([
      'fired web-1-ceph-health critical',
      'level web-1-ceph-health warning',
      'level web-1-ceph-health critical',
      'resolved web-1-ceph-health recovered',
    ]);
  });
  it('score what is worst at 100, where small is bad, too', () => {
    const { engine } = watching();
    const life = (time: number, value: number) =>
      engine.look({
        scope: 'd',
        time,
        readings: [{ resource: resourceOf({ type: 'disk' }), signal: 'disk-life', value }],
      });
    expect(life(1, 10)[0]).toMatchObject({
      level: 'warning',
      score: 30,
      clearThreshold: 11,
      why: '10 %: warning is 10 % or less; in breach for 0 s in 1 readings, 0 s and 1 asked for',
    });
    expect(life(2, 0)[0]).toMatchObject({ level: 'critical', score: 100, threshold: 5 });
    expect(life(3, 11)[0]).toMatchObject({ kind: 'resolved', why: '11 %: fine again is 11 % or more' });
  });
});

describe('rules that change', () => {
  it('are applied to what is open, at once', () => {
    const { engine, look } = watching();
    look([cpu(85), cpu(96, 'web-2')]);
    expect(
      told(engine.configure(atOnce({ hostDefaults: { cpu: { trigger: 90, clear: 85, critical: 97 } } }), T0)),
    ).toEqual(['resolved web-1-cpu recovered', 'level web-2-cpu warning']);
    expect(engine.configure(atOnce({ disableAllHosts: true }), T0)[0]).toMatchObject({
      resolution: 'disabled',
      why: 'nobody wants to know of this any more',
    });
    expect(look([cpu(99)])).toEqual([]);
    engine.configure(atOnce(), T0);
    expect(look([cpu(85)])).toEqual(['fired web-1-cpu warning']);
  });
  it('of others leave alone what is between clear and trigger, also after a restart', () => {
    const config = atOnce();
    const engine = new Engine(config);
    const fired = engine.look({ scope: 'a', time: T0, readings: [cpu(85)] });
    engine.look({ scope: 'a', time: T0 + 1, readings: [cpu(77)] });
    expect(engine.configure(atOnce({ overrides: { other: { cpu: 10 } } }), T0)).toEqual([]);
    const [open] = engine.changedOpen();
    const next = reborn(
      engine,
      config,
      fired.map((change) => ({ ...change, track: open?.track })),
    );
    expect(next.configure(config, T0)).toEqual([]);
    expect(told(next.configure(atOnce({ hostDefaults: { cpu: 78 } }), T0))).toEqual(['resolved web-1-cpu recovered']);
  });
  it('that came while nobody judged are seen by the next engine', () => {
    const engine = new Engine(atOnce());
    const fired = engine.look({ scope: 'a', time: T0, readings: [cpu(85)] });
    const config = atOnce({ hostDefaults: { cpu: 90 } });
    expect(told(reborn(engine, config, fired).configure(config, T0))).toEqual(['resolved web-1-cpu recovered']);
  });
  it('end a wait without a word', () => {
    const { engine, look } = watching(configOf());
    look([cpu(85)]);
    expect(engine.configure(configOf({ enabled: false }), T0)).toEqual([]);
    expect(engine.state().waiting).toEqual([]);
  });
});

describe('what is cleared by hand', () => {
  it('comes back after it was fine, and is no longer open', () => {
    const { engine, look } = watching();
    look([cpu(85)]);
    engine.clear('web-1-cpu', T0 + 1_000_000);
    expect(engine.openCount).toBe(0);
    expect(look([cpu(95)])).toEqual([]);
    expect(look([cpu(75)])).toEqual([]);
    expect(look([cpu(85)])).toEqual(['fired web-1-cpu warning']);
  });
  it('comes back after the time, and is gone without a word when the thing is', () => {
    const { engine, look } = watching();
    look([cpu(85), cpu(85, 'web-2')]);
    engine.clear('web-1-cpu', T0 + 3000);
    engine.clear('web-2-cpu', T0 + 3000);
    engine.clear('nothing', T0 + 3000);
    expect(look([cpu(85)])).toEqual([]);
    expect(look([cpu(85)])).toEqual(['fired web-1-cpu warning']);
  });
  it('is left alone when it began at another time', () => {
    const { engine, look } = watching();
    look([cpu(85)], 'a', T0);
    look([cpu(85)], 'a', T0 + 1000);
    for (const startedAt of [T0 - 1, T0 + 1, T0 + 1000, 0, Number.NaN]) {
      engine.clear('web-1-cpu', T0 + 1_000_000, startedAt);
      expect(engine.openCount).toBe(1);
    }
    look([cpu(10)], 'a', T0 + 2000);
    expect(look([cpu(85)], 'a', T0 + 3000)).toEqual(['fired web-1-cpu warning']);
    engine.clear('web-1-cpu', T0 + 1_000_000, T0);
    expect(engine.openCount).toBe(1);
    expect(look([cpu(95)], 'a', T0 + 4000)).toEqual(['level web-1-cpu critical']);
    engine.clear('web-1-cpu', T0 + 1_000_000, T0 + 3000);
    expect(engine.openCount).toBe(0);
    expect(look([cpu(95)], 'a', T0 + 5000)).toEqual([]);
    engine.clear('nothing', T0, T0);
  });
  it('is no matter to what only waits', () => {
    const { engine, look } = watching(configOf({ timeThresholds: { host: 1 } }));
    look([cpu(85)]);
    engine.clear('web-1-cpu', T0 + 1_000_000);
    expect(look([cpu(85)])).toEqual(['fired web-1-cpu warning']);
  });
});

describe('what an engine keeps', () => {
  it('is nothing of things that are gone or fine', () => {
    const { engine, look } = watching();
    for (let at = 0; at < 1000; at++) look([cpu(85, `web-${at}`)], `host:${at}`);
    for (let at = 0; at < 1000; at++) expect(told(engine.forget(`host:${at}`, T0 + 9e6))).toHaveLength(1);
    expect(engine.state()).toEqual({ seen: [], waiting: [] });
    expect(engine.scopes('')).toEqual([]);
    for (let at = 0; at < 1000; at++) look([cpu(at % 2 === 0 ? 85 : 10, `web-${at}`)], 'one', T0 + 1e7 + at);
    expect(engine.openCount).toBe(0);
    expect(engine.state().seen).toHaveLength(1);
  });
  it('is what was read since it was asked last', () => {
    const { engine, look } = watching();
    look([cpu(85)]);
    expect(engine.changedOpen()).toEqual([]);
    look([cpu(86)]);
    expect(engine.changedOpen().map(({ track }) => track.lastValue)).toEqual([86]);
    expect(engine.changedOpen()).toEqual([]);
    look([cpu(87)]);
    look([cpu(10)]);
    expect(engine.changedOpen()).toEqual([]);
  });
  it('is said anew, by the newest value', () => {
    const { engine, look } = watching();
    const said = () => engine.changedOpen().map(({ alertId, message, score }) => [alertId, message, score]);
    const fired = engine.look({ scope: 'a', time: T0, readings: [cpu(85)] });
    look([cpu(92.34)]);
    expect(said()).toEqual([['web-1-cpu', 'CPU of host web-1 is at 92.3 % (threshold 80 %)', expect.any(Number)]]);
    look([cpu(97)]);
    look([cpu(96)]);
    look([cpu(99.96)]);
    const [now] = said();
    expect(now?.slice(0, 2)).toEqual(['web-1-cpu', 'CPU of host web-1 is at 100 % (threshold 95 %)']);
    expect(now?.[2]).toBeGreaterThan(fired[0]?.score ?? 100);
    // Also by what the rules are now.
    look([cpu(96)]);
    expect(
      engine.configure(atOnce({ hostDefaults: { cpu: { trigger: 70.05, clear: 60, critical: 90.125 } } }), T0),
    ).toEqual([]);
    expect(said()).toEqual([['web-1-cpu', 'CPU of host web-1 is at 96 % (threshold 90.125 %)', expect.any(Number)]]);
  });
  it('says of it what is told when it fires at that value', () => {
    const { engine, look } = watching();
    const [fired] = new Engine(atOnce()).look({ scope: 'a', time: T0, readings: [cpu(87.5)] });
    look([cpu(81)]);
    look([cpu(87.5)]);
    expect(engine.changedOpen()).toMatchObject([{ message: fired?.message, score: fired?.score }]);
  });
  it('knows its scopes by how they begin', () => {
    const { engine, look } = watching();
    look([cpu(10)], 'host:1');
    look([cpu(10)], 'docker:1');
    expect(engine.scopes('docker:')).toEqual(['docker:1']);
    expect([engine.hasSeen('host:1'), engine.hasSeen('host:2')]).toEqual([true, false]);
  });
});
