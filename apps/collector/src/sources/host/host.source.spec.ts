import { eventually, hostFigures } from '@lapwing/testing';
import type { HostFigures, HostPart } from '@lapwing/contracts';
import type { AnyPartReader } from '../source';
import { HostSource } from './host.source';

/** Readers of all parts that answer at once; some of them changed. */
function readers(changes: Partial<Record<HostPart, Partial<AnyPartReader>>>): AnyPartReader[] {
  return Object.entries(hostFigures()).map(
    ([part, value]) =>
      ({
        part,
        everyMs: 0,
        limitMs: 1000,
        empty: value,
        read: async () => value,
        ...changes[part as HostPart],
      }) as AnyPartReader,
  );
}

describe('a host, read in parts', () => {
  it('gives all figures', async () => {
    expect(await new HostSource(readers({})).read()).toEqual({ ...hostFigures(), stale: [] });
  });

  it('marks a failing part as stale, keeps its last figures, and goes on when it is back', async () => {
    let fails = false;
    const docker = { available: true, containers: [] };
    const read = async () => {
      if (fails) throw new Error('gone');
      return docker;
    };
    const source = new HostSource(readers({ docker: { read } }));
    expect((await source.read()).stale).toEqual([]);
    fails = true;
    expect(await source.read()).toMatchObject({ stale: ['docker'], docker });
    fails = false;
    expect((await source.read()).stale).toEqual([]);
  });

  it('never waits for a slow part: the others come in time, and it comes later', async () => {
    let answer: (value: HostFigures['gpu']) => void = () => {};
    const read = () => new Promise<HostFigures['gpu']>((resolve) => (answer = resolve));
    const source = new HostSource(readers({ gpu: { everyMs: 100, limitMs: 60_000, read } }));
    const begun = performance.now();
    expect((await source.read()).gpu.available).toBe(false);
    expect(performance.now() - begun).toBeLessThan(900);
    answer({ available: true, gpus: [] });
    await eventually(async () => expect((await source.read()).gpu.available).toBe(true));
  });

  it('marks a part as stale that takes longer than its limit, and does not start it twice', async () => {
    let started = 0;
    const read = () => {
      started++;
      return new Promise<never>(() => {});
    };
    const source = new HostSource(readers({ systemd: { limitMs: 50, read } }));
    await eventually(async () => expect((await source.read()).stale).toEqual(['systemd']));
    await source.read();
    expect(started).toBe(1);
  });

  it('reads a part at its own pace', async () => {
    let started = 0;
    const read = async () => {
      started++;
      return { sensors: [] };
    };
    const source = new HostSource(readers({ temperature: { everyMs: 60_000, read } }));
    for (let time = 0; time < 3; time++) await source.read();
    expect(started).toBe(1);
  });

  it('keeps back a figure that the contract does not allow, so that the sample can be sent', async () => {
    const cpu = { ...hostFigures().cpu, totalUsage: Number.NaN };
    const source = new HostSource(readers({ cpu: { read: async () => cpu } }));
    expect(await source.read()).toEqual({ ...hostFigures(), stale: ['cpu'] });
  });
});
