import type { LogEntry } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LogPositions } from '../src/sources/log-reader';
import { JournalReader } from '../src/sources/journal/journal.reader';

const TIME = Date.UTC(2026, 10, 21, 21);
const fake = path.join(__dirname, 'fake-journalctl.mjs');

/** An entry as the journal has it: number `index`, a millisecond after the one before. */
const entry = (index: number, fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  __CURSOR: `s=aaaa;i=${index.toString(16)};b=b1;m=1;t=${index};x=${index}`,
  __REALTIME_TIMESTAMP: String((TIME + index) * 1000),
  _BOOT_ID: 'b1',
  _PID: '77',
  _SYSTEMD_UNIT: 'x.service',
  _TRANSPORT: 'stdout',
  SYSLOG_IDENTIFIER: 'x',
  PRIORITY: '6',
  MESSAGE: `line ${index}`,
  ...fields,
});

describe('the journal, through journalctl', () => {
  let folder: string;
  let file: string;
  let readers: JournalReader[] = [];
  let positions: LogPositions = {};
  let taken: LogEntry[] = [];

  const write = (...entries: Record<string, unknown>[]): void =>
    appendFileSync(file, entries.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const range = (from: number, to: number, fields = {}): Record<string, unknown>[] =>
    Array.from({ length: to - from }, (_, index) => entry(from + index, fields));
  const open = async (options = {}): Promise<JournalReader> => {
    const reader = new JournalReader({ perSecond: 100_000, command: [process.execPath, fake, file], ...options });
    readers.push(reader);
    await reader.start(positions);
    return reader;
  };
  /** Reads once, and takes down what came, with the position as JSON. */
  const readOnce = async (reader: JournalReader, max = 1000): Promise<boolean> => {
    const piece = await reader.read(max);
    if (!piece) return false;
    taken.push(...piece.entries);
    positions = JSON.parse(JSON.stringify({ ...positions, ...piece.positions })) as LogPositions;
    return true;
  };
  const readUntil = (reader: JournalReader, count: number): Promise<void> =>
    eventually(async () => {
      while (await readOnce(reader));
      expect(taken.length).toBeGreaterThanOrEqual(count);
    });
  const messages = (): string[] => taken.map(({ message }) => message);
  const lines = (from: number, to: number): string[] => range(from, to).map(({ MESSAGE }) => String(MESSAGE));
  const at = (index: number): LogPositions => ({
    journal: { cursor: entry(index)['__CURSOR'], time: (TIME + index) * 1000 },
  });

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'lapwing-journal-'));
    file = path.join(folder, 'journal');
    writeFileSync(file, '');
    [readers, positions, taken] = [[], {}, []];
  });
  afterEach(async () => {
    await Promise.all(readers.map((reader) => reader.stop()));
    rmSync(folder, { recursive: true });
  });

  it('is read from now on at first, with what the journal knows of each line', async () => {
    write(...range(1, 20));
    const reader = await open();
    let next = 20;
    await eventually(async () => {
      write(entry(next));
      next += 1;
      expect(await readOnce(reader)).toBe(true);
    });
    expect(taken[0]).toEqual({
      source: 'journal',
      name: 'x.service',
      level: 'info',
      time: TIME + Number(taken[0]?.message.slice(5)),
      message: expect.stringMatching(/^line [2-9]\d$/),
      fields: { pid: '77', identifier: 'x', transport: 'stdout', boot: 'b1' },
    });
  });

  it('misses nothing and doubles nothing over restarts at any point, over a new boot, too', async () => {
    positions = at(0);
    write(...range(0, 40));
    let written = 40;
    const total = 600;
    for (let round = 0; taken.length < total - 1; round += 1) {
      const reader = await open();
      const reads = round % 4;
      for (let read = 0; read < reads; read += 1) {
        const more = Math.min(written + 37, total);
        write(...range(written, more, more > 300 ? { _BOOT_ID: 'b2' } : {}));
        written = more;
        await eventually(() => readOnce(reader, 4 + ((round * 7 + read * 13) % 50)), 400).catch(() => false);
      }
      // What was read and not taken down is forgotten, as after a kill.
      if (round % 3 === 0) await reader.read(20);
      await reader.stop();
      expect(round).toBeLessThan(200);
    }
    expect(messages()).toEqual(lines(1, total));
  });

  it('goes on where a cursor is gone, and says so', async () => {
    positions = at(10);
    write(...range(50, 60));
    await readUntil(await open(), 11);
    expect(taken[0]).toMatchObject({
      level: 'warning',
      name: 'journal',
      message: expect.stringContaining('no longer knows'),
      fields: { stopped_at: new Date(TIME + 10).toISOString() },
    });
    expect(messages().slice(1)).toEqual(lines(50, 60));
  });

  it('goes on by the time where a cursor is refused, without what was read', async () => {
    positions = { journal: { cursor: 'of another age', time: (TIME + 54) * 1000 } };
    write(...range(50, 60));
    const reader = await open();
    await readUntil(reader, 6);
    expect(messages().slice(1)).toEqual(lines(55, 60));
    expect(taken[0]?.message).toContain('no longer knows');
    write(entry(60));
    await readUntil(reader, 7);
    expect(messages().at(-1)).toBe('line 60');
  });

  it('starts journalctl again when it ends', async () => {
    positions = at(0);
    write(...range(0, 5));
    const killer = path.join(folder, 'ends.mjs');
    const marker = path.join(folder, 'ran');
    // The first that follows ends by itself, in the middle of a line.
    writeFileSync(
      killer,
      `import fs from 'node:fs';
       if (process.argv.includes('--follow') && !fs.existsSync(${JSON.stringify(marker)})) {
         fs.writeFileSync(${JSON.stringify(marker)}, '');
         process.stdout.write('{"__CURSOR":"half', () => process.exit(3));
       } else await import(${JSON.stringify(fake)});`,
    );
    const reader = await open({ command: [process.execPath, killer, file] });
    await readUntil(reader, 4);
    write(...range(5, 9));
    await readUntil(reader, 8);
    expect(messages()).toEqual(lines(1, 9));
  });

  it('waits for a journal, and for journalctl, without a word', async () => {
    rmSync(file);
    const [none, absent] = [await open(), await open({ command: [path.join(folder, 'no-such-program')] })];
    await eventually(async () => {
      expect(await none.read(10)).toBeNull();
      expect(await absent.read(10)).toBeNull();
    });
    writeFileSync(file, '');
    let next = 1;
    await eventually(async () => {
      write(entry(next));
      next += 1;
      expect(await readOnce(none)).toBe(true);
    });
    expect(taken[0]?.message).toMatch(/^line/);
  });

  it('takes messages of every form', async () => {
    positions = at(0);
    write(
      entry(0),
      entry(1, { MESSAGE: [72, 105, 255, 33] }),
      entry(2, { MESSAGE: null }),
      entry(3, { MESSAGE: ['one', [116, 119, 111]] }),
      entry(4, { MESSAGE: '\u001B[31mred\u001B[0m\r\nforged\u0007' }),
      entry(5, { MESSAGE: 'x'.repeat(100_000), PRIORITY: '2' }),
      entry(6, { MESSAGE: 'y'.repeat(2 ** 20) }),
      entry(7, { _SYSTEMD_UNIT: undefined, _SYSTEMD_USER_UNIT: 'u.service', PRIORITY: undefined, MESSAGE: 'ERROR: x' }),
      entry(8, { _SYSTEMD_UNIT: undefined, SYSLOG_IDENTIFIER: undefined, _TRANSPORT: 'kernel' }),
      entry(9, { _SOURCE_REALTIME_TIMESTAMP: String((TIME - 5) * 1000) }),
      entry(10, { _PID: '4242' }),
      entry(11),
    );
    await readUntil(await open({ ownPid: 4242 }), 10);
    const [bytes, none, several, ansi, long, skipped, user, kernel, sent, last] = taken;
    expect([bytes, none, several, ansi].map((one) => one?.message)).toEqual([
      'Hi\uFFFD!',
      '(the journal did not hand over this message)',
      'one\ntwo',
      'red\nforged\uFFFD',
    ]);
    expect(long).toMatchObject({ level: 'critical', fields: { truncated: 'true', original_length: '100000' } });
    expect(skipped).toMatchObject({ name: 'journal', message: '1 entries passed over: longer than 1 MiB' });
    expect(user).toMatchObject({ name: 'u.service', level: 'error' });
    expect(kernel).toMatchObject({ name: 'kernel' });
    expect(sent?.time).toBe(TIME - 5);
    expect(last?.message).toBe('line 11');
    expect(taken).toHaveLength(10);
  });

  it('holds back a flood, counts it, and lets others pass', async () => {
    positions = at(0);
    write(entry(0));
    for (let from = 1; from < 50_001; from += 10_000)
      write(...range(from, from + 10_000, { __REALTIME_TIMESTAMP: String(TIME * 1000) }));
    write(entry(50_001, { _SYSTEMD_UNIT: 'quiet.service', __REALTIME_TIMESTAMP: String(TIME * 1000) }));
    const reader = await open({ perSecond: 1000 });
    const dropped = (): number => taken.reduce((sum, { fields }) => sum + Number(fields['dropped'] ?? 0), 0);
    await eventually(async () => {
      while (await readOnce(reader));
      expect(dropped()).toBe(48_000);
    });
    expect(messages().slice(0, 2000)).toEqual(lines(1, 2001));
    expect(taken.filter(({ name }) => name === 'quiet.service')).toHaveLength(1);
    // It is told about once a second at most, however many they are.
    expect(taken.length).toBeLessThan(2030);
    expect(taken.at(-1)).toMatchObject({
      name: 'x.service',
      level: 'warning',
      message: expect.stringMatching(/^\d+ lines dropped: more than 1000 a second$/),
    });
  });

  it('knows after a restart how many lines it held back and has not told about', async () => {
    positions = at(0);
    const now = Date.now();
    const one = (index: number): Record<string, unknown> =>
      entry(index, { __REALTIME_TIMESTAMP: String((now + 60_000) * 1000) });
    write(entry(0), ...Array.from({ length: 30 }, (_, index) => one(index + 1)));
    write(entry(31, { _SYSTEMD_UNIT: 'other', __REALTIME_TIMESTAMP: String((now + 60_001) * 1000) }));
    const reader = await open({ perSecond: 10 });
    await readUntil(reader, 21);
    await reader.stop();
    const dropped = (): number => taken.reduce((sum, { fields }) => sum + Number(fields['dropped'] ?? 0), 0);
    // Unless a second has gone by already, which is when it is told.
    const kept = (positions['journal'] as { held?: Record<string, { count: number }> }).held?.['x.service']?.count ?? 0;
    expect(kept + dropped()).toBe(10);
    const next = await open({ perSecond: 10 });
    await eventually(async () => {
      await readOnce(next);
      expect(dropped()).toBe(10);
    });
    expect(taken.filter(({ fields }) => !fields['dropped'])).toHaveLength(21);
    expect(positions['journal']).not.toHaveProperty('held');
  });

  it('leaves no program behind', async () => {
    positions = at(0);
    write(...range(0, 20_000, { MESSAGE: 'z'.repeat(500) }));
    const marker = path.join(folder, 'pid');
    const teller = path.join(folder, 'tells.mjs');
    writeFileSync(
      teller,
      `import fs from 'node:fs'; fs.writeFileSync(${JSON.stringify(marker)}, String(process.pid)); await import(${JSON.stringify(fake)});`,
    );
    const { readFileSync } = await import('node:fs');
    const reader = await open({ command: [process.execPath, teller, file] });
    // In the middle of its output, with a pipe that is full.
    await eventually(() => readOnce(reader));
    const pid = Number(readFileSync(marker, 'utf8'));
    expect(process.kill(pid, 0)).toBe(true);
    await reader.stop();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(await reader.read(10)).toBeNull();
  });
});
