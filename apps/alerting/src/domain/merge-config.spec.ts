import { AlertConfig, defaultAlertConfig } from '@lapwing/contracts';
import { configOf } from '../../test/estate-fixtures';
import { mergeConfig, type Fault } from './merge-config';

const faultsOf = (patch: unknown, before = defaultAlertConfig): Fault[] => {
  const merged = mergeConfig(before, patch as Record<string, unknown>);
  return 'faults' in merged ? merged.faults : [];
};
/** Each fault with its place in the line below. */
const said = (patch: unknown): string =>
  faultsOf(patch)
    .map(({ field, message }) => `${message}\n${field}`)
    .join('\n');

describe('a change', () => {
  it('of nothing changes nothing', () => expect(configOf({})).toEqual(defaultAlertConfig));
  it('leaves what it does not name', () => {
    const config = configOf({
      guestDefaults: { cpu: 60 },
      schedule: { quietHours: { start: '23:00', days: { sunday: false } } },
    });
    expect(config.guestDefaults).toEqual({
      ...defaultAlertConfig.guestDefaults,
      cpu: { trigger: 60, clear: 55, critical: null },
    });
    expect(config.schedule.quietHours).toEqual({
      ...defaultAlertConfig.schedule.quietHours,
      start: '23:00',
      days: { ...defaultAlertConfig.schedule.quietHours.days, sunday: false },
    });
    expect(config.nodeDefaults).toEqual(defaultAlertConfig.nodeDefaults);
  });
  it('does not touch what was before', () => {
    const before = structuredClone(defaultAlertConfig);
    mergeConfig(before, { guestDefaults: { cpu: 60 }, overrides: { a: { cpu: 1 } } });
    expect(before).toEqual(defaultAlertConfig);
  });
  const rich = configOf({
    overrides: { a: { cpu: 10 }, b: { memory: 20, disabled: true } },
    timeThresholds: { guest: 1, a: 2 },
    metricTimeThresholds: { guest: { cpu: 3 } },
    dockerIgnoredContainerPrefixes: ['tmp'],
    schedule: { escalation: { enabled: true, levels: [{ after: 5, notify: 'all' }] } },
  });
  it.each<[string, Record<string, unknown>, (config: AlertConfig) => unknown, unknown]>([
    [
      'overrides by name, each as a whole',
      { overrides: { b: { cpu: 30 } } },
      ({ overrides }) => overrides,
      { a: rich.overrides['a'], b: { cpu: { trigger: 30, clear: 25, critical: null } } },
    ],
    [
      'overrides: another',
      { overrides: { c: { cpu: 30 } } },
      ({ overrides }) => overrides,
      { ...rich.overrides, c: { cpu: { trigger: 30, clear: 25, critical: null } } },
    ],
    [
      'overrides: one that is called like a part of a pair',
      { overrides: { trigger: { disabled: true }, b: null } },
      ({ overrides }) => overrides,
      { a: rich.overrides['a'], trigger: { disabled: true } },
    ],
    [
      'overrides: null takes one out',
      { overrides: { a: null, b: { disabled: true }, nobody: null } },
      ({ overrides }) => overrides,
      { b: { disabled: true } },
    ],
    ['overrides: none', { overrides: {} }, ({ overrides }) => overrides, rich.overrides],
    ['overrides: null leaves them', { overrides: null }, ({ overrides }) => Object.keys(overrides), ['a', 'b']],
    [
      'delays by name',
      { timeThresholds: { node: 9 } },
      ({ timeThresholds }) => timeThresholds,
      { guest: 1, node: 9, storage: 5, pbs: 5, host: 5, a: 2 },
    ],
    [
      'delays: null takes one out',
      { timeThresholds: { a: null, host: null, guest: 3, nobody: null } },
      ({ timeThresholds }) => timeThresholds,
      { guest: 3, node: 5, storage: 5, pbs: 5 },
    ],
    ['delays: none', { timeThresholds: {} }, ({ timeThresholds }) => timeThresholds, rich.timeThresholds],
    [
      'delays of metrics by name',
      { metricTimeThresholds: { x: { default: 9 } } },
      (all) => all.metricTimeThresholds,
      { guest: { cpu: 3 }, x: { default: 9 } },
    ],
    [
      'delays of metrics, each as a whole',
      { metricTimeThresholds: { guest: { memory: 9 } } },
      (all) => all.metricTimeThresholds,
      { guest: { memory: 9 } },
    ],
    [
      'delays of metrics: null takes one out',
      { metricTimeThresholds: { guest: null } },
      (all) => all.metricTimeThresholds,
      {},
    ],
    [
      'off by -1, of containers',
      { dockerDefaults: { restartCount: -1, memoryWarnPct: -1, memoryCriticalPct: -1 } },
      ({ dockerDefaults: { restartCount, memoryWarnPct, memoryCriticalPct } }) => [
        restartCount,
        memoryWarnPct,
        memoryCriticalPct,
      ],
      [0, 0, 0],
    ],
    [
      'off by -1, of mail gateways',
      { pmgThresholds: { queueTotalWarning: -1, queueTotalCritical: -1 } },
      ({ pmgThresholds }) => [pmgThresholds.queueTotalWarning, pmgThresholds.queueTotalCritical],
      [0, 0],
    ],
    ['lists as wholes', { dockerIgnoredContainerPrefixes: [] }, (all) => all.dockerIgnoredContainerPrefixes, []],
    [
      'levels as a whole, the switch alone',
      { schedule: { escalation: { levels: [] } } },
      ({ schedule }) => schedule.escalation,
      { enabled: true, levels: [] },
    ],
    [
      'pairs as wholes',
      { hostDefaults: { cpu: { trigger: 50, clear: 40 } } },
      (all) => all.hostDefaults.cpu,
      { trigger: 50, clear: 40, critical: null },
    ],
    [
      'a pair without clear',
      { hostDefaults: { cpu: { trigger: 50 } } },
      (all) => all.hostDefaults.cpu,
      { trigger: 50, clear: 45, critical: null },
    ],
    [
      'a pair with a clear of null',
      { hostDefaults: { cpu: { trigger: 50, clear: null } } },
      (all) => all.hostDefaults.cpu,
      { trigger: 50, clear: 45, critical: null },
    ],
    [
      'clear alone',
      { hostDefaults: { cpu: { clear: 70 } } },
      (all) => all.hostDefaults.cpu,
      { trigger: 80, clear: 70, critical: 95 },
    ],
    [
      'critical alone',
      { hostDefaults: { cpu: { critical: 99 } } },
      (all) => all.hostDefaults.cpu,
      { trigger: 80, clear: 75, critical: 99 },
    ],
    [
      'no critical',
      { hostDefaults: { cpu: { critical: null } } },
      (all) => all.hostDefaults.cpu,
      { trigger: 80, clear: 75, critical: null },
    ],
    [
      'off by -1',
      { hostDefaults: { cpu: -1 } },
      (all) => all.hostDefaults.cpu,
      { trigger: 0, clear: 0, critical: null },
    ],
    [
      'off by a pair',
      { storageDefault: { trigger: -1, clear: 80 } },
      (all) => all.storageDefault,
      { trigger: 0, clear: 0, critical: null },
    ],
    [
      'null leaves what is there',
      { hostDefaults: { cpu: null }, schedule: null, enabled: null },
      (all) => [all.hostDefaults.cpu?.trigger, all.enabled],
      [80, true],
    ],
    [
      'figures of old are nothing',
      { guestDefaults: { cpuLegacy: 80 } },
      (all) => all.guestDefaults,
      defaultAlertConfig.guestDefaults,
    ],
    [
      'what nobody knows at the top is nothing',
      { activationState: 'active' },
      (all) => 'activationState' in all,
      false,
    ],
  ])('%s', (_name, patch, pick, expected) => {
    const merged = mergeConfig(rich, patch);
    expect('config' in merged && pick(merged.config)).toEqual(expected);
  });
  it.each<[string, Record<string, unknown>, (config: AlertConfig) => unknown, unknown]>([
    ['overrides alone', { overrides: { c: { disabled: true } } }, (all) => all.overrides, { c: { disabled: true } }],
    ['overrides by none', { overrides: {} }, (all) => all.overrides, {}],
    [
      'overrides, of which null is none',
      { overrides: { a: null, b: { disabled: true } } },
      (all) => all.overrides,
      { b: { disabled: true } },
    ],
    ['nothing without overrides', { enabled: false }, (all) => all.overrides, rich.overrides],
    ['nothing by null', { overrides: null }, (all) => all.overrides, rich.overrides],
    [
      'no delays',
      { overrides: {}, timeThresholds: { a: 7 }, metricTimeThresholds: {} },
      (all) => [all.timeThresholds, all.metricTimeThresholds],
      [{ ...rich.timeThresholds, a: 7 }, rich.metricTimeThresholds],
    ],
  ])('that replaces replaces %s', (_name, patch, pick, expected) => {
    const before = structuredClone(rich);
    const merged = mergeConfig(rich, patch, true);
    expect('config' in merged && pick(merged.config)).toEqual(expected);
    expect(rich).toEqual(before);
  });
  it('that replaces overrides by what is none is refused', () =>
    expect(mergeConfig(rich, { overrides: [] }, true)).toMatchObject({ faults: [{ field: 'overrides' }] }));
  it('and another are the same as both at once', () => {
    const [one, other] = [{ guestDefaults: { cpu: 60 } }, { guestDefaults: { memory: 61 } }];
    const twice = mergeConfig(configOf(one), other);
    expect('config' in twice && twice.config).toEqual(configOf({ guestDefaults: { cpu: 60, memory: 61 } }));
  });
  it('survives storing', () => expect(AlertConfig.parse(JSON.parse(JSON.stringify(rich)))).toEqual(rich));
});

