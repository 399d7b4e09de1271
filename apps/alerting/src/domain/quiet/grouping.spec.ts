import { groupKey, type Groupable, type GroupRule } from './grouping';

const alert = (changes: Partial<Groupable> = {}): Groupable => ({
  alertId: 'vm-101-cpu',
  node: 'pve-1',
  instance: 'home',
  resourceId: 'vm-101',
  ...changes,
});

describe('alerts are told of together', () => {
  const others = {
    'another alert of it': alert({ alertId: 'vm-101-memory' }),
    'another resource': alert({ alertId: 'vm-102-cpu', resourceId: 'vm-102' }),
    'another node': alert({ alertId: 'vm-103-cpu', resourceId: 'vm-103', node: 'pve-2' }),
    'a node of that name elsewhere': alert({ alertId: 'vm-104-cpu', resourceId: 'vm-104', instance: 'office' }),
    'it on another node': alert({ alertId: 'vm-101-disk', node: 'pve-2' }),
  };
  const rule = (enabled: boolean, byNode: boolean, byGuest: boolean): GroupRule => ({ enabled, byNode, byGuest });
  it.each<[string, GroupRule, (keyof typeof others)[]]>([
    ['switched off', rule(false, true, true), []],
    ['by node', rule(true, true, false), ['another alert of it', 'another resource']],
    ['by guest', rule(true, false, true), ['another alert of it', 'it on another node']],
    ['by both', rule(true, true, true), ['another alert of it']],
    [
      'by neither',
      rule(true, false, false),
      [
        'another alert of it',
        'another resource',
        'another node',
        'a node of that name elsewhere',
        'it on another node',
      ],
    ],
  ])('%s', (_, how, expected) => {
    const together = Object.entries(others).filter(([, other]) => groupKey(how, other) === groupKey(how, alert()));
    expect(together.map(([name]) => name)).toEqual(expected);
  });
  it.each([rule(false, false, false), rule(true, true, false), rule(true, false, true), rule(true, true, true)])(
    'and always under the same key: %j',
    (how) => expect(groupKey(how, alert())).toBe(groupKey(how, alert())),
  );
  it('never because names run into each other', () => {
    const keys = [
      ['a', 'b/c'],
      ['a/b', 'c'],
      ['a","node":"b', 'c'],
    ].map(([instance = '', node = '']) => groupKey(rule(true, true, false), alert({ instance, node })));
    expect(new Set(keys).size).toBe(3);
  });
});
