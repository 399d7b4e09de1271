import { faultOfPattern } from './pattern';

describe('a pattern', () => {
  it.each([
    'refused|timed out',
    '(a+)+$',
    String.raw`\b\d{1,3}(\.\d{1,3}){3}\b`,
    '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
    String.raw`\x{1F600}{5}[\]{1000}x]{20}`,
    String.raw`\pL{200}`,
    '[[:alpha:]]{200}',
    'a{1,2}{',
  ])('%s is one', (pattern) => expect(faultOfPattern(pattern)).toBeNull());
  it.each([
    [String.raw`(a)\1`, /invalid escape/],
    ['(?=x)', /unsupported Perl syntax/],
    ['(?<!x)y', /./],
    ['[', /missing closing/],
    ['a{1001}', /repeats too much/],
    ['((a{100}){100})', /repeats too much|repeat count/],
    ['(', /missing/],
    ['*', /missing argument/],
    [')', /unexpected/],
  ])('%s is none', (pattern, message) => expect(faultOfPattern(pattern)).toMatch(message));
  it.each([
    `(?:${'a'.repeat(400)}){1000}`,
    `(?:${String.raw`\pL`.repeat(130)}){1000}`,
    String.raw`\pL{1000}`.repeat(40),
    `(?:(?:(?:${'a'.repeat(400)}){10}){10}){10}`,
    `${String.raw`\Q[\E`}${'a{1000}'.repeat(60)}]`,
    '[a]{900}'.repeat(50),
    `(${'(a{9})'.repeat(50)}){100}`,
    `${'(?:'.repeat(100)}a${'){2}'.repeat(70)}`,
  ])('that would become too large is refused unread (%#)', (pattern) =>
    expect(faultOfPattern(pattern)).toBe('it repeats too much'),
  );
});
