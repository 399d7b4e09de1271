import { hostFigures } from '@lapwing/testing';
import { appendFile, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Outbox } from '../src/store/outbox';

const MINUTE = 60_000;
const base = Date.UTC(2026, 0, 15, 10);
const figures = { ...hostFigures(), stale: [] };

describe('the outbox', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-outbox-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const open = (more: { bootId?: string; now?: number; maxBytes?: number } = {}): Promise<Outbox> =>
    Outbox.open({ folder, maxBytes: 64 * 2 ** 20, bootId: 'boot-1', now: base, ...more });
  const fill = async (outbox: Outbox, count: number, from = base): Promise<void> => {
    for (let index = 0; index < count; index++) await outbox.append(figures, from + index * 1000);
  };
  const seqs = (outbox: Outbox): number[] => [...outbox.waiting()].map((entry) => entry.seq);
  const segments = async (): Promise<string[]> => (await readdir(folder)).filter((name) => name.endsWith('.log'));

  it('numbers samples from 1 without a hole, and reads them back', async () => {
    const outbox = await open();
    await fill(outbox, 3);
    const samples = await outbox.read([...outbox.waiting()]);
    expect(samples).toEqual([1, 2, 3].map((seq) => ({ seq, time: base + (seq - 1) * 1000, ...figures })));
    await outbox.close();
  });

  it('finds again what was not confirmed, continues the numbers, and says why there is a gap', async () => {
    const first = await open();
    await fill(first, 3);
    await first.confirm(first.id, [[1, 2]]);
    await first.close();
    const second = await open({ now: base + MINUTE });
    expect(second.id).toBe(first.id);
    // A segment is kept whole until all of it is confirmed: what is sent again is stored once.
    expect(seqs(second)).toEqual([1, 2, 3]);
    expect(second.nextSeq).toBe(4);
    expect(second.gaps).toEqual([{ from: base + 2000, to: base + MINUTE, cause: 'collector_stopped', lost: null }]);
    await second.close();
  });

  it('uses no number twice when it is killed after all was confirmed and before its state was written', async () => {
    const first = await open();
    await fill(first, 3);
    const state = await readFile(path.join(folder, 'state.json'));
    await fill(first, 1, base + 60 * MINUTE);
    await first.confirm(first.id, [[1, 4]]);
    await writeFile(path.join(folder, 'state.json'), state);
    const [last = ''] = await segments();
    await truncate(path.join(folder, last), 0);
    const second = await open({ now: base + 61 * MINUTE });
    expect(second.nextSeq).toBe(4);
    await second.close();
  });

  it('tells a kill from a stop, and continues the numbers', async () => {
    const first = await open();
    await fill(first, 2);
    const second = await open({ now: base + MINUTE });
    expect(second.id).toBe(first.id);
    expect(second.nextSeq).toBe(3);
    expect(second.gaps.map((gap) => gap.cause)).toEqual(['collector_killed']);
    await second.close();
  });

  it('begins a new outbox after the host was restarted without a stop, and still has the old samples', async () => {
    const first = await open();
    await fill(first, 2);
    const second = await open({ bootId: 'boot-2', now: base + MINUTE });
    expect(second.id).not.toBe(first.id);
    expect(second.gaps.map((gap) => gap.cause)).toEqual(['host_restarted']);
    await second.append(figures, base + MINUTE);
    expect([...second.waiting()].map((entry) => [entry.outbox === first.id, entry.seq])).toEqual([
      [true, 1],
      [true, 2],
      [false, 1],
    ]);
    expect(await second.read([...second.waiting()])).toHaveLength(3);
    await second.close();
  });

  it('does not count a line that a crash tore apart, and gives its number to the next sample', async () => {
    const first = await open();
    await fill(first, 3);
    const file = path.join(folder, (await segments())[0] ?? '');
    await truncate(file, (await readFile(file)).length - 10);
    const second = await open({ now: base + MINUTE });
    expect(seqs(second)).toEqual([1, 2]);
    expect(second.nextSeq).toBe(3);
    await second.close();
  });

  it('survives rubbish in its files, and says what was lost', async () => {
    const first = await open();
    await fill(first, 4);
    await first.close();
    const file = path.join(folder, (await segments())[0] ?? '');
    const lines = (await readFile(file, 'utf8')).split('\n');
    lines[1] = '\u0000rubbish';
    await writeFile(file, lines.join('\n'));
    await appendFile(file, '{"seq":"five"}\n');
    const second = await open({ now: base + MINUTE });
    expect(seqs(second)).toEqual([1, 3, 4]);
    expect(second.gaps.find((gap) => gap.cause === 'outbox_damaged')?.lost).toEqual([2, 2]);
    await second.close();
  });

  it('begins anew when its state is rubbish, without using a number twice', async () => {
    const first = await open();
    await fill(first, 2);
    await first.close();
    await writeFile(path.join(folder, 'state.json'), 'rubbish');
    const second = await open({ now: base + MINUTE });
    expect(second.id).not.toBe(first.id);
    expect(seqs(second)).toEqual([1, 2]);
    await second.append(figures, base + MINUTE);
    expect(new Set([...second.waiting()].map(({ outbox, seq }) => `${outbox}/${seq}`)).size).toBe(3);
    await second.close();
  });

  it('removes files whose samples are all confirmed', async () => {
    const outbox = await open();
    await fill(outbox, 2);
    await fill(outbox, 2, base + 60 * MINUTE);
    expect(await segments()).toHaveLength(2);
    await outbox.confirm(outbox.id, [[1, 2]]);
    expect(await segments()).toHaveLength(1);
    await outbox.confirm(outbox.id, [[1, 2 ** 40]]);
    expect(outbox.size).toBe(0);
    await outbox.close();
  });

  it('gives up the oldest when it is full, and counts what was lost', async () => {
    const outbox = await open({ maxBytes: 3 * 2 ** 20 });
    await fill(outbox, 2500);
    const waiting = seqs(outbox);
    const lost = outbox.gaps.filter((gap) => gap.cause === 'outbox_full');
    const count = lost.reduce((sum, gap) => sum + (gap.lost ? gap.lost[1] - gap.lost[0] + 1 : 0), 0);
    expect(lost[0]?.lost?.[0]).toBe(1);
    expect(count).toBeGreaterThan(0);
    expect(count + waiting.length).toBe(2500);
    const sizes = await Promise.all(
      (await segments()).map(async (name) => (await readFile(path.join(folder, name))).length),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(3 * 2 ** 20);
    await outbox.close();
  });

  it('forgets gaps that are confirmed, and no others', async () => {
    await (await open()).close();
    const first = await open();
    await fill(first, 1);
    await first.close();
    const second = await open({ now: base + MINUTE });
    await second.confirmGaps([{ from: 1, to: 2, cause: 'outbox_full', lost: null }]);
    expect(second.gaps).toHaveLength(1);
    await second.confirmGaps(second.gaps);
    await second.close();
    expect((await open({ now: base + 2 * MINUTE })).gaps.map((gap) => gap.to)).toEqual([base + 2 * MINUTE]);
  });
});