describe('what is wrong', () => {
  it.each<[string, unknown, RegExp]>([
    [
      'a trigger below clear',
      { guestDefaults: { cpu: { trigger: 70, clear: 80 } } },
      /clear must be below trigger\n.*guestDefaults\.cpu/,
    ],
    [
      'a trigger at clear',
      { storageDefault: { trigger: 70, clear: 70 } },
      /clear must be below trigger\n.*storageDefault/,
    ],
    [
      'critical below trigger',
      { hostDefaults: { cpu: { trigger: 70, clear: 60, critical: 69 } } },
      /critical must not be below trigger/,
    ],
    ['half a pair that does not fit', { hostDefaults: { cpu: { clear: 90 } } }, /clear must be below trigger/],
    ['NaN', { guestDefaults: { cpu: Number.NaN } }, /NaN.*\n.*guestDefaults\.cpu/],
    ['NaN in a pair', { guestDefaults: { cpu: { trigger: Number.NaN, clear: 1 } } }, /NaN/],
    ['endless', { guestDefaults: { cpu: Number.POSITIVE_INFINITY } }, /guestDefaults\.cpu/],
    ['1e308', { guestDefaults: { cpu: 1e308 } }, /<=1000000\n.*guestDefaults\.cpu\.trigger/],
    ['a string', { guestDefaults: { cpu: '80' } }, /guestDefaults\.cpu/],
    [
      'a string in a pair',
      { guestDefaults: { cpu: { trigger: '80', clear: 70 } } },
      /expected number.*\n.*guestDefaults\.cpu\.trigger/,
    ],
    ['a negative', { guestDefaults: { cpu: -2 } }, />=0\n.*guestDefaults\.cpu\.trigger/],
    ['a negative count', { dockerDefaults: { restartCount: -2 } }, />=0\n.*dockerDefaults\.restartCount/],
    ['a negative share', { dockerDefaults: { memoryWarnPct: -0.5 } }, />=0\n.*dockerDefaults\.memoryWarnPct/],
    ['a negative fraction', { guestDefaults: { cpu: -0.5 } }, />=0/],
    ['a negative clear', { guestDefaults: { cpu: { trigger: 5, clear: -1 } } }, />=0\n.*clear/],
    ['a list', { guestDefaults: { cpu: [80, 75] } }, /guestDefaults\.cpu/],
    ['a list instead of all', { guestDefaults: [] }, /guestDefaults/],
    [
      'a metric that is none',
      { guestDefaults: { cpuu: 80 } },
      /no such setting: "cpuu"; there are cpu, memory, disk, usage, temperature, diskRead/,
    ],
    [
      'a metric that is none, in an override',
      { overrides: { x: { load: 80 } } },
      /no such setting: "load"; there are cpu, memory[^]*overrides\.x/,
    ],
    [
      'a delay of no metric',
      { metricTimeThresholds: { guest: { load: 5 } } },
      /no such metric; there are cpu, memory.*default/,
    ],
    ['a negative delay', { timeThresholds: { guest: -1 } }, /timeThresholds\.guest/],
    ['a delay of more than a day', { timeThresholds: { guest: 86_401 } }, /timeThresholds\.guest/],
    [
      'an hour that is none',
      { schedule: { quietHours: { start: '25:00' } } },
      /a time of day from 00:00 to 23:59\n.*schedule\.quietHours\.start/,
    ],
    ['24:00', { schedule: { quietHours: { end: '24:00' } } }, /a time of day/],
    ['an hour of one digit', { schedule: { quietHours: { start: '7:00' } } }, /a time of day/],
    [
      'a time zone that is none',
      { schedule: { quietHours: { timezone: 'Mars/Olympus' } } },
      /no such time zone; IANA names such as Europe\/Berlin/,
    ],
    ['no time zone', { schedule: { quietHours: { timezone: '' } } }, /no such time zone/],
    [
      'an escalation without after',
      { schedule: { escalation: { levels: [{ notify: 'all' }] } } },
      /schedule\.escalation\.levels\.0\.after/,
    ],
    [
      'an escalation to nobody',
      { schedule: { escalation: { levels: [{ after: 5, notify: 'sms' }] } } },
      /"email"\|"webhook"\|"all"/,
    ],
    ['an escalation that is null', { schedule: { escalation: { levels: [null] } } }, /levels\.0/],
    [
      'too many escalations',
      { schedule: { escalation: { levels: Array.from({ length: 11 }, () => ({ after: 5, notify: 'all' })) } } },
      /levels/,
    ],
    ['an id that is empty', { overrides: { '': { cpu: 1 } } }, /overrides/],
    ['a whole that is no object', { overrides: 'all' }, /overrides/],
    ['a flap rule of one change', { flapping: { threshold: 1 } }, /flapping\.threshold/],
    ['a yes that is a word', { enabled: 'yes' }, /enabled/],
  ])('%s', (_name, patch, expected) => expect(said(patch)).toMatch(expected));

  it('is told all together, and not without end', () => {
    const faults = faultsOf({ enabled: 1, guestDefaults: { cpu: -2 } });
    expect(faults.map(({ field }) => field)).toEqual(['enabled', 'guestDefaults.cpu.trigger', 'guestDefaults.cpu']);
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`id-${at}`, { cpu: 'x' }]));
    expect(faultsOf({ overrides: many })).toHaveLength(20);
    const wide = faultsOf({ guestDefaults: { ['x'.repeat(1e6)]: 1 }, overrides: { ['y'.repeat(1e6)]: { cpu: 'x' } } });
    expect(wide.length).toBeGreaterThan(1);
    for (const { field, message } of wide) {
      expect(field.length).toBeLessThanOrEqual(200);
      expect(message.length).toBeLessThanOrEqual(500);
    }
  });
  it('is not too much of what is right', () => {
    const overrides = (length: number, note = 'x') =>
      Object.fromEntries(Array.from({ length }, (_, at) => [`id-${at}`, { cpu: 50, note }]));
    const began = performance.now();
    const full = configOf({ overrides: overrides(2000) });
    expect(Object.keys(full.overrides)).toHaveLength(2000);
    expect(performance.now() - began).toBeLessThan(2000);
    const tooMany = [{ field: 'overrides', message: 'at most 2000 entries' }];
    expect(faultsOf({ overrides: overrides(2001) })).toEqual(tooMany);
    expect(faultsOf({ overrides: { another: { cpu: 1 } } }, full)).toEqual(tooMany);
    expect(faultsOf({ overrides: { another: { cpu: 1 }, 'id-0': null } }, full)).toEqual([]);
    const delays = Object.fromEntries(Array.from({ length: 2001 }, (_, at) => [`id-${at}`, 1]));
    expect(faultsOf({ timeThresholds: delays })).toEqual([
      { field: 'timeThresholds', message: 'at most 2000 entries' },
    ]);
    const ofMetrics = Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`id-${at}`, { cpu: 1 }]));
    expect(faultsOf({ metricTimeThresholds: ofMetrics })).toEqual([
      { field: 'metricTimeThresholds', message: 'at most 1000 entries' },
    ]);
  });
  it('is not too long in all', () => {
    const overrides = Object.fromEntries(
      Array.from({ length: 1500 }, (_, at) => [`id-${at}-${'x'.repeat(480)}`, { disabled: true }]),
    );
    expect(faultsOf({ overrides })).toEqual([
      { field: 'overrides', message: 'the rules would be longer than 600000 characters' },
    ]);
    const fewer = Object.fromEntries(Object.entries(overrides).slice(0, 1000));
    expect(JSON.stringify(configOf({ overrides: fewer })).length).toBeLessThanOrEqual(600_000);
  });
  it('may be as deep as it likes', () => {
    const deep = JSON.parse(`${'{"schedule":'.repeat(5000)}1${'}'.repeat(5000)}`) as Record<string, unknown>;
    expect(faultsOf(deep)).toEqual([]);
    expect(said({ overrides: deep })).toMatch(/no such setting: "schedule"/);
    expect(faultsOf({ guestDefaults: { cpu: deep } })).toEqual([]);
  });
});

