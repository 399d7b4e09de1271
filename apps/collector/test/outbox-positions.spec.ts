import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Outbox, type OutboxOptions } from '../src/store/outbox';

interface Body {
  entries: string[];
  positions: Record<string, number>;
}
type Sum = Record<string, number>;

const base = Date.UTC(2026, 0, 15, 10);
const fold: OutboxOptions<Body, Sum>['fold'] = {
  begin: () => ({}),
  add: (sum, { positions }) => ({ ...sum, ...positions }),
};

describe('an outbox that keeps where reading stands', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-outbox-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const open = (more: Partial<OutboxOptions<Body, Sum>> = {}): Promise<Outbox<Body, Sum>> =>
    Outbox.open<Body, Sum>({ folder, maxBytes: 2 ** 23, bootId: 'boot-1', now: base, isDurable: true, fold, ...more });
  const body = (number: number, text = 'x'): Body => ({ entries: [`${number} ${text}`], positions: { file: number } });
  const segments = async (): Promise<string[]> =>
    (await readdir(folder)).filter((name) => name.endsWith('.log')).toSorted((a, b) => a.length - b.length);

  it('knows after a stop and after a kill where reading stood, also when all records are confirmed and gone', async () => {
    const first = await open();
    await first.append(body(1), base);
    await first.append({ entries: [], positions: { other: 7 } }, base);
    const killed = await open();
    expect(killed.sum).toEqual({ file: 1, other: 7 });
    await killed.append(body(2), base + 3_600_000);
    await killed.append(body(3), base + 7_200_000);
    await killed.confirm(killed.id, [[1, 4]]);
    await killed.close();
    const again = await open();
    expect(again.sum).toEqual({ file: 3, other: 7 });
    expect(again.nextSeq).toBe(5);
    expect(again.gaps).toEqual([]);
    await again.close();
  });

  it('never goes back to an older record that is still on disk', async () => {
    const first = await open();
    await first.append(body(1), base);
    await first.append(body(2), base);
    await first.amend((sum) => ({ ...sum, file: 30 }));
    const second = await open();
    expect(second.sum).toEqual({ file: 30 });
    await second.append(body(31), base);
    expect((await open()).sum).toEqual({ file: 31 });
  });

  it('goes on with its numbers after a power cut: nothing was sent that is not on the disk', async () => {
    const first = await open();
    await first.append(body(1), base);
    const second = await open({ bootId: 'boot-2' });
    expect(second.id).toBe(first.id);
    expect(second.nextSeq).toBe(2);
    expect(second.gaps).toEqual([]);
    await second.close();
  });

  it('leaves nothing of records that a full disk took half of', async () => {
    const outbox = new URL('../dist/store/outbox.js', `file://${__dirname}/`).href;
    // A process that may write files of 32 KiB at most: the system takes a part of what is longer, and refuses the rest.
    const program = `
      const { Outbox } = await import(${JSON.stringify(outbox)});
      const fold = { begin: () => ({}), add: (sum, { positions }) => ({ ...sum, ...positions }) };
      const outbox = await Outbox.open({ folder: process.argv[1], maxBytes: 2 ** 23, bootId: 'boot-1', now: ${base}, isDurable: true, fold });
      const of = (file, text) => ({ entries: [text], positions: { file } });
      await outbox.append(of(1, 'one'), ${base});
      const long = await outbox.appendAll([of(2, 'x'.repeat(20_000)), of(3, 'y'.repeat(20_000))], ${base}).catch((error) => error.code);
      await outbox.append(of(4, 'z'), ${base});
      console.log(long);
      process.exit(0);`;
    const args = ['-c', 'ulimit -f 32; exec "$0" "$@"', process.execPath, '--input-type=module', '-e', program, folder];
    const { stdout, stderr } = spawnSync('bash', args, { encoding: 'utf8' });
    expect([stdout.trim(), stderr]).toEqual(['EFBIG', '']);
    const again = await open();
    expect([again.sum, again.nextSeq]).toEqual([{ file: 4 }, 3]);
    const kept = await again.read([...again.waiting()]);
    expect(kept.map(({ seq, entries }) => [seq, entries])).toEqual([
      [1, ['one']],
      [2, ['z']],
    ]);
    await again.close();
  });

  it('has after a cut at any byte what was taken before, and where reading stood then', async () => {
    const first = await open();
    const ends: number[] = [];
    for (let number = 1; number <= 6; number++) {
      if (number === 4) await first.appendAll([{ ...body(40), positions: {} }, body(4)], base);
      else await first.append(body(number), base);
      ends.push([...first.waiting()].reduce((bytes, entry) => bytes + entry.length, 0));
    }
    const copy = `${folder}-copy`;
    const [name = ''] = await segments();
    const near = ends.flatMap((end) => [end - 2, end - 1, end, end + 1]);
    const between = Array.from({ length: 25 }, (_, index) => index * 13);
    for (const bytes of [...near, ...between].filter((cut) => cut <= (ends.at(-1) ?? 0))) {
      await cp(folder, copy, { recursive: true });
      await truncate(path.join(copy, name), bytes);
      const opened = await Outbox.open<Body, Sum>({
        folder: copy,
        maxBytes: 2 ** 23,
        bootId: 'boot-1',
        now: base,
        isDurable: true,
        fold,
      });
      const whole = ends.filter((end) => end <= bytes).length;
      expect(opened.sum).toEqual(whole === 0 ? {} : { file: whole });
      // What was taken together counts together.
      expect(opened.size).toBe(whole >= 4 ? whole + 1 : whole);
      expect(opened.nextSeq).toBe(opened.size + 1);
      const taken = await opened.append(body(99), base);
      expect(taken.record.seq).toBe(opened.size);
      await opened.close();
      await rm(copy, { recursive: true });
    }
    await first.close();
  });

  it('gives up nothing when it is full, and says that it is', async () => {
    const outbox = await open({ maxBytes: 2 ** 22 });
    const text = 'x'.repeat(200_000);
    let number = 0;
    while (!outbox.isFull) await outbox.append(body(++number, text), base);
    await outbox.append(body(++number, text), base);
    expect(outbox.size).toBe(number);
    expect(outbox.gaps).toEqual([]);
    await outbox.confirm(outbox.id, [[1, number - 3]]);
    expect(outbox.isFull).toBe(false);
    await outbox.close();
  });

  it('notes numbers that are lost, and has what is known when its state is lost', async () => {
    const first = await open();
    for (const number of [1, 2, 3]) await first.append(body(number), base);
    await first.close();
    const [name = ''] = await segments();
    const lines = (await readFile(path.join(folder, name), 'utf8')).split('\n');
    lines[1] = 'rubbish';
    await writeFile(path.join(folder, name), lines.join('\n'));
    const second = await open();
    expect(second.gaps).toMatchObject([{ cause: 'outbox_damaged', lost: [2, 2] }]);
    await second.close();
    await rm(path.join(folder, 'state.json'));
    const third = await open();
    expect(third.id).not.toBe(first.id);
    expect(third.sum).toEqual({ file: 3 });
    expect(third.gaps[0]).toMatchObject({ cause: 'outbox_damaged', lost: null });
    await third.close();
  });
});
