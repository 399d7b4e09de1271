import type { BackupTask, ProxmoxGuest } from '@lapwing/contracts';
import { atOnce, guestOf, mounted, T0, targetOf, valuesOf } from '../../../test/estate-fixtures';
import { Engine } from '../engine';
import { readGuests, type GuestMemory } from './guests';

const nothing: GuestMemory = { running: [], locked: [] };
const MIN = 60_000;

/** What looks at one guest, ten seconds apart, did. */
function watching(patch: Record<string, unknown> = {}) {
  const config = atOnce(patch);
  const engine = new Engine(config);
  let memory = nothing;
  let time = T0;
  const sections = (items: ProxmoxGuest[], backupTasks: BackupTask[]) =>
    targetOf({ guests: items, backupTasks }, { time });
  return (
    guest: Partial<ProxmoxGuest> | null,
    { tasks = [], at = time + 10_000 }: { tasks?: BackupTask[]; at?: number } = {},
  ) => {
    time = at;
    const read = readGuests(sections(guest ? [guestOf(guest)] : [], tasks), memory, config);
    memory = JSON.parse(JSON.stringify(read.memory)) as GuestMemory;
    return engine
      .look(read.look)
      .map(({ kind, alertId, level, resolution }) => `${kind} ${alertId} ${resolution ?? level}`);
  };
}
const task = (startedAt: number, endedAt: number | null, vmid = 101): BackupTask => ({
  upid: '',
  node: 'pve1',
  guestType: 'qemu',
  vmid,
  status: '',
  startedAt,
  endedAt,
  size: 0,
  error: '',
});
const on = { status: 'running' };
const off = { status: 'stopped' };
const away = { status: 'unknown' };
const busy = { cpu: 99 };

describe('a guest', () => {
  it('tells its figures', () => {
    const { look } = readGuests(
      targetOf({ guests: [guestOf({ diskRead: 2 ** 20, networkOut: 2 ** 21 })] }),
      nothing,
      atOnce(),
    );
    expect(look).toMatchObject({ scope: 'target:id-home:guests', time: T0 });
    expect(look.readings[0]?.resource).toEqual({
      id: 'home-pve1-101',
      name: 'web',
      type: 'guest',
      node: 'pve1',
      instance: 'home',
      parents: ['home-pve1', 'pve:home'],
    });
    expect(valuesOf(look)).toEqual({
      'home-pve1-101 powered-off': 0,
      'home-pve1-101 cpu': 10,
      'home-pve1-101 memory': 20,
      'home-pve1-101 disk': 30,
      'home-pve1-101 diskRead': 1,
      'home-pve1-101 diskWrite': 0,
      'home-pve1-101 networkIn': 0,
      'home-pve1-101 networkOut': 2,
    });
  });
  it.each<[string, Partial<ProxmoxGuest>, Record<string, number | null>]>([
    [
      'file systems one by one',
      { filesystems: [mounted('/', 50), mounted('C:\\', 60)] },
      { 'home-pve1-101-disk-root disk': 50, 'home-pve1-101-disk-C disk': 60 },
    ],
    ['no disk that nobody knows', { disk: null }, { 'home-pve1-101 disk': null }],
    ['no memory without any', { memory: { total: 0, used: 0, free: 0 } }, { 'home-pve1-101 memory': null }],
    ['no disk without any', { disk: { total: 0, used: 0, free: 0 } }, { 'home-pve1-101 disk': null }],
  ])('tells %s', (_name, guest, expected) =>
    expect(valuesOf(readGuests(targetOf({ guests: [guestOf(guest)] }), nothing, atOnce()).look)).toMatchObject(
      expected,
    ),
  );
  it('that is a template tells nothing', () =>
    expect(readGuests(targetOf({ guests: [guestOf({ template: true })] }), nothing, atOnce()).look.readings).toEqual(
      [],
    ));
  it('tells of a guest without a name by its number', () =>
    expect(
      readGuests(targetOf({ guests: [guestOf({ name: '' })] }), nothing, atOnce()).look.readings[0]?.resource.name,
    ).toBe('101'));
});

describe('a guest that is off', () => {
  it('is told at the second look', () => {
    const look = watching();
    expect([on, off].flatMap((one) => look(one))).toEqual([]);
    expect(look(off)).toEqual(['fired home-pve1-101-powered-off warning']);
    expect(look(off)).toEqual([]);
    expect(look(on)).toEqual(['resolved home-pve1-101-powered-off recovered']);
  });
  it('is no matter when it never ran', () => {
    const look = watching();
    expect([off, off, off, off].flatMap((one) => look(one))).toEqual([]);
  });
  it('is as bad as people say', () => {
    const look = watching({ guestDefaults: { poweredOffSeverity: 'critical' } });
    expect([on, off, off].flatMap((one) => look(one))).toEqual(['fired home-pve1-101-powered-off critical']);
  });
  it('has no figures: what was open of them is over', () => {
    const look = watching();
    look(busy);
    expect(look(off)).toEqual(['resolved home-pve1-101-cpu removed']);
  });
  it('is forgotten when it is gone', () => {
    const look = watching();
    [on, off, off].forEach((one) => look(one));
    expect(look(null)).toEqual(['resolved home-pve1-101-powered-off removed']);
    expect([off, off, off].flatMap((one) => look(one))).toEqual([]);
  });
});

