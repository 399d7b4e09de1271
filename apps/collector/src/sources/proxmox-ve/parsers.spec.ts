import { ProxmoxError } from '../proxmox/proxmox-error';
import { parseReplication, parseSnapshots, parseStorageBackups, parseTasks } from './backups';
import { parseCeph, parseDisks, parsePools, parseTemperature, parseZfsPool } from './hardware';
import { cacheOf, parseAvailable, parseFilesystems, parseInterfaces, parseOs, reasonOf } from './inside';
import { guestFrom, nodeFrom, parseResources, storagesOf } from './resources';

// The samples below have the shapes that Proxmox VE 8 and 9 answer.
const GIB = 2 ** 30;

describe('cluster/resources', () => {
  const data = [
    {
      id: 'node/pve1',
      type: 'node',
      node: 'pve1',
      status: 'online',
      cpu: 0.03125,
      maxcpu: 16,
      mem: 9 * GIB,
      maxmem: 64 * GIB,
      disk: 10,
      maxdisk: 100,
      uptime: 86400,
      level: '',
    },
    {
      id: 'qemu/100',
      type: 'qemu',
      vmid: 100,
      node: 'pve1',
      name: 'web',
      status: 'running',
      cpu: 0.5,
      maxcpu: 4,
      mem: 3 * GIB,
      maxmem: 4 * GIB,
      disk: 0,
      maxdisk: 32 * GIB,
      netin: 1000,
      netout: 2000,
      diskread: 3,
      diskwrite: 4,
      uptime: 5000,
      template: 0,
      tags: 'prod;web',
    },
    {
      id: 'lxc/101',
      type: 'lxc',
      vmid: 101,
      node: 'pve1',
      name: 'dns',
      status: 'stopped',
      cpu: 0,
      maxcpu: 1,
      mem: 0,
      maxmem: GIB,
      disk: 5,
      maxdisk: 10,
      template: 0,
      lock: 'backup',
    },
    {
      id: 'storage/pve1/local',
      type: 'storage',
      storage: 'local',
      node: 'pve1',
      plugintype: 'dir',
      content: 'vztmpl,iso',
      shared: 0,
      status: 'available',
      disk: 4,
      maxdisk: 10,
    },
    { id: 'sdn/pve1/localnetwork', type: 'sdn', sdn: 'localnetwork', node: 'pve1', status: 'ok' },
  ];

  it('is read in one go', () => {
    const { nodes, guests, storages } = parseResources(data);
    expect(nodes).toMatchObject([{ name: 'pve1', online: true, cpu: 3.125 }]);
    expect(guests).toMatchObject([
      { vmid: 100, type: 'qemu', cpu: 50, tags: ['prod', 'web'], lock: '' },
      { vmid: 101, type: 'lxc', status: 'stopped', lock: 'backup' },
    ]);
    expect(storages).toMatchObject([{ name: 'local', content: ['iso', 'vztmpl'], shared: false }]);
  });

  it.each([[null], ['text'], [{}], [[null, 1, 'x', { type: 'qemu' }, { type: 'node', cpu: 'NaN', maxmem: -5 }]]])(
    'survives %j',
    (odd) => {
      const { nodes, guests } = parseResources(odd);
      for (const guest of guests) expect(guest).toMatchObject({ cpu: 0, memory: 0, status: 'unknown' });
      for (const node of nodes) expect(node).toMatchObject({ cpu: 0, maxMemory: 0 });
    },
  );

  it('counts a shared storage once, with the figures of a node that has it', () => {
    const [local] = parseResources(data).storages;
    if (!local) throw new Error('no storage');
    const nas = (node: string, status: string, total: number) => ({
      ...local,
      name: 'nas',
      node,
      shared: true,
      status,
      total,
      used: total / 2,
    });
    const all = storagesOf(
      [nas('pve2', 'unknown', 0), nas('pve1', 'available', 100), local],
      [{ storage: 'old', disable: 1, type: 'nfs', shared: 1, content: 'backup' }],
      new Set(['pve2']),
    );
    expect(all).toMatchObject([
      { name: 'nas', nodes: ['pve1', 'pve2'], total: 100, used: 50, status: 'available', active: true },
      { name: 'local', nodes: ['pve1'], free: 6 },
      { name: 'old', status: 'disabled', enabled: false },
    ]);
  });
});

