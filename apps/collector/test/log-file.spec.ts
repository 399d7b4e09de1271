import { eventually } from '@lapwing/testing';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { appendFile, copyFile, mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { LogFolder } from './log-file-harness';

describe('files as a source of logs', () => {
  let logs: LogFolder;

  beforeEach(async () => {
    logs = await LogFolder.make();
  });
  afterEach(() => logs.remove());

  const write = (name: string, text: string | Buffer): Promise<void> => appendFile(logs.path(name), text);

  it('begins at the end of what is there at first, and at the beginning of what appears later, also while it does not run', async () => {
    await write('old.log', 'history\n');
    await logs.start();
    await logs.read();
    await write('old.log', 'news\n');
    await logs.drain();
    await write('new.log', 'first\n');
    await logs.rescan();
    await logs.kill();
    await write('newer.log', 'second\n');
    await logs.start();
    await logs.drain();
    expect(logs.messages()).toEqual(['news', 'first', 'second']);
    expect(logs.taken[0]).toMatchObject({ source: 'file', name: logs.path('old.log'), level: 'info', fields: {} });
  });

  it('reads nothing again that was taken down, and all that was not', async () => {
    await write('app.log', '');
    await logs.start();
    await logs.read();
    await write('app.log', 'one\ntwo\n');
    await logs.drain();
    await write('app.log', 'three\n');
    await logs.source?.read(1000);
    await logs.kill();
    await logs.start();
    await logs.drain();
    expect(logs.messages()).toEqual(['one', 'two', 'three']);
  });

  it('neither reads compressed files nor predecessors of the time before it', async () => {
    for (const name of ['app.log.1', 'app.log-20261121']) await write(name, `${name}\n`);
    const written = Date.now();
    await eventually(() => Date.now() > written + 100);
    await logs.start({ path: logs.path('*') });
    await logs.read();
    for (const name of ['app.log.2.gz', 'app.log']) await write(name, `${name}\n`);
    await logs.rescan();
    expect(logs.messages()).toEqual(['app.log']);
  });

  it('finds what a new file held that was renamed before anybody saw it, twice', async () => {
    await write('app.log.7', 'history\n');
    const written = Date.now();
    await eventually(() => Date.now() > written + 100);
    await logs.start();
    await logs.read();
    await write('app.log', 'one\n');
    await rename(logs.path('app.log'), logs.path('app.log.1'));
    await write('app.log', 'two\n');
    await rename(logs.path('app.log.1'), logs.path('app.log.2'));
    await rename(logs.path('app.log'), logs.path('app.log.1'));
    await write('app.log', 'three\n');
    await logs.rescan();
    expect(logs.messages()).toEqual(['one', 'two', 'three']);
    expect(new Set(logs.taken.map(({ name }) => name))).toEqual(new Set([logs.path('app.log')]));
  });

  it('keeps the order where the newest file gets the greatest number', async () => {
    await logs.start();
    await logs.read();
    for (const number of [1, 2, 3]) {
      await write('app.log', `line ${number}\n`);
      if (number === 1) await logs.rescan();
      await rename(logs.path('app.log'), logs.path(`app.log.${number}`));
      const written = Date.now();
      await eventually(() => Date.now() > written + 50);
    }
    await write('app.log', 'line 4\n');
    await logs.rescan();
    expect(logs.messages()).toEqual(['line 1', 'line 2', 'line 3', 'line 4']);
  });

  it('finds what was made and renamed while it did not run, however alike the files begin', async () => {
    const head = 'GET /health 200\n'.repeat(100);
    await logs.start();
    await logs.read();
    await write('app.log', `${head}one\n`);
    await logs.rescan();
    await logs.kill();
    for (const text of ['two', 'three']) {
      await rename(logs.path('app.log'), logs.path(`app.log.${text === 'two' ? 9 : 8}`));
      const renamed = Date.now();
      await eventually(() => Date.now() > renamed + 50);
      await write('app.log', `${head}${text}\n`);
    }
    await write('new.log', 'four\n');
    await rename(logs.path('new.log'), logs.path('new.log.1'));
    await write('new.log', 'five\n');
    await logs.start();
    await logs.rescan();
    const of = (name: string): string[] =>
      logs.taken.flatMap((entry) =>
        entry.name === logs.path(name) && !entry.message.startsWith('GET') ? entry.message : [],
      );
    expect([of('app.log'), of('new.log')]).toEqual([
      ['one', 'two', 'three'],
      ['four', 'five'],
    ]);
    expect(logs.messages()).toHaveLength(305);
  });

  it('does not take a file for a new one that was renamed to a name that is meant, too', async () => {
    await logs.start({ path: logs.path('*') });
    await write('app.log', 'one\n');
    await logs.rescan();
    await rename(logs.path('app.log'), logs.path('app.old'));
    await write('app.log', 'two\n');
    await logs.rescan();
    await logs.later(120_000);
    await logs.rescan();
    await logs.kill();
    await logs.start({ path: logs.path('*') });
    await logs.rescan();
    expect(logs.messages()).toEqual(['one', 'two']);
  });

  it('knows a number that is used again by the first bytes', async () => {
    await logs.start();
    await write('app.log', 'a line of the old file\n');
    await logs.rescan();
    await logs.kill();
    // The same inode with another content is what a new file with a used number looks like.
    await writeFile(logs.path('app.log'), 'another file, and longer than the one before\n');
    await logs.start();
    await logs.drain();
    expect(logs.messages()).toEqual(['a line of the old file', 'another file, and longer than the one before']);
  });

  it('passes over the hole that a writer leaves who does not append', async () => {
    const file = await open(logs.path('app.log'), 'w');
    await logs.start();
    await logs.read();
    await file.write('before\n'.repeat(1000));
    await logs.drain();
    await truncate(logs.path('app.log'), 0);
    await logs.drain();
    await file.write('after\n');
    await logs.drain();
    await file.close();
    expect(logs.messages().filter((one) => one !== 'before')).toEqual(['after']);
  });

  it('reads the rest of an emptied file in its copy', async () => {
    await logs.start();
    await write('app.log', 'one\n');
    await logs.rescan();
    await write('app.log', 'two\n');
    await copyFile(logs.path('app.log'), logs.path('app.log.1'));
    await truncate(logs.path('app.log'), 0);
    await write('app.log', 'three\n');
    await logs.drain();
    expect(logs.messages()).toEqual(['one', 'two', 'three']);
  });

  it('waits for the end of a line, and after 5 s gives what there is and marks the rest', async () => {
    await logs.start();
    await write('app.log', Buffer.from('caf\u00e9', 'utf8').subarray(0, 4));
    await logs.rescan();
    expect(logs.messages()).toEqual([]);
    await logs.later(4999);
    expect(logs.messages()).toEqual([]);
    await logs.later(1);
    expect(logs.messages()).toEqual(['caf']);
    await logs.kill();
    await logs.start();
    await write('app.log', Buffer.concat([Buffer.from([0xa9]), Buffer.from(' au lait\nnext\n')]));
    await logs.drain();
    expect(logs.taken.map(({ message, fields }) => [message, fields])).toEqual([
      ['caf', {}],
      ['\u00e9 au lait', { continued: 'true' }],
      ['next', {}],
    ]);
  });

  it('cuts a line of 10 MB, marks it, and goes on after it', async () => {
    await logs.start();
    await write('app.log', 'before\n');
    await logs.rescan();
    await write('app.log', `${'0123456789'.repeat(2 ** 20)}\nafter\n`);
    while (logs.messages().at(-1) !== 'after') await logs.read();
    const [, long] = logs.taken;
    expect(long?.message).toHaveLength(16_384);
    expect(long?.fields).toEqual({ truncated: 'true', original_length: String(10 * 2 ** 20) });
    expect(logs.messages()[2]).toBe('after');
  });

  it('gives up on a line that never ends, and passes over the rest of it, also after a kill', async () => {
    await logs.start();
    await write('app.log', '');
    await logs.rescan();
    const part = Buffer.alloc(2 ** 22, 'z');
    for (let count = 0; count < 5; count++) await write('app.log', part);
    for (let count = 0; count < 200; count++) await logs.read();
    await logs.kill();
    await logs.start();
    await write('app.log', 'still the same\nafter\n');
    await logs.drain();
    expect(logs.messages().map((one) => one.slice(0, 5))).toEqual(['zzzzz', 'after']);
    expect(Number(logs.taken[0]?.fields['original_length'])).toBeGreaterThanOrEqual(2 ** 24);
  });

  it.each([
    ['utf-8', Buffer.from('\u00fc\u20ac \ud83d\ude00\r\n'), '\u00fc\u20ac \ud83d\ude00'],
    ['utf-8', Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff, 0x62, 0xc3, 0x28, 0x0a]), 'a\ufffdb\ufffd('],
    ['utf-8', Buffer.from([0x00, 0x01, 0x61, 0x1b, 0x5b, 0x33, 0x31, 0x6d, 0x62, 0x0a]), '\ufffd\ufffdab'],
    ['utf-16le', Buffer.from('\ufeff\u0a0a \u00fc line\r\n', 'utf16le'), '\u0a0a \u00fc line'],
    ['latin1', Buffer.from([0xfc, 0xe4, 0x0a]), '\u00fc\u00e4'],
  ] as const)('reads %s', async (encoding, bytes, text) => {
    await logs.start({ encoding });
    await write('app.log', bytes);
    await logs.rescan();
    expect(logs.messages()).toEqual([text]);
  });

  it('puts lines together that belong to one entry, and reads one again as a whole after a kill', async () => {
    const entryStart = '^\\d{4}-';
    await logs.start({ entryStart });
    await write('app.log', '2026-11-21 failed\n  at a\n\n  at b\n2026-11-21 next\n  at c\n');
    await logs.rescan();
    await logs.kill();
    await logs.start({ entryStart });
    await logs.drain();
    await write('app.log', '  at d\n');
    await logs.later(999);
    expect(logs.messages()).toEqual(['2026-11-21 failed\n  at a\n\n  at b']);
    await logs.later(1000);
    expect(logs.messages()).toEqual(['2026-11-21 failed\n  at a\n\n  at b', '2026-11-21 next\n  at c\n  at d']);
  });

  it('drops what is written faster than the limit, says how much, and never what was there before', async () => {
    logs.linesPerSecond = 100;
    await logs.start();
    await write('app.log', 'backlog\n'.repeat(5000));
    await logs.rescan();
    await logs.drain();
    expect(logs.taken).toHaveLength(5000);
    logs.now += 1000;
    await write('app.log', 'fast\n'.repeat(1000));
    await logs.drain();
    const passed = logs.messages().filter((one) => one === 'fast').length;
    expect(passed).toBeGreaterThanOrEqual(100);
    expect(passed).toBeLessThanOrEqual(300);
    // What was dropped is part of where reading stands.
    await logs.kill();
    await logs.start();
    await logs.later(1000);
    expect(logs.taken.at(-1)).toMatchObject({
      level: 'warning',
      message: `${1000 - passed} lines dropped: more than 100 a second`,
      fields: { dropped: String(1000 - passed) },
    });
    logs.now += 1000;
    await write('app.log', 'slow\n'.repeat(50));
    await logs.drain();
    expect(logs.messages().filter((one) => one === 'slow')).toHaveLength(50);
  });

  it('takes what came while nobody read for what was there before', async () => {
    logs.linesPerSecond = 10;
    await logs.start();
    await write('app.log', '');
    await logs.rescan();
    logs.now += 10_000;
    await write('app.log', 'line\n'.repeat(500));
    await logs.drain();
    expect(logs.messages().filter((one) => one === 'line')).toHaveLength(500);
  });

  it('lets no busy file keep another one waiting', async () => {
    await logs.start();
    await write('busy.log', 'busy\n'.repeat(100_000));
    for (let count = 0; count < 20; count++) await write(`quiet-${count}x.log`, 'quiet\n');
    logs.now += 5000;
    await logs.read();
    await logs.source?.scanned();
    for (let count = 0; count < 3; count++) await logs.read();
    expect(logs.messages().filter((one) => one === 'quiet')).toHaveLength(20);
    expect(logs.taken.length).toBeLessThan(3100);
  });

  it('follows 500 files of a pattern and no more, and says so', async () => {
    await logs.start();
    await Promise.all(Array.from({ length: 520 }, (_, index) => write(`f${index}x.log`, `line ${index}\n`)));
    await logs.rescan();
    expect(new Set(logs.messages()).size).toBe(500);
    expect(logs.source?.problems().join()).toMatch(/too many/);
  });

  it('reads regular files below the folders of the host alone', async () => {
    const elsewhere = await LogFolder.make();
    await appendFile(elsewhere.path('secret.log'), 'secret\n');
    await logs.start();
    await symlink(elsewhere.path('secret.log'), logs.path('link.log'));
    execFileSync('mkfifo', [logs.path('fifo.log')]);
    await mkdir(logs.path('folder.log'));
    await write('true.log', 'fine\n');
    await symlink(logs.path('true.log'), logs.path('same.log'));
    await logs.rescan();
    expect(logs.messages()).toEqual(['fine']);
    const problems = logs.source?.problems() ?? [];
    expect(problems.find((one) => one.includes('link.log'))).toMatch(/COLLECTOR_LOG_FOLDERS/);
    expect(problems.find((one) => one.includes('fifo.log'))).toMatch(/no regular file/);
    await elsewhere.remove();
  });

  it('forgets a file that is gone, and what no source asks for any more', async () => {
    await logs.start();
    await write('app.log', 'line\n');
    await write('other.log', 'line\n');
    await logs.rescan();
    await rm(logs.path('app.log'));
    await logs.later(100);
    await logs.later(3_600_000);
    expect(Object.keys(logs.positions)).toContain(`file:${logs.path('app.log')}`);
    await logs.later(86_400_000);
    expect(Object.keys(logs.positions).filter((key) => key.includes('app.log'))).toEqual([]);
    await logs.kill();
    await logs.start({ path: logs.path('nothing.log') });
    await logs.read();
    expect(Object.keys(logs.positions)).toEqual([`file@${logs.path('nothing.log')}`]);
  });

  it('goes on where it stood when a file was away for a while, also over a start', async () => {
    await logs.start();
    await write('app.log', 'one\n');
    await logs.rescan();
    await rename(logs.path('app.log'), logs.path('away'));
    await logs.later(100);
    await logs.later(60_000);
    await rename(logs.path('away'), logs.path('app.log'));
    await write('app.log', 'two\n');
    await logs.later(1000);
    await rename(logs.path('app.log'), logs.path('away'));
    await logs.kill();
    await logs.start();
    await logs.later(1000);
    await rename(logs.path('away'), logs.path('app.log'));
    await write('app.log', 'three\n');
    await logs.later(1000);
    expect(logs.messages()).toEqual(['one', 'two', 'three']);
  });

  it('reads a hundred thousand lines as they are', async () => {
    await logs.start();
    const text = Array.from({ length: 100_000 }, (_, index) => `line ${index} of many`).join('\n');
    await write('app.log', `${text}\n`);
    await logs.rescan();
    const hash = (one: string): string => createHash('sha256').update(one).digest('hex');
    expect(hash(logs.messages().join('\n'))).toBe(hash(text));
  });
});
