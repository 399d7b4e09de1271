import { MockConfig, chartMetrics, chartsGet, type ChartMetric, type PolledKind } from '@lapwing/contracts';
import { MAX_MOCK_POINTS, MOCK_TARGETS, mockEstate, mockSeries } from './index';

const FROM = Date.UTC(2025, 0, 15, 9);
const config = MockConfig.parse({ nodeCount: 3 });
const ask = (kind: PolledKind, name: string, some: Partial<Parameters<typeof mockSeries>[1]> = {}) =>
  mockSeries(config, {
    targetId: MOCK_TARGETS.pve,
    kind,
    name,
    metrics: [...chartMetrics],
    from: FROM,
    to: FROM + 3_600_000,
    step: 600,
    ...some,
  });

type Row = { [M in ChartMetric]: number | null };
const none = Object.fromEntries(chartMetrics.map((metric) => [metric, null])) as Row;

/** What the state shows at an instant, by kind and name. */
function shown(now: number): Map<string, Row> {
  const { nodes = [], guests = [], storages = [] } = mockEstate(config, now).targets[0]?.sections ?? {};
  const percent = ({ used, total }: { used: number; total: number }) => (used / total) * 100;
  const rows = new Map<string, Row>();
  for (const { name, cpu, memory, disk } of nodes) {
    const { used: diskUsed, total } = disk;
    rows.set(`node ${name}`, { ...none, cpu, memory: percent(memory), disk: percent(disk), diskUsed, total });
  }
  for (const { vmid, cpu, memory, disk, diskRead, diskWrite, networkIn, networkOut } of guests) {
    const known = { cpu, memory: percent(memory), diskRead, diskWrite, networkIn, networkOut };
    const total = disk?.total ?? null;
    rows.set(`guest ${vmid}`, { ...known, disk: disk && percent(disk), diskUsed: disk && disk.used, total });
  }
  for (const { name, nodes: on, shared, used, total } of storages) {
    const disk = percent({ used, total });
    rows.set(`storage ${shared ? name : `${on[0]}/${name}`}`, { ...none, disk, diskUsed: used, total });
  }
  return rows;
}

describe('the series of what is made up', () => {
  it('show what the state shows at these instants', () => {
    const times = Array.from({ length: 7 }, (_, index) => FROM + index * 600_000);
    const states = times.map(shown);
    const names = [...(states[0]?.keys() ?? [])];
    expect(names).toHaveLength(3 + 39 + 8);
    for (const key of names) {
      const [kind, name] = key.split(' ') as [PolledKind, string];
      const series = ask(kind, name);
      expect(series).toMatchObject({ name, times });
      for (const metric of chartMetrics)
        expect(series?.values[metric]).toEqual(states.map((state) => state.get(key)?.[metric]));
    }
  });

  it('are as the contract says', () => {
    const series = [ask('node', 'mock-pve1'), ask('guest', '1001'), ask('storage', 'nas')];
    expect(chartsGet.output.parse({ series })).toEqual({ series });
    expect(Object.keys(ask('guest', '1001', { metrics: ['cpu'] })?.values ?? {})).toEqual(['cpu']);
  });

  it('do not exist for what is not made up', () => {
    expect(ask('node', 'mock-pve4')).toBeUndefined();
    expect(ask('guest', '9999')).toBeUndefined();
    expect(ask('guest', '01001')).toBeUndefined();
    expect(ask('storage', 'local')).toBeUndefined();
    expect(ask('storage', 'mock-pve1/nas')).toBeUndefined();
    expect(ask('node', 'mock-pve1', { targetId: MOCK_TARGETS.pbs })).toBeUndefined();
  });

  it('lie on multiples of the step, and are not longer than is good', () => {
    const odd = ask('node', 'mock-pve1', { from: FROM + 1, to: FROM + 1_300_000 });
    expect(odd?.times).toEqual([FROM + 600_000, FROM + 1_200_000]);
    expect(ask('node', 'mock-pve1', { from: FROM + 1, to: FROM + 2 })?.times).toEqual([]);
    const long = ask('node', 'mock-pve1', { from: 0, to: FROM, step: 1 });
    expect(long?.times).toHaveLength(MAX_MOCK_POINTS);
    expect(long?.times.at(-1)).toBe(FROM);
  });

  it('stand still when nothing moves', () => {
    const still = { ...config, randomMetrics: false };
    const question = { targetId: MOCK_TARGETS.pve, name: 'mock-pve1', from: FROM, to: FROM + 3_600_000, step: 60 };
    const series = mockSeries(still, { ...question, kind: 'node', metrics: ['cpu', 'memory'] });
    expect(new Set(series?.values.cpu).size).toBe(1);
    expect(new Set(series?.values.memory).size).toBe(1);
  });
});
