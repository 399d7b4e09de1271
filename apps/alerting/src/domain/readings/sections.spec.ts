import type { LinkStatus, SectionItem, SectionName, ZfsPool } from '@lapwing/contracts';
import {
  atOnce,
  diskOf,
  guestOf,
  linkOf,
  nodeOf,
  storageOf,
  T0,
  targetOf,
  valuesOf,
} from '../../../test/estate-fixtures';
import { Engine } from '../engine';
import { lastBackups, readBackupAges, readSection } from './sections';

const DAY = 86_400_000;
type Items = { [S in SectionName]?: SectionItem<S>[] };

const read = (
  section: SectionName,
  items: Items,
  patch: Record<string, unknown> = {},
  of: Parameters<typeof targetOf>[1] = {},
) => {
  const look = readSection(targetOf(items, of), section, atOnce(patch));
  return look ? valuesOf(look) : null;
};
/** What looks at a section, ten seconds apart, did. */
function watching(section: SectionName, patch: Record<string, unknown> = {}) {
  const config = atOnce(patch);
  const engine = new Engine(config);
  let time = T0;
  return (items: Items, every = 10_000) => {
    const look = readSection(targetOf(items, { time: (time += every) }), section, config);
    return look
      ? engine.look(look).map(({ kind, alertId, level, resolution }) => `${kind} ${alertId} ${resolution ?? level}`)
      : [];
  };
}

describe('a section', () => {
  it.each(['backupTasks', 'replication', 'discovery', 'guests'] as const)('%s tells nothing by itself', (section) =>
    expect(read(section, { [section]: [] })).toBeNull(),
  );
  it('that was not seen tells nothing', () => expect(read('nodes', {})).toBeNull());
});

describe('an installation', () => {
  const link = (given: Partial<LinkStatus>) => ({ link: [linkOf(given)] });
  it('that is away is told at once: it was missed three times', () => {
    const look = watching('link');
    expect(look(link({}))).toEqual([]);
    expect(look(link({ status: 'offline', fault: 'timeout', error: 'no answer' }), 300_001)).toEqual([
      'fired pve:home-connectivity critical',
    ]);
    expect(look(link({ status: 'offline', fault: 'silent' }))).toEqual([]);
    expect(look(link({}))).toEqual(['resolved pve:home-connectivity recovered']);
  });
  it('of which nobody knows is no matter', () =>
    expect(watching('link')(link({ status: 'offline', fault: 'silent' }))).toEqual([]));
  it.each([
    ['pbs', 'pbs-home'],
    ['pmg', 'pmg-home'],
  ] as const)('may be a %s', (type, id) =>
    expect(read('link', link({ type }), {}, { type })).toMatchObject({ [`${id} connectivity`]: 0 }),
  );

  it('tells when its certificate ends', () => {
    const days = (left: number) => link({ certificateEndsAt: T0 + left * DAY });
    const look = watching('link');
    expect(look(days(21.1), 0.1)).toEqual([]);
    expect(look(days(21))).toEqual(['fired pve:home-certificate-days warning']);
    expect(look(days(7))).toEqual(['level pve:home-certificate-days critical']);
    expect(look(link({}))).toEqual([]);
    expect(look(days(-1))).toEqual([]);
    expect(look(days(90))).toEqual(['resolved pve:home-certificate-days recovered']);
  });
  it.each([
    [-1.5, 'ended 2 days ago'],
    [0.5, 'ends in 0 days'],
    [3.9, 'ends in 3 days'],
  ])('says so in words: %d', (left, detail) => {
    const target = targetOf(link({ certificateEndsAt: T0 + left * DAY }));
    expect(readSection(target, 'link', atOnce())?.readings[1]?.detail).toBe(detail);
  });
});

describe('nodes', () => {
  const offline = { nodes: [nodeOf({ status: 'offline', cpu: 0 })] };
  it('tell their figures', () =>
    expect(read('nodes', { nodes: [nodeOf()] })).toEqual({
      'home-pve1 connectivity': 0,
      'home-pve1 cpu': 10,
      'home-pve1 memory': 20,
      'home-pve1 disk': 30,
    }));
  it('are away when three looks say so, and their figures stand', () => {
    const look = watching('nodes');
    expect(look({ nodes: [nodeOf({ cpu: 99 })] })).toEqual(['fired home-pve1-cpu critical']);
    expect([offline, offline].flatMap((one) => look(one))).toEqual([]);
    expect(look(offline)).toEqual(['fired home-pve1-connectivity critical']);
    expect(look({ nodes: [nodeOf()] })).toEqual([
      'resolved home-pve1-connectivity recovered',
      'resolved home-pve1-cpu recovered',
    ]);
  });
  it('that answer in between are not', () => {
    const look = watching('nodes');
    expect([offline, offline, { nodes: [nodeOf()] }, offline, offline].flatMap((one) => look(one))).toEqual([]);
  });
  it('that left the cluster are gone', () => {
    const look = watching('nodes');
    look({ nodes: [nodeOf({ cpu: 99 })] });
    expect(look({ nodes: [] })).toEqual(['resolved home-pve1-cpu removed']);
  });
});