describe('a guest on a node that does not answer', () => {
  it('counts as it counted before', () => {
    const look = watching();
    expect(look({ ...busy, filesystems: [mounted('/', 99)] })).toEqual([
      'fired home-pve1-101-cpu critical',
      'fired home-pve1-101-disk-root-disk warning',
    ]);
    expect([away, away, away].flatMap((one) => look({ ...one, cpu: 0, disk: null }))).toEqual([]);
    expect(look({ cpu: 0, filesystems: [mounted('/', 10)] })).toEqual([
      'resolved home-pve1-101-cpu recovered',
      'resolved home-pve1-101-disk-root-disk recovered',
    ]);
  });
  it('is not off, and ran before', () => {
    const look = watching();
    expect([on, away, away, away, off, off].flatMap((one) => look(one))).toEqual([
      'fired home-pve1-101-powered-off warning',
    ]);
    expect([away, away].flatMap((one) => look(one))).toEqual([]);
  });
});

describe('file systems', () => {
  const full = { filesystems: [mounted('/', 99)] };
  it.each(['agent-timeout', 'agent-not-running', 'agent-error', 'no-data', 'permission-denied'] as const)(
    'stand while they are not told: %s',
    (diskReason) => {
      const look = watching();
      look(full);
      expect(look({ filesystems: [], disk: null, diskReason })).toEqual([]);
      expect(look({ filesystems: [mounted('/', 10)] })).toEqual(['resolved home-pve1-101-disk-root-disk recovered']);
    },
  );
  it.each([null, 'agent-disabled', 'no-filesystems'] as const)('are gone where there are none: %s', (diskReason) => {
    const look = watching();
    look(full);
    expect(look({ filesystems: [], disk: null, diskReason })).toEqual([
      'resolved home-pve1-101-disk-root-disk removed',
    ]);
  });
  it('that are gone alone are', () => {
    const look = watching();
    look({ filesystems: [mounted('/', 10), mounted('/srv', 99)] });
    expect(look({ filesystems: [mounted('/', 10)] })).toEqual(['resolved home-pve1-101-disk-srv-disk removed']);
  });
});

describe('a backup', () => {
  const locked = { lock: 'backup', ...busy };
  const at = (minutes: number) => T0 + minutes * MIN;
  it('that locks a guest keeps it quiet', () => {
    const look = watching();
    expect([locked, { ...off, lock: 'backup' }, locked].flatMap((one) => look(one))).toEqual([]);
    expect(look(busy)).toEqual(['fired home-pve1-101-cpu critical']);
  });
  it('does so for three hours at most', () => {
    const look = watching();
    expect(look(locked, { at: at(0) })).toEqual([]);
    expect(look(locked, { at: at(179) })).toEqual([]);
    expect(look(locked, { at: at(180) })).toEqual(['fired home-pve1-101-cpu critical']);
  });
  it('does so for twice its usual time', () => {
    const usual = [task(at(-3000), at(-2990)), task(at(-2000), at(-1980)), task(at(-1000), at(-980))];
    const look = watching();
    expect(look(locked, { at: at(0), tasks: usual })).toEqual([]);
    expect(look(locked, { at: at(39), tasks: usual })).toEqual([]);
    expect(look(locked, { at: at(40), tasks: usual })).toEqual(['fired home-pve1-101-cpu critical']);
  });
  it('counts from when vzdump began, lock or not, and of its own guest', () => {
    const look = watching();
    expect(look(busy, { at: at(100), tasks: [task(at(0), null)] })).toEqual([]);
    expect(look(busy, { at: at(180), tasks: [task(at(0), null)] })).toEqual(['fired home-pve1-101-cpu critical']);
    expect(watching()(busy, { tasks: [task(T0, null, 102)] })).toEqual(['fired home-pve1-101-cpu critical']);
    expect(watching()(busy, { tasks: [task(T0, T0 + 1)] })).toEqual(['fired home-pve1-101-cpu critical']);
  });
  it('keeps nothing quiet where nobody wants that', () =>
    expect(watching({ backupQuiet: { enabled: false } })(locked)).toEqual(['fired home-pve1-101-cpu critical']));
  it('lets stand what was open, and does not hide a full file system for its load', () => {
    const look = watching();
    look(busy);
    expect(look({ lock: 'backup', cpu: 1 })).toEqual([]);
    expect(look({ cpu: 1 })).toEqual(['resolved home-pve1-101-cpu recovered']);
  });
});