describe('the memory of a node', () => {
  const resource = parseResources([{ type: 'node', node: 'pve1', status: 'online', mem: 40, maxmem: 100 }]).nodes[0];
  const used = (memory: object): number => {
    if (!resource) throw new Error('no node');
    return nodeFrom(resource, { memory }, 0).memory.used;
  };
  it.each([
    ['what is available', { total: 100, used: 90, free: 10, available: 60 }, 40],
    ['what is available, by its older name', { total: 100, used: 90, avail: 55 }, 45],
    ['free, buffers and cached', { total: 100, used: 90, free: 10, buffers: 5, cached: 30 }, 55],
    ['a gap', { total: 64 * GIB, used: 10 * GIB, free: 20 * GIB }, 10 * GIB],
    ['what is used', { total: 100, used: 70, free: 30 }, 70],
  ])('goes by %s', (_, memory, expected) => expect(used(memory)).toBe(expected));
});

describe('the inside of a guest', () => {
  it('has the file systems that hold data, each device once', () => {
    const { filesystems, disk, reason } = parseFilesystems({
      result: [
        {
          name: 'sda2',
          mountpoint: '/',
          type: 'ext4',
          'total-bytes': 100,
          'used-bytes': 40,
          disk: [{ dev: '/dev/sda2' }],
        },
        {
          name: 'sda2',
          mountpoint: '/srv',
          type: 'ext4',
          'total-bytes': 100,
          'used-bytes': 40,
          disk: [{ dev: '/dev/sda2' }],
        },
        { name: 'sda1', mountpoint: '/boot/efi', type: 'vfat', 'total-bytes': 5, 'used-bytes': 1 },
        { name: 'tmpfs', mountpoint: '/tmp', type: 'tmpfs', 'total-bytes': 50, 'used-bytes': 1 },
        { name: 'loop0', mountpoint: '/snap/core', type: 'squashfs', 'total-bytes': 9, 'used-bytes': 9 },
        { name: 'C', mountpoint: 'System Reserved', type: 'NTFS', 'total-bytes': 9, 'used-bytes': 9 },
        { name: 'D', mountpoint: 'D:\\', type: 'NTFS', 'total-bytes': 200, 'used-bytes': 50 },
      ],
    });
    expect(filesystems.map(({ mountpoint }) => mountpoint)).toEqual(['/', 'D:\\']);
    expect({ disk, reason }).toEqual({ disk: { total: 300, used: 90, free: 210 }, reason: null });
    expect(parseFilesystems({ result: [] }).reason).toBe('no-filesystems');
    expect(parseFilesystems({ result: [{ mountpoint: '/run', type: 'tmpfs', 'total-bytes': 1 }] }).reason).toBe(
      'special-filesystems-only',
    );
  });

  it('has interfaces with addresses that lead somewhere', () => {
    const machine = {
      result: [
        { name: 'lo' },
        {
          name: 'eth0',
          'hardware-address': 'bc:24',
          'ip-addresses': [{ 'ip-address': '10.0.0.5' }, { 'ip-address': 'fe80::1' }],
          statistics: { 'rx-bytes': 7, 'tx-bytes': 8 },
        },
      ],
    };
    expect(parseInterfaces(machine)).toEqual([
      { name: 'eth0', mac: 'bc:24', addresses: ['10.0.0.5'], rxBytes: 7, txBytes: 8 },
    ]);
    expect(
      parseInterfaces([{ name: 'eth0', hwaddr: 'aa', inet: '10.0.0.6/24', inet6: '2001:db8::6/64' }]),
    ).toMatchObject([{ addresses: ['10.0.0.6', '2001:db8::6'] }]);
  });

  it('has an operating system', () => {
    expect(parseOs({ result: { id: 'debian', name: 'Debian GNU/Linux', version: '12 (bookworm)' } })).toEqual({
      name: 'Debian GNU/Linux',
      version: '12 (bookworm)',
    });
    expect(parseOs({})).toBeNull();
  });

  it('says how much memory can be had, and how much of what is used is cache', () => {
    const content = 'MemTotal:       4194304 kB\nMemFree:         102400 kB\nMemAvailable:   3145728 kB\n';
    expect(parseAvailable({ content })).toBe(3 * GIB);
    expect(parseAvailable({ content: 'nonsense' })).toBeUndefined();
    const status = { mem: 3.5 * GIB, maxmem: 4 * GIB, freemem: 0.5 * GIB };
    expect(cacheOf(status, 3 * GIB)).toEqual({ cacheShare: 2.5 / 3.5, uptime: 0, balloon: undefined });
    expect(cacheOf(status, undefined).cacheShare).toBe(0);
    expect(cacheOf({ mem: GIB, maxmem: 4 * GIB, balloon: 2 * GIB, uptime: 9 }, 1.5 * GIB)).toEqual({
      cacheShare: 0.5,
      uptime: 9,
      balloon: 2 * GIB,
    });
  });

  it('does not count caches, and knows what the balloon took', () => {
    const [resource] = parseResources([
      { type: 'qemu', vmid: 1, status: 'running', mem: 3 * GIB, maxmem: 4 * GIB },
    ]).guests;
    if (!resource) throw new Error('no guest');
    const inside = { cacheShare: 0.5, disk: null, diskReason: null, filesystems: [], os: null, interfaces: [] };
    const memory = (detail: object) =>
      guestFrom(resource, { ...inside, uptime: 0, balloon: undefined, ...detail }, []).memory;
    expect(guestFrom(resource, undefined, []).memory.used).toBe(3 * GIB);
    expect(memory({})).toEqual({ total: 4 * GIB, used: 1.5 * GIB, free: 2.5 * GIB });
    expect(memory({ balloon: 2 * GIB })).toEqual({
      total: 2 * GIB,
      used: 1.5 * GIB,
      free: 0.5 * GIB,
      balloon: 2 * GIB,
    });
    // It was started anew since the look: what caches it has now nobody knows.
    expect(memory({ uptime: 500 }).used).toBe(3 * GIB);
  });

  it('adds up no nonsense', () => {
    const huge = { type: 'ext4', 'total-bytes': '1e308', 'used-bytes': '1e308' };
    const { disk } = parseFilesystems({
      result: [
        { ...huge, mountpoint: '/a' },
        { ...huge, mountpoint: '/b' },
      ],
    });
    for (const value of Object.values(disk ?? {})) expect(Number.isFinite(value)).toBe(true);
  });

  it.each([
    [new ProxmoxError('permission', ''), 'permission-denied'],
    [new ProxmoxError('timeout', ''), 'agent-timeout'],
    [new ProxmoxError('remote', 'No QEMU guest agent configured'), 'agent-disabled'],
    [new ProxmoxError('remote', 'QEMU guest agent is not running'), 'agent-not-running'],
    [new ProxmoxError('remote', 'got timeout'), 'agent-timeout'],
    [new Error('x'), 'agent-error'],
  ])('is not known because of %s', (error, reason) => expect(reasonOf(error)).toBe(reason));
});

