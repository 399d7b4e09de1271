import type { Matcher } from '@lapwing/contracts';
import { matchesGlob } from './glob';
import { matches, silenceStatus, silencing, type Silence, type Subject } from './silence';

const alert: Subject = {
  alertId: 'vm-101-cpu',
  type: 'cpu',
  level: 'warning',
  resourceId: 'vm-101',
  resourceName: 'Web Server',
  resourceType: 'vm',
  node: 'pve-1',
  instance: 'home',
};

describe('a pattern', () => {
  it.each<[string, string, boolean]>([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['?', '', false],
    ['?', 'a', true],
    ['?', 'ab', false],
    ['?', '🦆', true],
    ['web-*', 'web-1', true],
    ['web-*', 'web-', true],
    ['web-*', 'my-web-1', false],
    ['*-web', 'my-web', true],
    ['*-web', 'my-web-1', false],
    ['WEB-?', 'web-1', true],
    ['web', 'WEB', true],
    ['web', 'web-1', false],
    ['*b*d*', 'abcde', true],
    ['*d*b*', 'abcde', false],
    ['a**c', 'abc', true],
    ['a*b*c', 'aXbXbXc', true],
    ['*ab', 'aab', true],
    ['*aab', 'aaab', true],
    ['*?', '', false],
    ['a*?', 'ab', true],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['[ab]', '[ab]', true],
    ['(a+)+$', 'aaa', false],
    ['*', 'two\nlines', true],
    ['ÄPFEL*', 'äpfel 1', true],
  ])('%j and %j: %s', (pattern, text, expected) => expect(matchesGlob(pattern, text)).toBe(expected));
  it('takes no longer for being wicked', () => {
    const began = performance.now();
    expect(matchesGlob(`${'*a'.repeat(500)}*b`, 'a'.repeat(2000))).toBe(false);
    expect(matchesGlob(`*${'a'.repeat(1000)}b`, 'a'.repeat(2000))).toBe(false);
    // Two million steps take some ten milliseconds; trying everything would take longer than the universe is old.
    expect(performance.now() - began).toBeLessThan(1000);
  });
  it('says what one that tries everything says', () => {
    const words = (letters: string, length: number): string[] =>
      length === 0
        ? ['']
        : words(letters, length - 1).flatMap((one) => [one, ...Array.from(letters).map((last) => one + last)]);
    const texts = [...new Set(words('ab', 5))];
    const wrong = [...new Set(words('ab*?', 4))].flatMap((pattern) =>
      texts.filter((text) => matchesGlob(pattern, text) !== slowly(pattern, text)).map((text) => [pattern, text]),
    );
    expect(wrong).toEqual([]);
  });
});

function slowly(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  const rest = pattern.slice(1);
  if (pattern[0] === '*') return slowly(rest, text) || (text !== '' && slowly(pattern, text.slice(1)));
  return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && slowly(rest, text.slice(1));
}

describe('matchers', () => {
  it.each<[string, Matcher[], boolean]>([
    ['none', [], false],
    ['the same', [{ name: 'node', op: '=', value: 'pve-1' }], true],
    ['the same but for case', [{ name: 'node', op: '=', value: 'PVE-1' }], false],
    ['a pattern compared exactly', [{ name: 'node', op: '=', value: 'pve-*' }], false],
    ['another', [{ name: 'node', op: '!=', value: 'pve-2' }], true],
    ['not another', [{ name: 'node', op: '!=', value: 'pve-1' }], false],
    ['a pattern', [{ name: 'resourceName', op: '~', value: 'web*' }], true],
    ['a pattern of something else', [{ name: 'resourceName', op: '~', value: 'db*' }], false],
    ['not a pattern', [{ name: 'resourceName', op: '!~', value: 'db*' }], true],
    ['not a pattern that it is', [{ name: 'resourceName', op: '!~', value: 'web*' }], false],
    [
      'all of them',
      [
        { name: 'level', op: '=', value: 'warning' },
        { name: 'type', op: '~', value: 'c?u' },
        { name: 'instance', op: '!=', value: 'office' },
      ],
      true,
    ],
    [
      'all but one of them',
      [
        { name: 'level', op: '=', value: 'critical' },
        { name: 'type', op: '=', value: 'cpu' },
      ],
      false,
    ],
  ])('%s', (_, matchers, expected) => expect(matches(matchers, alert)).toBe(expected));
});

describe('a silence', () => {
  const silence = (changes: Partial<Silence> = {}): Silence => ({
    id: 's',
    matchers: [{ name: 'type', op: '=', value: 'cpu' }],
    startsAt: 1000,
    endsAt: 2000,
    createdBy: 'ada',
    comment: '',
    createdAt: 0,
    ...changes,
  });
  it.each<[number, string]>([
    [999, 'pending'],
    [1000, 'active'],
    [1999, 'active'],
    [2000, 'expired'],
  ])('at %d is %s', (at, expected) => expect(silenceStatus(silence(), at)).toBe(expected));
  it.each([0, 700, 1000, 5000])('that ends before it starts is expired at %d', (at) =>
    expect(silenceStatus(silence({ endsAt: 500 }), at)).toBe('expired'),
  );
  it('covers what its matchers match while it is active: the one that ends last', () => {
    const other: Matcher[] = [{ name: 'type', op: '=', value: 'memory' }];
    const all = [
      silence({ id: 'short', endsAt: 1600 }),
      silence({ id: 'long', endsAt: 3000 }),
      silence({ id: 'as long', endsAt: 3000 }),
      silence({ id: 'later', startsAt: 5000, endsAt: 6000 }),
      silence({ id: 'of something else', endsAt: 9000, matchers: other }),
      silence({ id: 'of nothing', endsAt: 9000, matchers: [] }),
    ];
    const idAt = (at: number) => silencing(all, alert, at)?.id;
    expect([999, 1000, 2999, 3000, 5000, 6000].map(idAt)).toEqual([
      undefined,
      'long',
      'long',
      undefined,
      'later',
      undefined,
    ]);
  });
});
