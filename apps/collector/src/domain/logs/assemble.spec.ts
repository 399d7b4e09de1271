import { EntryAssembler, MAX_ENTRY_BYTES, MAX_ENTRY_LINES, type AssembledEntry } from './assemble';

function assemble(lines: string[], entryStart?: string): AssembledEntry[] {
  const assembler = new EntryAssembler(entryStart);
  let at = 0;
  const found = lines.map((line) => {
    const start = at;
    at += Buffer.byteLength(line) + 1;
    return assembler.add(line, start, at);
  });
  return [...found, assembler.flush()].filter((entry) => entry !== undefined);
}

describe('lines that belong together', () => {
  it('are single ones without a pattern', () => {
    expect(assemble(['a', '', ' b'])).toEqual([
      { text: 'a', start: 0, end: 2, truncated: false },
      { text: '', start: 2, end: 3, truncated: false },
      { text: ' b', start: 3, end: 6, truncated: false },
    ]);
  });

  it('begin where the pattern matches; what comes before the first is an entry, too', () => {
    const entries = assemble(['  at x', '2026 a', '  at y', '', '2026 b'], String.raw`^\d{4} `);
    expect(entries.map(({ text, start, end }) => [text, start, end])).toEqual([
      ['  at x', 0, 7],
      ['2026 a\n  at y\n', 7, 22],
      ['2026 b', 22, 29],
    ]);
  });

  it('tell where the open entry began', () => {
    const assembler = new EntryAssembler('^[^ ]');
    expect(assembler.openAt).toBeUndefined();
    assembler.add('a', 100, 102);
    assembler.add(' b', 102, 105);
    expect(assembler.openAt).toBe(100);
    expect(assembler.add('c', 105, 107)).toMatchObject({ text: 'a\n b', end: 105 });
    expect(assembler.openAt).toBe(105);
    expect(assembler.flush()).toMatchObject({ text: 'c' });
    expect(assembler.openAt).toBeUndefined();
    expect(assembler.flush()).toBeUndefined();
  });

  it('are cut at 500 lines and at 16 KiB, and marked', () => {
    const [many] = assemble(['start', ...Array<string>(1000).fill(' x')], '^start');
    expect(many).toMatchObject({ truncated: true, start: 0, end: 6 + 3000 });
    expect(many?.text.split('\n')).toHaveLength(MAX_ENTRY_LINES);
    const [long] = assemble(['start', ' '.repeat(20_000), ' more'], '^start');
    expect(long).toMatchObject({ truncated: true, end: 6 + 20_001 + 6 });
    expect(long?.text).toHaveLength(16_384);
    const [exact] = assemble(['start', ' '.repeat(16_384 - 6)], '^start');
    expect(exact).toMatchObject({ truncated: false });
  });

  it('end after 1 MiB, though the pattern never matches', () => {
    const line = 'x'.repeat(65_535);
    const entries = assemble(Array<string>(40).fill(line), '^never');
    expect(entries).toHaveLength(3);
    expect(entries.every(({ start, end }) => end - start <= MAX_ENTRY_BYTES)).toBe(true);
    expect(entries[1]?.start).toBe(entries[0]?.end);
  });

  it('want a pattern that is one, and no pattern hangs', () => {
    expect(() => new EntryAssembler('(a')).toThrow('missing');
    expect(assemble([`${'a'.repeat(100_000)}!`], '(a+)+$')).toHaveLength(1);
  });
});
