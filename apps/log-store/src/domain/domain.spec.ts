import { LogEntryId, type LogEntry } from '@lapwing/contracts';
import { storableEntry, storableName } from './arrival';
import { entrySeq, formatEntryId, parseEntryId } from './entry-id';
import { nextSteps, partitionLimits, toIndex, type Partition } from './partitions';
import { postgresPattern } from './re2';
import { likePattern, readTextQuery } from './text-query';

const DAY = 86_400_000;

describe('ids of lines', () => {
  it.each([
    { time: 0, streamId: 1, seq: 1, line: 0 },
    { time: 1_795_298_400_123, streamId: 4711, seq: entrySeq(3, 99), line: 999 },
    { time: 8.64e15, streamId: 2 ** 31 - 1, seq: entrySeq(4095, 2 ** 40 - 1), line: 32_767 },
  ])('are read as they were written: %j', (key) => {
    expect(LogEntryId.parse(formatEntryId(key))).toBe(formatEntryId(key));
    expect(parseEntryId(formatEntryId(key))).toEqual(key);
  });

  it.each(['zzzzzzzzzzz-1-1-1', '1-zzzzzzzzz-1-1', '1-1-zzzzzzzzzzz-1', '1-1-1-zzzz'])(
    'may be of no line: %s',
    (id) => {
      expect(() => parseEntryId(id)).toThrow('no line');
    },
  );

  it('tell outboxes apart, and keep the order of batches', () => {
    expect(entrySeq(1, 5)).toBeLessThan(entrySeq(1, 6));
    expect(entrySeq(2, 5)).not.toBe(entrySeq(1, 5));
    expect(Number.isSafeInteger(entrySeq(2 ** 31 - 1, Number.MAX_SAFE_INTEGER))).toBe(true);
  });
});

describe('lines as they arrive', () => {
  const now = 1_795_298_400_000;
  const entry = (more: Partial<LogEntry>): LogEntry => ({
    time: now,
    source: 'file',
    name: 'x',
    level: 'info',
    message: 'm',
    fields: {},
    ...more,
  });

  it('keep a time that is not far ahead', () => {
    expect(storableEntry(entry({ time: now + 10_000 }), now, 0).time).toBe(now + 10_000);
    expect(storableEntry(entry({ time: now + 10_001 }), now, 0)).toEqual({
      time: now,
      message: 'm',
      fields: { original_time: new Date(now + 10_001).toISOString() },
    });
  });

  it('keep a time that is not older than what is kept', () => {
    expect(storableEntry(entry({ time: now - DAY }), now, now - DAY).time).toBe(now - DAY);
    expect(storableEntry(entry({ time: now - DAY - 1 }), now, now - DAY)).toEqual({
      time: now,
      message: 'm',
      fields: { original_time: new Date(now - DAY - 1).toISOString() },
    });
  });

  it('have no more fields than allowed, even with the one that is added', () => {
    const fields = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`f${index}`, 'v']));
    const stored = storableEntry(entry({ time: now + DAY, fields }), now, 0).fields;
    expect(Object.keys(stored)).toHaveLength(32);
    expect(stored).toHaveProperty('original_time');
  });

  it.each([
    ['nginx', 'nginx'],
    ['a\nb\u001B[1mc', 'a bc'],
    ['\u001B[2J', '?'],
    ['  ', '?'],
  ])('have a name that can be stored: %j', (name, stored) => expect(storableName(name)).toBe(stored));
});

describe('queries', () => {
  it.each([
    ['needle', { words: null, part: 'needle', required: ['needle'] }],
    ['two words', { words: 'two words', part: 'two words', required: ['two', 'words'] }],
    ['a-b c', { words: 'a-b c', part: 'a-b c', required: ['c'] }],
    ['up', { words: 'up', part: null, required: ['up'] }],
    ['"a phrase" here', { words: '"a phrase" here', part: null, required: ['a', 'phrase', 'here'] }],
    ['this or that', { words: 'this or that', part: null, required: [] }],
    ['this -that', { words: 'this -that', part: null, required: ['this'] }],
    ['this -"not that" too', { words: 'this -"not that" too', part: null, required: ['this', 'too'] }],
    ['--verbose', { words: 'verbose', part: '--verbose', required: ['verbose'] }],
    ['order', { words: null, part: 'order', required: ['order'] }],
    ['<b x>', { words: '<b x>', part: '<b x>', required: [] }],
  ])('%s', (query, expected) => expect(readTextQuery(query)).toEqual(expected));

  it('become patterns in which signs stand for themselves', () => {
    expect(likePattern(String.raw`50%_\x`)).toBe(String.raw`%50\%\_\\x%`);
  });
});

