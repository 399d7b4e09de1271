import { guestIdOf, type HostSample } from '@lapwing/contracts';
import { temperatureView } from './machines.view';

describe('ids', () => {
  it.each([
    ['lab', 'lab-pve1-100'],
    ['pve1', 'pve1-100'],
  ])('of a guest of %s is %s', (name, id) => expect(guestIdOf(name, { node: 'pve1', vmid: 100 })).toBe(id));
});

describe('temperatures', () => {
  const sample = (sensors: [string, number][]): HostSample =>
    ({ time: 0, temperature: { sensors: sensors.map(([name, value]) => ({ name, value })) } }) as HostSample;

  it('are those that an agent on the node reports', () => {
    const all: [string, number][] = [
      ['Package id 0', 61],
      ['Core 0', 55],
      ['Core 4', 63],
      ['Composite', 38],
      ['SYSTIN', 30],
    ];
    expect(temperatureView(sample(all))).toEqual({
      cpuPackage: 61,
      cpuMax: 63,
      cores: [
        { core: 0, temp: 55 },
        { core: 4, temp: 63 },
      ],
      nvme: [{ device: 'nvme0', temp: 38 }],
      available: true,
      hasCPU: true,
      hasNVMe: true,
      lastUpdate: '1970-01-01T00:00:00Z',
    });
    expect(temperatureView(sample([['Tctl', 70]]))).toMatchObject({ cpuPackage: 70, hasNVMe: false });
    expect(temperatureView(undefined)).toMatchObject({ available: false, cpuMax: 0, lastUpdate: '' });
  });
});
