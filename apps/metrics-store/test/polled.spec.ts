import { chartsGet, targetSampled, type PolledFigures, type PolledKind } from '@lapwing/contracts';
import { databaseKinds } from '@lapwing/testing';
import { Harness } from './harness';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe.each(databaseKinds())('what pollers read, on %s', (kind) => {
  let store: Harness;
  let base: number;

  beforeEach(async () => {
    store = await Harness.start(kind);
    base = Math.floor(Date.now() / HOUR) * HOUR - 3 * HOUR;
  });
  afterEach(() => store.stop());

  const send = (time: number, rows: PolledFigures[], of: PolledKind = 'guest', targetId = 'pve-1') =>
    store.bus.publish(targetSampled, targetId, { targetId, time, kind: of, rows });
  const charts = (changes: Partial<Parameters<typeof ask>[0]> = {}) =>
    ask({ names: ['100'], from: base, to: base + HOUR, step: 60, ...changes });
  const ask = (question: {
    names: string[];
    from: number;
    to: number;
    step: number;
    kind?: PolledKind;
    targetId?: string;
  }) =>
    store.bus.request(chartsGet, {
      targetId: 'pve-1',
      kind: 'guest',
      metrics: ['cpu', 'networkIn', 'disk'],
      ...question,
    });

  it('is kept once and read back in steps, out of samples and roll-ups', async () => {
    for (let minute = 0; minute < 10; minute++) {
      const time = base + minute * MINUTE;
      await send(time, [
        { name: '100', cpu: minute, networkIn: 1000 },
        { name: '101', cpu: 50.25, disk: 12.5 },
      ]);
    }
    await send(base, [{ name: '100', cpu: 99 }]);
    await store.until('metrics.guest_sample', 20);
    await store.rollUp();
    const { series } = await charts({ names: ['100', '101', '999'], step: 300 });
    expect(series).toEqual([
      {
        name: '100',
        times: [base, base + 5 * MINUTE],
        values: { cpu: [2, 7], networkIn: [1000, 1000], disk: [null, null] },
      },
      {
        name: '101',
        times: [base, base + 5 * MINUTE],
        values: { cpu: [50.25, 50.25], networkIn: [null, null], disk: [12.5, 12.5] },
      },
    ]);
    expect((await charts({ step: 30 })).series[0]?.times).toHaveLength(10);
  });

  it('is kept apart by target and kind', async () => {
    await send(base, [{ name: '100', cpu: 10 }]);
    await send(base, [{ name: '100', cpu: 20 }], 'guest', 'pve-2');
    await send(base, [{ name: '100', disk: 30, diskUsed: 3, total: 10 }], 'storage');
    await store.until('metrics.guest_sample', 2);
    await store.until('metrics.storage_sample', 1);
    await store.rollUp();
    expect((await charts({ targetId: 'pve-2' })).series[0]?.values.cpu).toEqual([20]);
    expect((await charts({ kind: 'storage' })).series[0]?.values).toEqual({ disk: [30] });
  });

  it('refuses a wild clock and a question that is too large', async () => {
    await send(Date.now() + 24 * HOUR, [{ name: '100', cpu: 1 }]);
    await send(base, [{ name: '100', cpu: 2 }]);
    await store.until('metrics.guest_sample', 1);
    await expect(charts({ to: base + 24 * HOUR, step: 60 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(charts({ to: base })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await store.rollUp();
    expect((await charts()).series).toHaveLength(1);
  });
});