describe('storages', () => {
  const inactive = { storages: [storageOf({ status: 'inactive', total: 0, used: 0 })] };
  it('that are not active are told at the second look, as a warning, and their usage stands', () => {
    const look = watching('storages');
    expect(look({ storages: [storageOf({ used: 90 * 2 ** 30 })] })).toEqual(['fired home-pve1-tank-usage warning']);
    expect(look(inactive)).toEqual([]);
    expect(look(inactive)).toEqual(['fired home-pve1-tank-connectivity warning']);
    expect(look({ storages: [storageOf()] })).toEqual([
      'resolved home-pve1-tank-connectivity recovered',
      'resolved home-pve1-tank-usage recovered',
    ]);
  });
  it('that are switched off tell nothing', () =>
    expect(read('storages', { storages: [storageOf({ enabled: false, status: 'disabled' })] })).toEqual({}));
  it('that nodes share stand on the cluster', () => {
    const look = readSection(
      targetOf({ storages: [storageOf({ shared: true, nodes: ['pve1', 'pve2'] })] }),
      'storages',
      atOnce(),
    );
    expect(look?.readings[0]?.resource).toMatchObject({ id: 'home-cluster-tank', node: '', parents: ['pve:home'] });
  });

  const pool = (given: Partial<ZfsPool> = {}, devices: Partial<ZfsPool['devices'][number]>[] = []) => ({
    storages: [
      storageOf({
        zfsPool: {
          name: 'tank',
          state: 'ONLINE',
          status: '',
          scan: '',
          readErrors: 0,
          writeErrors: 0,
          checksumErrors: 0,
          ...given,
          devices: devices.map((one) => ({
            name: 'sda',
            type: 'disk',
            state: 'ONLINE',
            readErrors: 0,
            writeErrors: 0,
            checksumErrors: 0,
            message: '',
            ...one,
          })),
        },
      }),
    ],
  });
  it.each<[string, ReturnType<typeof pool>, [state: number, errors: number]]>([
    ['is fine', pool({}, [{}, { state: 'AVAIL' }, { state: '' }]), [0, 0]],
    ['is degraded', pool({ state: 'DEGRADED' }), [1, 0]],
    ['has a disk that is not', pool({}, [{ state: 'FAULTED' }]), [1, 0]],
    ['is gone', pool({ state: 'FAULTED' }), [2, 0]],
    ['cannot be had', pool({ state: 'UNAVAIL' }), [2, 0]],
    ['is suspended', pool({ state: 'SUSPENDED' }), [2, 0]],
    ['has errors', pool({ readErrors: 1, writeErrors: 2 }), [0, 3]],
    ['has a disk with errors', pool({ readErrors: 1 }, [{ checksumErrors: 5 }, { writeErrors: 4 }]), [0, 5]],
    ['is new to us', pool({ state: '' }), [0, 0]],
  ])('with a ZFS pool that %s', (_name, items, [state, errors]) =>
    expect(read('storages', items)).toMatchObject({
      'home-pve1-tank zfs-state': state,
      'home-pve1-tank zfs-errors': errors,
    }),
  );
  it('tell of a pool that gets better and worse', () => {
    const look = watching('storages');
    expect(look(pool({ state: 'FAULTED' }))).toEqual(['fired home-pve1-tank-zfs-state critical']);
    expect(look(pool({ state: 'DEGRADED' }))).toEqual(['level home-pve1-tank-zfs-state warning']);
    expect(look(pool())).toEqual(['resolved home-pve1-tank-zfs-state recovered']);
  });
});

describe('Ceph', () => {
  const cluster = (health: string) => ({
    ceph: [
      {
        fsid: 'f',
        name: '',
        health,
        healthMessage: 'x',
        total: 100,
        used: 50,
        available: 50,
        monitors: 1,
        managers: 1,
        osds: 1,
        osdsUp: 1,
        osdsIn: 1,
        placementGroups: 1,
        pools: [],
        services: [],
      },
    ],
  });
  it.each([
    ['HEALTH_OK', 0],
    ['HEALTH_WARN', 1],
    ['HEALTH_ERR', 2],
    ['', null],
  ])('%s', (health, value) =>
    expect(read('ceph', cluster(health))).toEqual({ 'home-f ceph-health': value, 'home-f usage': 50 }),
  );
});

describe('disks', () => {
  it.each([
    ['PASSED', 0],
    ['ok', 0],
    ['UNKNOWN', 0],
    ['', 0],
    ['FAILED', 1],
    ['FAILING_NOW', 1],
  ])('%s', (health, value) =>
    expect(read('disks', { disks: [diskOf({ health })] })).toMatchObject({ 'home-pve1--dev-sda disk-health': value }),
  );
  it('tell how much of their life is left', () => {
    const look = watching('disks');
    const left = (lifeLeft: number | null) => ({ disks: [diskOf({ lifeLeft })] });
    expect(look(left(11))).toEqual([]);
    expect(look(left(10))).toEqual(['fired home-pve1--dev-sda-disk-life warning']);
    expect(look(left(null))).toEqual([]);
    expect(look(left(5))).toEqual(['level home-pve1--dev-sda-disk-life critical']);
    expect(look({ disks: [diskOf({ lifeLeft: 100, health: 'FAILED' })] })).toEqual([
      'fired home-pve1--dev-sda-disk-health critical',
      'resolved home-pve1--dev-sda-disk-life recovered',
    ]);
  });
});