describe('hardware', () => {
  it('has disks with life, temperature and speed', () => {
    const disks = parseDisks(
      [
        {
          devpath: '/dev/nvme0n1',
          model: 'S',
          serial: '1',
          type: 'nvme',
          size: 10,
          health: 'PASSED',
          wearout: 97,
          rpm: 0,
        },
        { devpath: '/dev/sda', type: 'hdd', wearout: 'N/A', rpm: 7200, health: 'failed' },
      ],
      'pve1',
      5,
    );
    expect(disks).toMatchObject([
      { lifeLeft: 97, rpm: null, health: 'PASSED' },
      { lifeLeft: null, rpm: 7200, health: 'FAILED' },
    ]);
    expect(
      parseTemperature({ attributes: [{ id: 194, name: 'Temperature_Celsius', raw: '34 (Min/Max 20/45)' }] }),
    ).toBe(34);
    expect(
      parseTemperature({
        type: 'text',
        text: 'Critical Warning: 0x00\nTemperature:                        41 Celsius\n',
      }),
    ).toBe(41);
    expect(parseTemperature({})).toBeNull();
  });

  it('has pools with devices, however deep', () => {
    const pool = parseZfsPool(
      {
        name: 'rpool',
        state: 'DEGRADED',
        scan: 'none',
        status: 'bad',
        children: [
          {
            name: 'rpool',
            children: [
              {
                name: 'mirror-0',
                children: [{ name: 'sda', state: 'FAULTED', read: 3, write: 0, cksum: 7, msg: 'too many errors' }],
              },
            ],
          },
        ],
      },
      'rpool',
    );
    expect(pool).toMatchObject({ state: 'DEGRADED', readErrors: 3, checksumErrors: 7 });
    expect(pool.devices.map(({ name }) => name)).toEqual(['rpool', 'mirror-0', 'sda']);
  });

  it('has Ceph with daemons that are away', () => {
    const status = {
      fsid: 'f',
      health: { status: 'HEALTH_WARN', checks: { MON_DOWN: { summary: { message: '1/3 mons down' } } } },
      pgmap: { bytes_total: 10, bytes_used: 4, bytes_avail: 6, num_pgs: 33 },
      osdmap: { num_osds: 3, num_up_osds: 2, num_in_osds: 3 },
      monmap: { mons: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] },
      quorum_names: ['a', 'b'],
      mgrmap: { active_name: 'a', standbys: [] },
    };
    const pools = parsePools({
      pools: [{ id: 1, name: 'vms', stats: { stored: 3, max_avail: 5, objects: 2, percent_used: 0.25 } }],
    });
    expect(parseCeph(status, pools, {})).toMatchObject({
      healthMessage: '1/3 mons down',
      monitors: 3,
      osdsUp: 2,
      pools: [{ name: 'vms', stored: 3, percentUsed: 25 }],
      services: [
        { type: 'mon', running: 2, total: 3, message: 'Offline: mon.c' },
        { type: 'mgr' },
        { type: 'osd', message: 'Offline: 1 OSDs' },
      ],
    });
    expect(parsePools([{ pool: 2, pool_name: 'rbd', bytes_used: 7, percent_used: 0.5 }])).toMatchObject([
      { id: 2, name: 'rbd', percentUsed: 50 },
    ]);
    expect(parseCeph({}, [], {})).toBeUndefined();
  });
});

