import { patternOf } from './log-pattern';

const matches = (pattern: string, text: string): boolean => {
  const made = patternOf(pattern);
  if ('problem' in made) throw new Error(made.problem);
  return made.regex.test(text);
};

describe('a pattern', () => {
  it('matches somewhere in a line, in upper or lower case', () => {
    expect(matches('refused$', 'Connection REFUSED')).toBe(true);
    expect(matches('^refused', 'Connection refused')).toBe(false);
    expect(matches('\\d{1,3}(\\.\\d{1,3}){3}', 'from 10.0.0.7:80')).toBe(true);
  });

  it('cannot hang', () => {
    expect(matches('(a+)+$', `${'a'.repeat(16_383)}!`)).toBe(false);
    expect(matches('(a|aa|aaa){30}$', `${'a'.repeat(16_383)}!`)).toBe(false);
  });

  it.each([
    ['(a)\\1', /no back-references.*invalid escape sequence/],
    ['(?=x)', /look-around/],
    ['[', /missing closing/],
    ['*', /missing argument/],
    ['a{1001}', /too large/],
    ['(a{100}|b{1,200})', /too large/],
    ['((ab){30}){30}', /too large/],
  ])('%s is refused with a reason', (pattern, reason) => {
    expect(patternOf(pattern)).toEqual({ problem: expect.stringMatching(reason) as string });
  });
});