describe('patterns in the syntax of RE2', () => {
  it.each([
    ['abc', 'abc'],
    ['a.c', String.raw`a[^\n]c`],
    ['(?s)a.c', 'a.c'],
    ['(?s:a.)b.', String.raw`(?:a.)b[^\n]`],
    ['(a)(?P<n>b)(?<m>c)', '(?:a)(?:b)(?:c)'],
    [String.raw`\d\w\s\D`, String.raw`[0-9][0-9A-Za-z_][\t\n\f\r ][^0-9]`],
    [String.raw`\ba\b\z`, String.raw`\ya\y\Z`],
    ['a{2,3}?', 'a{2,3}?'],
    ['a{x}', String.raw`a\{x\}`],
    [String.raw`[^\d\-a-f\]]`, String.raw`[^0-9\-a-f\]]`],
    ['[[:alpha:][:word:]]', '[[:alpha:]0-9A-Za-z_]'],
    [String.raw`\x41\x{1F600}\101`, 'A😀A'],
    [String.raw`\Q.*\E+`, String.raw`\.\*+`],
    ['(?i)a', 'a'],
    ['(?U)a*', 'a*'],
    ['@#"', String.raw`\@\#\"`],
  ])('%s', (pattern, expected) => expect(postgresPattern(pattern)).toBe(expected));

  it.each([
    '(',
    '[',
    'a**',
    String.raw`\1`,
    '(?=a)',
    '(?m)^',
    '(?-i)a',
    String.raw`\pL`,
    String.raw`\x00`,
    'a{999}',
    '[[:^alpha:]]',
    String.raw`\C`,
  ])('refuses %s', (pattern) => expect(() => postgresPattern(pattern)).toThrow('the pattern'));
});

describe('partitions', () => {
  const now = 1_795_298_400_000;
  const partition = (name: string, more: Partial<Partition> = {}): Partition => ({
    name,
    starts: -Infinity,
    ends: now - DAY,
    openedAt: now - 1000,
    bytes: 100,
    inserted: 1000,
    isEmpty: false,
    missing: [],
    ...more,
  });
  const open = (more: Partial<Partition> = {}) => partition('open', { ends: Infinity, ...more });
  const limits = { partitionBytes: 1000, maxBytes: 10_000, keepMs: 14 * DAY };

  it('follow from the settings', () => {
    expect(partitionLimits(10 * 2 ** 30, 14)).toEqual({
      partitionBytes: 2 ** 28,
      maxBytes: 10 * 2 ** 30,
      keepMs: 14 * DAY,
    });
    expect(partitionLimits(2 ** 26, 1).partitionBytes).toBe(2 ** 26);
    expect(partitionLimits(2 ** 45, 1).partitionBytes).toBe(2 ** 30);
  });

  it.each([
    ['nothing', [open()], 0, []],
    ['close one that has grown', [open({ bytes: 1000 })], 0, ['close open']],
    ['close one earlier that will get text indexes', [open({ bytes: 500, missing: ['words'] })], 0, ['close open']],
    ['close one that is a day old', [open({ openedAt: now - DAY - 1 })], 0, ['close open']],
    ['leave one that is empty', [open({ openedAt: now - 2 * DAY, isEmpty: true, bytes: 5000 })], 0, []],
    ['strip one in a flood', [open()], 2001, ['strip open']],
    ['strip none that has nothing', [open({ missing: ['words', 'trigrams'] })], 9999, []],
    ['drop what is too old', [partition('a', { ends: now - 14 * DAY }), partition('b'), open()], 0, ['drop a']],
    [
      'drop what is too much',
      [partition('a', { bytes: 4000 }), partition('b', { bytes: 4000 }), partition('c', { bytes: 4000 }), open()],
      0,
      ['drop a'],
    ],
    ['never drop the open one', [open({ bytes: 99_999 })], 0, ['close open']],
  ] as [string, Partition[], number, string[]][])('%s', (_, partitions, rate, expected) => {
    expect(nextSteps(partitions, limits, rate, now).map(({ step, name }) => `${step} ${name}`)).toEqual(expected);
  });

  it('get text indexes when nothing comes any more, newest first, and the open one while it is calm', () => {
    const missing: Partition['missing'] = ['trigrams'];
    const all = [
      partition('a', { missing }),
      partition('b', { missing }),
      partition('c'),
      partition('d', { missing, ends: now - 5000 }),
      open({ missing }),
    ];
    expect(toIndex(all, false, now).map(({ name }) => name)).toEqual(['b', 'a']);
    expect(toIndex(all, true, now).map(({ name }) => name)).toEqual(['open', 'b', 'a']);
  });
});