describe('backups', () => {
  it('has runs, with what went wrong', () => {
    const tasks = parseTasks(
      [
        { upid: 'UPID:1', type: 'vzdump', id: '100', node: 'pve1', starttime: 100, endtime: 200, status: 'OK' },
        { upid: 'UPID:2', type: 'vzdump', id: '101', starttime: 100, endtime: 150, status: 'job errors' },
        { upid: 'UPID:3', type: 'vzdump', id: '', starttime: 300 },
        { type: 'qmstart' },
      ],
      'pve1',
    );
    expect(tasks).toMatchObject([
      { vmid: 100, status: 'OK', error: '', endedAt: 200_000 },
      { vmid: 101, error: 'job errors' },
      { vmid: 0, status: 'running', endedAt: null },
    ]);
  });

  it('has what lies on storages', () => {
    const at = { node: 'pve1', storage: 'nas' };
    const backups = parseStorageBackups(
      [
        {
          volid: 'nas:backup/vzdump-lxc-101-2026_01_01.tar.zst',
          content: 'backup',
          ctime: 5,
          size: 9,
          format: 'tar.zst',
          vmid: 101,
        },
        {
          volid: 'pbs:backup/vm/100/2026-01-01T00:00:00Z',
          content: 'backup',
          ctime: 6,
          format: 'pbs-vm',
          vmid: '100',
          subtype: 'qemu',
          protected: 1,
          verification: { state: 'ok' },
        },
      ],
      at,
    );
    expect(backups).toMatchObject([
      { guestType: 'lxc', vmid: 101, isPbs: false },
      { guestType: 'qemu', vmid: 100, isPbs: true, verified: true, protected: true },
    ]);
  });

  it('has snapshots and replication', () => {
    expect(
      parseSnapshots(
        [
          { name: 'before', snaptime: 7, vmstate: 1, description: 'a\nb\n' },
          { name: 'current', parent: 'before' },
        ],
        { node: 'pve1', vmid: 1, guestType: 'qemu' },
      ),
    ).toMatchObject([{ name: 'before', createdAt: 7000, withMemory: true, description: 'a\nb' }]);
    expect(
      parseReplication(
        [{ id: '100-0', guest: 100, source: 'pve1', target: 'pve2', last_sync: 9, fail_count: 2, error: 'no route' }],
        'pve1',
      ),
    ).toMatchObject([{ vmid: 100, failures: 2, lastSyncAt: 9000, nextSyncAt: null }]);
  });
});
