import { searchOf, wordsOf } from './log-query';

const finds = (query: string, message: string): boolean =>
  searchOf(query)({ lower: message.toLowerCase(), words: wordsOf(message) });

describe('a search in lines', () => {
  const line = 'GET /api/v1/hosts: connect() failed (111: Connection refused) for Müller-Straße, retry_count=3';

  it.each([
    ['refused connection', true],
    ['REFUSED', true],
    ['müller', true],
    ['"connection refused"', true],
    ['"refused connection"', false],
    ['"connection   REFUSED"', true],
    ['"connection', true],
    ['timeout or refused', true],
    ['timeout OR missing', false],
    ['missing failed or 111 refused', true],
    ['missing or failed missing', false],
    ['failed -refused', false],
    ['failed -timeout', true],
    ['-timeout', true],
    ['-refused', false],
    ['--refused', true],
    ['-"refused connection"', true],
    ['-"connection refused"', false],
    ['-missing or refused', true],
    ['müller-straße', true],
    ['straße-müller', false],
    ['count', true],
    ['"fail" refused', false],
    ['retry_count', true],
    ['(failed & refused) | !x', false],
    ['(failed & "refused")', true],
  ])('%j: %j', (query, expected) => {
    expect(finds(query, line)).toBe(expected);
  });

  it('finds plain text of three characters or more as a part, and what has signs of the syntax not', () => {
    expect(finds('nnection refu', line)).toBe(true);
    expect(finds('(111: conn', line)).toBe(true);
    expect(finds('fus', line)).toBe(true);
    expect(finds('fu', line)).toBe(false);
    expect(finds('ORIGIN', 'the original')).toBe(true);
    expect(finds('"nnection"', line)).toBe(false);
    expect(finds('nnection -x', line)).toBe(false);
    expect(finds('nnection or x', line)).toBe(false);
    expect(finds('100%', 'disk at 100%, or more')).toBe(true);
  });

  it('takes "or" for a word where it stands alone, first, last, or in a word', () => {
    expect(finds('or', 'this or that')).toBe(true);
    expect(finds('or "that"', 'this and that')).toBe(false);
    expect(finds('"this" or', 'this and that')).toBe(false);
    expect(finds('"this" or', 'this or that')).toBe(true);
    expect(finds('"this" or-that', 'this and that')).toBe(false);
    expect(finds('"this" order', 'this and that')).toBe(false);
    expect(finds('x or or', 'this or that')).toBe(true);
  });

  it.each(['""', '-', '"', '- -', '"!!!"', '-"---"', '()'])('finds nothing by %j, and lives', (query) => {
    expect(finds(query, 'anything')).toBe(false);
  });

  it('does not go back and forth: that would take hours', () => {
    for (const query of ['a '.repeat(500), `"b ${'a '.repeat(490)}`, `${'-'.repeat(999)}a`, `${'x or '.repeat(199)}y`])
      expect(finds(query, 'a '.repeat(8192))).toBe(/^[a-]/.test(query));
  });
});