describe('names that every object has', () => {
  const wicked = (text: string) => JSON.parse(text) as Record<string, unknown>;
  it.each([
    '{"__proto__": {"enabled": false, "polluted": true}}',
    '{"guestDefaults": {"__proto__": {"disabled": true, "polluted": true}}}',
    '{"schedule": {"quietHours": {"__proto__": {"enabled": true}, "constructor": {"prototype": {"polluted": true}}}}}',
    '{"constructor": {"prototype": {"polluted": true}}}',
    '{"toString": 1, "hasOwnProperty": null}',
  ])('%s changes nothing', (text) => {
    const merged = mergeConfig(defaultAlertConfig, wicked(text));
    expect('config' in merged && merged.config).toEqual(defaultAlertConfig);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
  it.each(['overrides', 'timeThresholds', 'metricTimeThresholds'])('are ids like others, or none, in %s', (place) => {
    const value = place === 'overrides' ? '{"disabled": true}' : place === 'timeThresholds' ? '5' : '{"cpu": 5}';
    const merged = mergeConfig(
      defaultAlertConfig,
      wicked(`{"${place}": {"__proto__": ${value}, "constructor": ${value}}}`),
    );
    const found = 'config' in merged ? (merged.config as unknown as Record<string, object>)[place] : undefined;
    const names = Object.keys((defaultAlertConfig as unknown as Record<string, object>)[place] ?? {});
    expect(Object.keys(found ?? {})).toEqual([...names, 'constructor']);
    expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
  });
});
