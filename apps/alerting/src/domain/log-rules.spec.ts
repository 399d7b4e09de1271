import { LogRule, defaultAlertConfig, type AlertConfig } from '@lapwing/contracts';
import { T0, configOf, resourceOf } from '../../test/estate-fixtures';
import { filterAt, logResourceId, logScope, rulesInForce } from './log-rules';
import { mergeConfig } from './merge-config';
import { ruleFor } from './rules';

const draft = { name: 'nginx errors', query: 'refused', count: 10 };
const ruleOf = (changes: object = {}): LogRule => LogRule.parse({ id: 'nginx', ...draft, ...changes });

describe('rules on logs', () => {
  const faultsOf = (logRules: unknown, config: AlertConfig = defaultAlertConfig): string[] => {
    const merged = mergeConfig(config, { logRules });
    return 'faults' in merged ? merged.faults.map(({ field, message }) => `${field}: ${message}`) : [];
  };

  it('get what is left out, and ids of their names', () => {
    const { logRules } = configOf({
      logRules: [draft, draft, { ...draft, id: 'nginx-errors' }, { ...draft, name: '日本' }],
    });
    expect(logRules.map(({ id }) => id)).toEqual(['nginx-errors-2', 'nginx-errors-3', 'nginx-errors', 'rule']);
    expect(logRules[0]).toEqual({
      id: 'nginx-errors-2',
      name: 'nginx errors',
      enabled: true,
      agentId: null,
      source: null,
      sourceName: null,
      levels: null,
      query: 'refused',
      pattern: null,
      count: 10,
      criticalCount: null,
      windowSeconds: 300,
      level: 'warning',
    });
  });

  it('stay when other things change, and are replaced as a whole', () => {
    const one = configOf({ logRules: [draft] });
    const sentBack = mergeConfig(one, { enabled: true, overrides: {} }, true);
    expect(sentBack).toMatchObject({ config: { logRules: [{ id: 'nginx-errors' }] } });
    const replaced = mergeConfig(one, { logRules: [{ id: 'a', ...draft }] });
    expect('config' in replaced && replaced.config.logRules.map(({ id }) => id)).toEqual(['a']);
    expect(mergeConfig(one, { logRules: [] })).toMatchObject({ config: { logRules: [] } });
    expect(mergeConfig(one, { logRules: null })).toMatchObject({ config: { logRules: one.logRules } });
  });

  it.each<[unknown, RegExp]>([
    [
      { ...draft, query: null },
      /^logRules\.0: at least one of source, sourceName, levels, query, pattern must be given$/,
    ],
    [{ ...draft, criticalCount: 9 }, /^logRules\.0\.criticalCount: must not be below count \(10\)$/],
    [{ ...draft, count: 0 }, /^logRules\.0\.count: /],
    [{ ...draft, count: 1.5 }, /^logRules\.0\.count: /],
    [{ ...draft, windowSeconds: 9 }, /^logRules\.0\.windowSeconds: /],
    [{ ...draft, windowSeconds: 86_401 }, /^logRules\.0\.windowSeconds: /],
    [{ ...draft, levels: [] }, /^logRules\.0\.levels: /],
    [{ ...draft, levels: ['loud'] }, /^logRules\.0\.levels\.0: /],
    [{ ...draft, source: 'syslog' }, /^logRules\.0\.source: /],
    [{ ...draft, agentId: '../x' }, /^logRules\.0\.agentId: /],
    [{ ...draft, id: 'A B' }, /^logRules\.0\.id: 1 to 64 of the characters a-z 0-9 -$/],
    [{ ...draft, name: '' }, /^logRules\.0\.name: /],
    [{ ...draft, name: 'a\nb' }, /^logRules\.0\.name: no control characters$/],
    [{ ...draft, level: 'bad' }, /^logRules\.0\.level: /],
    [{ ...draft, colour: 'red' }, /^logRules\.0: /],
    [{ ...draft, pattern: 'x'.repeat(501) }, /^logRules\.0\.pattern: /],
    ['x', /^logRules\.0: /],
  ])('are refused: %j', (rule, fault) => expect(faultsOf([rule]).join('\n')).toMatch(fault));

  it('are refused when two have one id, when they are too many, and when they are no list', () => {
    expect(faultsOf([ruleOf(), ruleOf()])).toEqual(['logRules.1.id: another rule has this id']);
    const many = (length: number) => Array.from({ length }, () => draft);
    expect(faultsOf(many(51))).toEqual(['logRules: at most 50 rules']);
    expect(faultsOf({ ...draft })).toHaveLength(1);
    expect(faultsOf(many(50))).toEqual([]);
  });

  it('say from which number of lines on something is wrong', () => {
    const resource = resourceOf({ id: logResourceId('nginx', 'web-1'), type: 'log' });
    const rule = (changes: object, patch = {}) =>
      ruleFor(configOf({ logRules: [ruleOf(changes)], ...patch }), resource, 'log-matches');
    expect(rule({ criticalCount: 50 })).toEqual({
      trigger: 10,
      clear: 9,
      critical: 50,
      sign: 1,
      delayMs: 0,
      confirmations: 1,
    });
    expect(rule({ level: 'critical' })).toMatchObject({ critical: 10 });
    expect(rule({}, { timeThresholds: { log: 60 } })).toMatchObject({ delayMs: 60_000 });
    expect(rule({ id: 'other' })).toBeNull();
    expect(rule({ enabled: false })).toBeNull();
    expect(rule({}, { enabled: false })).toBeNull();
  });

  it('hold unless they or all alerts are switched off', () => {
    const logRules = [ruleOf(), ruleOf({ id: 'off', enabled: false })];
    expect(rulesInForce(configOf({ logRules })).map(({ id }) => id)).toEqual(['nginx']);
    expect(rulesInForce(configOf({ logRules, enabled: false }))).toEqual([]);
  });

  it('are others when they look at other lines, and not when they judge otherwise', () => {
    const scope = logScope(ruleOf());
    expect(logScope(ruleOf({ count: 5, criticalCount: 9, name: 'x', level: 'critical' }))).toBe(scope);
    for (const change of [{ pattern: 'x' }, { windowSeconds: 60 }, { agentId: 'web-1' }, { levels: ['error'] }])
      expect(logScope(ruleOf(change))).not.toBe(scope);
    expect(logResourceId('a', 'b-c')).not.toBe(logResourceId('a-b', 'c'));
  });

  it('ask for the lines of their window', () => {
    expect(filterAt(ruleOf({ agentId: 'web-1', sourceName: 'nginx.service', windowSeconds: 60 }), T0)).toEqual({
      agentId: 'web-1',
      source: null,
      name: 'nginx.service',
      levels: null,
      query: 'refused',
      pattern: null,
      stream: null,
      from: T0 - 60_000,
      to: T0,
    });
  });
});
