import { resourceOf } from '../../test/estate-fixtures';
import { describeBreach, describeRecovery, describeWhy } from './describe';
import { formatFigure, formatThreshold, signalInfo, type Signal } from './signals';

describe('what is wrong, in words', () => {
  it.each<[Parameters<typeof resourceOf>[0], Signal, number, string, string]>([
    [{}, 'cpu', 87.46, '', 'CPU of host web-1 is at 87.5 % (threshold 80 %)'],
    [
      { type: 'guest', name: 'web' },
      'networkIn',
      120,
      '',
      'Incoming traffic of guest web is at 120 MiB/s (threshold 80 MiB/s)',
    ],
    [{ type: 'pmg', name: 'mx' }, 'queue-depth', 900, '', 'Mail queue of mail gateway mx is at 900 (threshold 80)'],
    [{ type: 'node', name: 'pve1' }, 'connectivity', 1, '', 'Node pve1 is not reachable'],
    [{ type: 'pbs', name: 'pbs' }, 'connectivity', 1, 'timeout', 'Backup server pbs is not reachable: timeout'],
    [{ type: 'guest', name: 'web' }, 'powered-off', 1, 'x', 'Guest web is not running'],
    [{ type: 'docker-container', name: 'db' }, 'oom', 1, 'killed', 'Out of memory of container db: killed'],
  ])('%j %s', (resource, signal, value, detail, expected) =>
    expect(describeBreach({ resource: resourceOf(resource), signal, value, threshold: 80, detail })).toBe(expected),
  );
});

describe('that it is over, in words', () => {
  const recovered = { resolution: 'recovered', why: '10 %: fine again is 75 % or less' } as const;
  it.each<[Parameters<typeof resourceOf>[0], string, Parameters<typeof describeRecovery>[2], string]>([
    [{}, 'cpu', recovered, 'CPU of host web-1 is over: 10 %: fine again is 75 % or less'],
    [{ type: 'node', name: 'pve1' }, 'connectivity', recovered, 'Node pve1 is reachable again'],
    [{ type: 'guest', name: 'web' }, 'powered-off', recovered, 'Guest web is running again'],
    [{}, 'of-old', recovered, 'of-old of host web-1 is over: 10 %: fine again is 75 % or less'],
    [
      { type: 'node', name: 'pve1' },
      'connectivity',
      { resolution: 'removed', why: 'it is gone' },
      'Reachability of node pve1: no alert any more, it is gone',
    ],
    [
      { type: 'guest', name: 'web' },
      'powered-off',
      { resolution: 'cleared', why: 'cleared by ann' },
      'Power of guest web: no alert any more, cleared by ann',
    ],
    [
      {},
      'cpu',
      { resolution: 'disabled', why: 'nobody wants to know' },
      'CPU of host web-1: no alert any more, nobody wants to know',
    ],
  ])('%j %s %j', (resource, signal, end, expected) =>
    expect(describeRecovery(resourceOf(resource), signal, end)).toBe(expected),
  );
});

describe('why it was decided so, in words', () => {
  const rule = { trigger: 80, clear: 75, critical: 90, sign: 1 as const, delayMs: 5000, confirmations: 3 };
  const why = (given: Partial<Parameters<typeof describeWhy>[0]>) =>
    describeWhy({
      kind: 'fired',
      level: 'warning',
      value: 85,
      rule,
      since: 1000,
      at: 6100,
      count: 3,
      resolution: 'recovered',
      unit: '%',
      ...given,
    });
  it.each<[Parameters<typeof why>[0], string]>([
    [{}, '85 %: warning is 80 % or more; in breach for 5.1 s in 3 readings, 5 s and 3 asked for'],
    [{ level: 'critical' }, '85 %: critical is 90 % or more; in breach for 5.1 s in 3 readings, 5 s and 3 asked for'],
    [
      { level: 'critical', rule: { ...rule, critical: null } },
      '85 %: critical is 80 % or more; in breach for 5.1 s in 3 readings, 5 s and 3 asked for',
    ],
    [{ kind: 'level' }, '85 %: warning is 80 % or more, with the same hysteresis as the warning'],
    [{ kind: 'resolved', value: 10 }, '10 %: fine again is 75 % or less'],
    [{ kind: 'resolved', value: 90, rule: { ...rule, sign: -1 } }, '90 %: fine again is 75 % or more'],
    [{ kind: 'resolved', resolution: 'disabled', rule: null }, 'nobody wants to know of this any more'],
    [{ kind: 'resolved', resolution: 'removed' }, 'it is gone, or does not run any more'],
    [
      { value: 0.5, rule: { ...rule, trigger: 0.25 } },
      '0.5 %: warning is 0.25 % or more; in breach for 5.1 s in 3 readings, 5 s and 3 asked for',
    ],
    [{ kind: 'resolved', value: 0, rule: { ...rule, clear: 0.01 } }, '0 %: fine again is 0.01 % or less'],
    [{ rule: null }, ''],
  ])('%j', (given, expected) => expect(why(given)).toBe(expected));
});

describe('a figure', () => {
  it.each<[number, string, string]>([
    [1.25, '%', '1.3 %'],
    [-0.04, 'd', '0 d'],
    [3, '', '3'],
    [1e21, 'min', '1e+21 min'],
  ])('%d %s: %s', (value, unit, expected) => expect(formatFigure(value, unit)).toBe(expected));
  it.each<[number, string, string]>([
    [0.01, '%', '0.01 %'],
    [99.95, '%', '99.95 %'],
    [80, '%', '80 %'],
    [3, '', '3'],
    [0.1 + 0.2, 'd', '0.3 d'],
    [1_000_000, 'MiB/s', '1000000 MiB/s'],
  ])('that is a threshold is not rounded: %d %s: %s', (value, unit, expected) =>
    expect(formatThreshold(value, unit)).toBe(expected),
  );
  it('stands beside its threshold as that was set', () => {
    const breach = { resource: resourceOf(), signal: 'cpu' as const, value: 0.04, threshold: 0.01, detail: '' };
    expect(describeBreach(breach)).toBe('CPU of host web-1 is at 0 % (threshold 0.01 %)');
  });
  it('that an older version has stored has its own name', () =>
    expect(signalInfo('of-old')).toEqual({ label: 'of-old', unit: '', category: 'performance' }));
});