describe('a backup server', () => {
  it('tells of itself and of its datastores', () => {
    const store = {
      total: 100,
      used: 90,
      free: 10,
      name: 'main',
      status: '',
      error: '',
      namespaces: [],
      deduplicationFactor: null,
    };
    const server = {
      cpu: 1,
      memory: { total: 100, used: 20, free: 80 },
      uptime: 1,
      datastores: [store],
      backupJobs: [],
      syncJobs: [],
      verifyJobs: [],
      pruneJobs: [],
      garbageJobs: [],
    };
    expect(read('backupServer', { backupServer: [server] }, {}, { type: 'pbs' })).toEqual({
      'pbs-home cpu': 1,
      'pbs-home memory': 20,
      'pbs-home-main usage': 90,
    });
  });
});

describe('snapshots', () => {
  const taken = (days: number, vmid = 101, name = 'before') => ({
    name,
    node: 'pve1',
    guestType: 'qemu' as const,
    vmid,
    createdAt: T0 - days * DAY,
    description: '',
    parent: '',
    withMemory: false,
  });
  const snapshotDefaults = { enabled: true };
  it('are as old as the oldest', () =>
    expect(
      read(
        'snapshots',
        { guests: [guestOf()], snapshots: [taken(3), taken(40), taken(5), taken(99, 102)] },
        { snapshotDefaults },
      ),
    ).toEqual({ 'home-pve1-101 snapshot-age': 40 }));
  it('are told of every ten minutes, with the delay of guests', () => {
    const look = watching('snapshots', { snapshotDefaults, timeThresholds: { guest: 5 } });
    const items = { guests: [guestOf()], snapshots: [taken(60)] };
    expect([...look(items), ...look(items, 600_000), ...look(items, 600_000)]).toEqual([
      'fired home-pve1-101-snapshot-age critical',
    ]);
    expect(look({ snapshots: [] }, 600_000)).toEqual([]);
    expect(look({ guests: [guestOf()], snapshots: [] }, 600_000)).toEqual([
      'resolved home-pve1-101-snapshot-age removed',
    ]);
  });
  it('are no matter to who did not ask', () =>
    expect(read('snapshots', { guests: [guestOf()], snapshots: [taken(99)] })).toEqual({}));
});

describe('backups', () => {
  const kept = (days: number, vmid = 101) => ({
    volid: '',
    storage: '',
    node: '',
    guestType: 'qemu' as const,
    vmid,
    createdAt: T0 - days * DAY,
    size: 1,
    format: '',
    notes: '',
    protected: false,
    isPbs: false,
    verified: false,
    verification: '',
  });
  const server = (days: number, backupId = '101', type: 'vm' | 'host' = 'vm') =>
    targetOf(
      {
        serverBackups: [
          {
            datastore: '',
            namespace: '',
            type,
            backupId,
            createdAt: T0 - days * DAY,
            size: 1,
            protected: false,
            verified: false,
            comment: '',
            files: [],
            owner: '',
          },
        ],
      },
      { type: 'pbs', name: 'p' },
    );
  const guests = [guestOf(), guestOf({ vmid: 900, template: true })];
  const ages = (items: Items, servers = [server(5)]) => valuesOf(readBackupAges(targetOf(items), servers, T0));
  it('are as old as the newest, wherever it is', () => {
    expect(ages({ guests, storageBackups: [kept(9), kept(3), kept(7)] })).toEqual({ 'home-pve1-101 backup-age': 3 });
    expect(ages({ guests, storageBackups: [kept(9)] })).toEqual({ 'home-pve1-101 backup-age': 5 });
  });
  it('that are none are as old as can be, once all was looked into', () => {
    expect(ages({ guests, storageBackups: [kept(1, 102)] }, [server(1, '102')])).toEqual({
      'home-pve1-101 backup-age': 3650,
    });
    expect(ages({ guests }, [])).toEqual({ 'home-pve1-101 backup-age': null });
    expect(ages({ guests, storageBackups: [] }, [targetOf({}, { type: 'pbs' })])).toEqual({
      'home-pve1-101 backup-age': null,
    });
    expect(ages({ guests, storageBackups: [kept(2)] }, [targetOf({}, { type: 'pbs' })])).toEqual({
      'home-pve1-101 backup-age': 2,
    });
  });
  it('of hosts are not those of guests', () =>
    expect(lastBackups(targetOf({}), [server(1, '101', 'host'), server(1, 'web')])).toEqual(new Map()));
});
