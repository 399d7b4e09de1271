import { LogRule } from '@lapwing/contracts';
import { T0, configOf, valuesOf } from '../../../test/estate-fixtures';
import { Engine } from '../engine';
import { logScope } from '../log-rules';
import { readMatches, type Matches } from './logs';

const ruleOf = (changes: object = {}): LogRule =>
  LogRule.parse({ id: 'nginx', name: 'nginx errors', query: 'refused', count: 10, ...changes });
const match = (agentId: string, count: number, ...messages: string[]): Matches[number] => ({
  agentId,
  count,
  examples: messages.map((message, index) => ({ time: T0 - index, name: 'nginx.service', message })),
});
const hostOf = (agentId: string) =>
  agentId === 'gone' ? null : { name: `host-of-${agentId}`, parents: ['home-pve1'] };

/** An engine that judges one rule, and how it is asked about what the rule finds. */
function watching(rule: LogRule, patch: Record<string, unknown> = {}) {
  const engine = new Engine(configOf({ logRules: [rule], ...patch }));
  let at = T0;
  const look = (...matches: Matches) => {
    const open = engine.tracked(logScope(rule)).map(({ resource }) => resource);
    return engine.look(readMatches(rule, matches, { open, hostOf, at: (at += 10_000) }));
  };
  const told = (...matches: Matches) =>
    look(...matches).map(({ kind, alertId, level, resolution }) => [kind, alertId, resolution ?? level].join(' '));
  return { engine, look, told };
}
const WEB_1 = 'log:nginx:web-1-log-matches';

describe('what rules on logs find', () => {
  it('is a part of its host, and says why in words', () => {
    const { look } = watching(ruleOf());
    const [change] = look(match('web-1', 14, 'a refused', 'b refused', 'c refused', 'd refused'), match('web-2', 9));
    expect(change).toMatchObject({
      kind: 'fired',
      alertId: WEB_1,
      level: 'warning',
      value: 14,
      threshold: 10,
      clearThreshold: 9,
      unit: 'lines',
      message:
        '14 lines matched "nginx errors" on host-of-web-1 in 5 minutes (limit 10): a refused | b refused | c refused',
      resource: {
        id: 'log:nginx:web-1',
        name: '"nginx errors" on host-of-web-1',
        type: 'log',
        node: 'host-of-web-1',
        instance: 'web-1',
        parents: ['web-1', 'home-pve1'],
      },
    });
  });

  it('begins at the count and ends below it; a host that is not named any more has none', () => {
    const { told, look } = watching(ruleOf());
    expect(told(match('web-1', 9))).toEqual([]);
    expect(told(match('web-1', 10))).toEqual([`fired ${WEB_1} warning`]);
    expect(told(match('web-1', 10))).toEqual([]);
    expect(told(match('web-1', 9))).toEqual([`resolved ${WEB_1} recovered`]);
    told(match('web-1', 10));
    expect(look()).toMatchObject([
      { kind: 'resolved', value: 0, resolution: 'recovered', why: '0 lines: fine again is 9 lines or less' },
    ]);
  });

  it('is critical at its second count, or at once', () => {
    const { told } = watching(ruleOf({ criticalCount: 100 }));
    expect(told(match('web-1', 99))).toEqual([`fired ${WEB_1} warning`]);
    expect(told(match('web-1', 100))).toEqual([`level ${WEB_1} critical`]);
    expect(told(match('web-1', 50))).toEqual([`level ${WEB_1} warning`]);
    const atOnce = watching(ruleOf({ count: 1, level: 'critical' }));
    expect(atOnce.told(match('web-1', 1))).toEqual([`fired ${WEB_1} critical`]);
    expect(atOnce.told(match('web-1', 1))).toEqual([]);
    expect(atOnce.told()).toEqual([`resolved ${WEB_1} recovered`]);
  });

  it.each([
    [1, 86_400, '1 line matched "nginx errors" on host-of-web-1 in 1 day (limit 1)'],
    [2, 7200, '2 lines matched "nginx errors" on host-of-web-1 in 2 hours (limit 1)'],
    [2, 90, '2 lines matched "nginx errors" on host-of-web-1 in 90 seconds (limit 1)'],
  ])('%i within %i s: %s', (count, windowSeconds, message) => {
    const [change] = watching(ruleOf({ count: 1, windowSeconds })).look(match('web-1', count));
    expect(change?.message).toBe(message);
  });

  it('shows lines as text on one line, however hostile and long', () => {
    const hostile = '\u001b[31mred\u001b[0m\r\nSubject: x\n{{.Secret}}\t<b>\u202e\u0007';
    const [change] = watching(ruleOf()).look(match('web-1', 10, hostile, '🦆'.repeat(250), 'x'.repeat(500)));
    const [, one, two, three] = change?.detail.split('\n') ?? [];
    expect(one).toBe('red Subject: x {{.Secret}} <b>\uFFFD\uFFFD');
    expect(two).toBe(`${'🦆'.repeat(199)}…`);
    expect(three).toBe(`${'x'.repeat(399)}…`);
    expect(change?.message).not.toMatch(/[\p{Cc}]/u);
    expect(change?.message.length).toBeLessThanOrEqual(2000);
  });

  it('of agents that are gone does not count', () => {
    expect(watching(ruleOf()).told(match('gone', 50))).toEqual([]);
  });

  it('waits for its delay, and is switched off by host', () => {
    const { told } = watching(ruleOf(), { timeThresholds: { log: 15 } });
    expect([told(match('web-1', 10)), told(match('web-1', 12))]).toEqual([[], []]);
    expect(told(match('web-1', 11))).toEqual([`fired ${WEB_1} warning`]);
    const off = watching(ruleOf(), { overrides: { 'log:nginx:web-1': { disabled: true } } });
    expect(off.told(match('web-1', 10), match('web-2', 10))).toEqual(['fired log:nginx:web-2-log-matches warning']);
  });

  it('everywhere is told of the 200 hosts with most lines; those that are told already stay', () => {
    const rule = ruleOf();
    const { engine, told } = watching(rule);
    const many = Array.from({ length: 999 }, (_, index) => match(`web-${index}`, 2000 - index));
    expect(told(...many)).toHaveLength(200);
    expect(engine.tracked(logScope(rule)).every(({ track }) => track.lastValue > 1800)).toBe(true);
    expect(told(...many.map((one, index) => ({ ...one, count: 1000 + index })))).toEqual([]);
    expect(engine.openCount).toBe(200);
    const changed = told(...many.slice(100)).map((one) => one.split(' ')[0]);
    expect(changed.filter((kind) => kind === 'resolved')).toHaveLength(100);
    expect(changed.filter((kind) => kind === 'fired')).toHaveLength(100);
  });

  it('of an answer that is full says nothing of hosts that it leaves out, unless it names such with too few', () => {
    const { told, engine } = watching(ruleOf());
    told(match('web-x', 10));
    const full = Array.from({ length: 1000 }, (_, index) => match(`web-${index}`, 50));
    expect(told(...full).filter((one) => one.startsWith('resolved'))).toEqual([]);
    expect(told(...full.with(999, match('web-999', 9)))).toContain('resolved log:nginx:web-x-log-matches recovered');
    expect(engine.openCount).toBe(200);
  });

  it('is nothing where nothing matched', () => {
    const look = readMatches(ruleOf(), [], { open: [], hostOf, at: T0 });
    expect([look.scope, valuesOf(look)]).toEqual([logScope(ruleOf()), {}]);
  });
});
