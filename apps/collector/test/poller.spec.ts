import { ProxmoxServer, eventually } from '@lapwing/testing';
import { Pollers, targetOf } from './poller-harness';

const GIB = 2 ** 30;

describe('a poller of Proxmox VE', () => {
  let pollers: Pollers;
  let server: ProxmoxServer;

  beforeAll(async () => {
    pollers = await Pollers.start();
    server = await ProxmoxServer.start({ kind: 'pve', nodes: 3, guests: 12, clusterName: 'lab' });
    await pollers.run();
    await pollers.poll(targetOf(server));
  });
  afterAll(async () => {
    await pollers.stop();
    await server.stop();
  });

  it('tells nodes with memory that cannot be had, and the link', async () => {
    await pollers.section('nodes', (nodes) => {
      expect(nodes.map(({ name, status }) => `${name} ${status}`)).toEqual([
        'pve1 online',
        'pve2 online',
        'pve3 online',
      ]);
      const [node] = nodes;
      expect(node?.memory.total).toBeGreaterThan(GIB);
      expect((node?.memory.used ?? 0) + (node?.memory.free ?? 0)).toBe(node?.memory.total);
      expect(node?.loadAverage).toHaveLength(3);
      expect(node?.cpuInfo.cores).toBeGreaterThan(0);
    });
    await pollers.section('link', ([link]) => {
      expect(link).toMatchObject({ status: 'online', isCluster: true, clusterName: 'lab', failures: 0 });
      const days = ((link?.certificateEndsAt ?? 0) - Date.now()) / 86_400_000;
      expect(days).toBeGreaterThan(9);
      expect(days).toBeLessThanOrEqual(10);
    });
  });

  it('tells guests with what is seen inside them', async () => {
    const machine = [...server.estate.guests.values()].find(
      ({ kind, agent, running }) => kind === 'qemu' && agent === 'ok' && running,
    );
    const still = [...server.estate.guests.values()].findLast(({ kind, running }) => kind === 'qemu' && running);
    server.estate.stopGuest(still?.vmid ?? 0);
    await pollers.section('guests', (guests) => {
      expect(guests).toHaveLength(12);
      const guest = guests.find(({ vmid }) => vmid === machine?.vmid);
      expect(guest?.disk?.total).toBeGreaterThan(0);
      expect(guest?.filesystems.map(({ type }) => type)).not.toContain('tmpfs');
      expect(guest?.interfaces.flatMap(({ addresses }) => addresses).length).toBeGreaterThan(0);
      // What the host calls used holds caches, which do not count.
      expect(guest?.memory.used).toBeLessThan(machine?.mem ?? 0);
      const stopped = guests.find(({ vmid }) => vmid === still?.vmid);
      expect(stopped).toMatchObject({ cpu: 0, networkIn: 0, disk: null, diskReason: 'vm-stopped' });
    });
  });

  it('makes rates of counters, and 0 of counters that began anew', async () => {
    const machine = [...server.estate.guests.values()].find(({ running, kind }) => running && kind === 'qemu');
    const rate = (): number => pollers.latest('guests')?.find(({ vmid }) => vmid === machine?.vmid)?.networkIn ?? 0;
    await eventually(() => expect(rate()).toBeGreaterThan(0));
    server.estate.resetCounters(machine?.vmid ?? 0);
    await eventually(() => expect(rate()).toBe(0));
    await eventually(() => expect(rate()).toBeGreaterThan(0));
  });

  it('tells a shared storage once, and pools, Ceph, disks, backups, snapshots and replication', async () => {
    await pollers.section('storages', (storages) => {
      expect(storages.filter(({ name }) => name === 'nas')).toHaveLength(1);
      expect(storages.find(({ name }) => name === 'nas')).toMatchObject({
        shared: true,
        nodes: ['pve1', 'pve2', 'pve3'],
      });
      expect(storages.filter(({ name }) => name === 'local')).toHaveLength(3);
      expect(storages.find(({ type }) => type === 'zfspool')?.zfsPool?.devices.length).toBeGreaterThan(0);
    });
    await pollers.section('ceph', ([ceph]) => {
      expect(ceph?.pools.length).toBeGreaterThan(0);
      expect(ceph?.services.map(({ type }) => type)).toEqual(['mon', 'mgr', 'osd']);
    });
    await pollers.section('disks', (disks) => expect(disks.some(({ temperature }) => temperature !== null)).toBe(true));
    await pollers.section('storageBackups', ([backup]) => expect(backup?.createdAt).toBeGreaterThan(1e12));
    await pollers.section('backupTasks', ([task]) => expect(task?.upid).toMatch(/^UPID:/));
    await pollers.section('snapshots', (snapshots) =>
      expect(snapshots.every(({ name }) => name !== 'current')).toBe(true),
    );
    await pollers.section('replication', (jobs) => expect(Array.isArray(jobs)).toBe(true));
  });

  it('says figures for the series', async () => {
    await eventually(() =>
      expect(new Set(pollers.samples.map(({ kind }) => kind))).toEqual(new Set(['node', 'guest', 'storage'])),
    );
    const rows = pollers.samples.find(({ kind }) => kind === 'guest')?.rows ?? [];
    for (const { cpu = -1, memory = -1 } of rows) {
      expect(cpu).toBeGreaterThanOrEqual(0);
      expect(cpu).toBeLessThanOrEqual(100);
      expect(memory).toBeLessThanOrEqual(100);
    }
  });

  it('asks each node at most twice a cycle', async () => {
    const statuses = (): number => server.requests.get('GET /nodes/{n}/status') ?? 0;
    const resources = (): number => server.requests.get('GET /cluster/resources') ?? 0;
    const [before, cycles] = [statuses(), resources()];
    await eventually(() => expect(resources() - cycles).toBeGreaterThanOrEqual(2));
    expect((statuses() - before) / (resources() - cycles) / 3).toBeLessThanOrEqual(2);
  });

  it('sees a machine stop within two intervals, and a node go', async () => {
    const machine = [...server.estate.guests.values()].find(({ running, node }) => running && node === 'pve1');
    server.estate.stopGuest(machine?.vmid ?? 0);
    await pollers.section(
      'guests',
      (guests) => expect(guests.find(({ vmid }) => vmid === machine?.vmid)?.status).toBe('stopped'),
      { withinMs: 10_000 },
    );
    server.estate.setNodeOnline('pve3', false);
    await pollers.section('nodes', (nodes) => {
      expect(nodes.find(({ name }) => name === 'pve3')?.status).toBe('offline');
      expect(nodes.find(({ name }) => name === 'pve2')?.status).toBe('online');
    });
    server.estate.setNodeOnline('pve3', true);
    await pollers.section('nodes', (nodes) => expect(nodes.every(({ status }) => status === 'online')).toBe(true));
  });

  it.each([
    ['HTML', { kind: 'html' }, 'not Proxmox'],
    ['half a JSON', { kind: 'brokenJson' }, 'not Proxmox'],
    ['50 MB', { kind: 'huge' }, 'too much'],
    ['never', { kind: 'hang' }, 'too long'],
    ['with a redirect', { kind: 'redirect', to: 'https://127.0.0.1:1/' }, 'redirects'],
    ['401', { kind: 'status', status: 401 }, 'credentials'],
    ['403', { kind: 'status', status: 403 }, 'permissions'],
    ['595', { kind: 'status', status: 595 }, 'No route'],
  ] as const)(
    'survives a server that answers %s, and says so',
    async (_, fault, words) => {
      server.fault(fault);
      await pollers.section('link', ([link]) => expect(link?.error).toContain(words), { withinMs: 30_000 });
      const told = JSON.stringify(pollers.latest('link'));
      expect(told).not.toContain('token-secret');
      server.fault(null);
      await pollers.section('link', ([link]) => expect(link).toMatchObject({ status: 'online', error: '' }), {
        withinMs: 60_000,
      });
    },
    100_000,
  );
});
