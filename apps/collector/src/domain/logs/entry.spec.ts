import { LogEntry, MAX_LOG_MESSAGE } from '@lapwing/contracts';
import { entryOf } from './entry';
import { droppedEntry, LineLimit } from './line-limit';

const NOW = Date.UTC(2026, 10, 21, 22);

describe('an entry', () => {
  it('has the time and level of its source, else of its text, else of its arrival', () => {
    const text = '2026-11-21T21:00:00Z ERROR x';
    const own = entryOf({ source: 'file', name: 'a', text, time: 5.7, level: 'debug', fields: { pid: '1' } }, NOW);
    expect(own).toEqual({ source: 'file', name: 'a', message: text, time: 5, level: 'debug', fields: { pid: '1' } });
    expect(entryOf({ source: 'file', name: 'a', text }, NOW)).toMatchObject({
      time: Date.UTC(2026, 10, 21, 21),
      level: 'error',
    });
    expect(entryOf({ source: 'file', name: '', text: 'hm' }, NOW)).toMatchObject({
      time: NOW,
      level: 'info',
      name: 'unknown',
    });
  });

  it('is cut between characters and marked', () => {
    const text = `${'x'.repeat(MAX_LOG_MESSAGE - 1)}😀${'ä'.repeat(10)}`;
    const entry = entryOf({ source: 'file', name: 'a', text }, NOW);
    expect(entry.message).toBe('x'.repeat(MAX_LOG_MESSAGE - 1));
    expect(entry.fields).toEqual({ truncated: 'true', original_length: String(MAX_LOG_MESSAGE - 1 + 4 + 20) });
    const known = entryOf({ source: 'file', name: 'a', text: 'short', originalBytes: 10_000_000 }, NOW);
    expect(known.fields).toEqual({ truncated: 'true', original_length: '10000000' });
    const fields = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`f${index}`, 'v'.repeat(2000)]));
    const full = entryOf({ source: 'file', name: 'a', text, fields }, NOW);
    expect(full.fields).toMatchObject({ f0: 'v'.repeat(1024), f29: 'v'.repeat(1024), truncated: 'true' });
    expect(Object.keys(full.fields)).toHaveLength(32);
  });

  it('is clean before its level is looked for', () => {
    const entry = entryOf({ source: 'docker', name: 'a\r\nb', text: '\u001B[31mERROR\u001B[0m x\u0007' }, NOW);
    expect(entry).toMatchObject({ name: 'a b', level: 'error', message: 'ERROR x\uFFFD' });
  });

  it('always keeps to the contract, whatever comes', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const parts = [
      '\u001B[',
      '\uD83D',
      '😀',
      '\u0000',
      '\r\n',
      '\u2028',
      '\u202E',
      'é',
      '{"level":',
      '"time":',
      '9'.repeat(30),
      'a',
      ' ',
    ];
    const garbage = (max: number): string =>
      Array.from({ length: random(max) }, () => parts[random(parts.length)] ?? '').join('');
    for (let round = 0; round < 400; round += 1) {
      const names = ['__proto__', 'constructor', '', ...Array.from({ length: random(40) }, () => garbage(40))];
      const raw = {
        source: 'file' as const,
        name: garbage(round % 50 === 0 ? 2000 : 10),
        text: garbage(round % 50 === 0 ? 30_000 : 20),
        fields: JSON.parse(
          `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(garbage(500))}`).join()}}`,
        ),
        time: [undefined, Number.NaN, -1, 1e300, Infinity, random(1e9)][random(6)],
        originalBytes: random(2) ? random(1e9) : undefined,
      };
      const entry = entryOf(raw, NOW);
      expect(LogEntry.parse(structuredClone(entry))).toEqual(entry);
      expect(Object.keys(entry.fields)).not.toContain('__proto__');
      expect(JSON.stringify(entry)).not.toMatch(/\\u001b|\\ud83d(?!\\u)/i);
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('a limit', () => {
  const takes = (limit: LineLimit, tries: number): number =>
    Array.from({ length: tries }, () => limit.take()).filter(Boolean).length;

  it('lets a burst pass, and then so many a second', () => {
    const limit = new LineLimit(100);
    expect(takes(limit, 1000)).toBe(200);
    limit.refill(500);
    expect(takes(limit, 1000)).toBe(50);
    limit.refill(-1000);
    limit.refill(Number.NaN);
    expect(takes(limit, 1000)).toBe(0);
    limit.refill(60_000);
    expect(takes(limit, 10_000)).toBe(6000);
  });

  it('says what it held back', () => {
    const entry = droppedEntry(48_000, { source: 'file', name: '/var/log/x', perSecond: 1000 }, NOW);
    expect(LogEntry.parse(entry)).toEqual({
      source: 'file',
      name: '/var/log/x',
      level: 'warning',
      time: NOW,
      message: '48000 lines dropped: more than 1000 a second',
      fields: { dropped: '48000' },
    });
  });
});
