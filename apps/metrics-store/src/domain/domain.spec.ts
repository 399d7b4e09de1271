import { hostSample } from '@lapwing/testing';
import { quarantineReason } from './admission';
import { inUnit, levelFor, pointsOf } from './history';
import { hostValues, partRows, sampleTables, storableName } from './tables';

describe('admission', () => {
  const window = { pastMs: 1000, futureMs: 100 };
  it.each([
    [5000, null],
    [5100, null],
    [5101, 'clock_ahead'],
    [4000, null],
    [3999, 'clock_behind'],
  ])('a sample of %d at 5000: %s', (time, reason) => {
    expect(quarantineReason(time, 5000, window)).toBe(reason);
  });
});

describe('levels of history', () => {
  it.each([
    [0, ''],
    [1, ''],
    [59, ''],
    [60, '_1m'],
    [90, ''],
    [120, '_1m'],
    [300, '_5m'],
    [900, '_5m'],
    [3600, '_1h'],
    [5400, '_5m'],
    [21_600, '_1h'],
  ])('steps of %d s come out of "%s"', (step, suffix) => {
    expect(levelFor(step).suffix).toBe(suffix);
  });

  it('counts points', () => {
    expect(pointsOf(0, 3_600_000, 60)).toBe(60);
    expect(pointsOf(0, 3_600_000, 0)).toBe(3600);
  });

  it('gives values their unit, without noise, and never NaN', () => {
    expect(inUnit(1234, 0.01)).toBe(12.34);
    expect(inUnit(7, 0.01)).toBe(0.07);
    expect(inUnit(1e9, 1)).toBe(1e9);
    expect([inUnit(null, 1), inUnit(Number.NaN, 1), inUnit(Number.POSITIVE_INFINITY, 0.01)]).toEqual([
      null,
      null,
      null,
    ]);
  });
});

describe('rows of a sample', () => {
  const row = (changes: Parameters<typeof hostSample>[2] = {}) =>
    Object.fromEntries(
      Object.keys(sampleTables.host.columns)
        .slice(2)
        .map((name, index) => [name, hostValues(hostSample(7, 0, changes))[index]]),
    );

  it('holds hundredths, bytes and sums', () => {
    expect(row()).toMatchObject({
      seq: 7,
      cpu: 1600,
      load1: 50,
      memory: 5625,
      disk: 2000,
      disk_read_rate: 1000,
      network_rx_rate: 10_000,
      processes: 200,
      temperature: 4500,
    });
  });

  it('takes the root mount, else the largest, else none', () => {
    const mount = (mountpoint: string, total: number) => ({
      device: 'd',
      mountpoint,
      fstype: 'ext4',
      total,
      used: total / 4,
      free: 0,
    });
    expect(row({ disk: { mounts: [mount('/big', 1000), mount('/', 100)], io: [] } })['disk_total']).toBe(100);
    expect(row({ disk: { mounts: [mount('/a', 10), mount('/big', 1000)], io: [] } })['disk_total']).toBe(1000);
    expect(row({ disk: { mounts: [], io: [] } })).toMatchObject({ disk: null, disk_total: null });
  });

  it('leaves out what the host does not have', () => {
    expect(row({ temperature: { sensors: [] } })['temperature']).toBeNull();
  });

  it.each([
    ['/data', '/data'],
    ['/a\0b', '/ab'],
    ['/a\ud800b', '/a\ufffdb'],
    ['x'.repeat(1024), 'x'.repeat(500)],
  ])('keeps the name %j as %j', (name, kept) => {
    expect(storableName(name)).toBe(kept);
  });

  it('has a row for each mount, interface and card', () => {
    const gpu = {
      index: 0,
      name: 'A5500',
      vendor: 'NVIDIA',
      utilization: 75.5,
      memoryUsed: 1,
      memoryTotal: 2,
      temperature: 65,
      powerWatts: null,
    };
    expect(partRows(hostSample(1, 0, { gpu: { available: true, gpus: [gpu] } }))).toEqual([
      { kind: 'disk', name: '/', values: [536_870_912_000, 107_374_182_400, 408_021_893_120, 2000] },
      { kind: 'interface', name: 'eth0', values: [1e9, 5e8, 10_000, 5000] },
      { kind: 'gpu', name: '0 A5500', values: [7550, 1, 2, 6500, null] },
    ]);
  });
});
