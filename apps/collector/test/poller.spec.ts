import { connectionTest, type Target } from '@lapwing/contracts';
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
    await pollers.section('link', ([link]) =>
      expect(link).toMatchObject({ status: 'online', isCluster: true, clusterName: 'lab', failures: 0 }),
    );
  });

  it('tells guests with what is seen inside them', async () => {
    const machine = [...server.estate.guests.values()].find(
      ({ kind, agent, running }) => kind === 'qemu' && agent === 'ok' && running,
    );
    await pollers.section('guests', (guests) => {
      expect(guests).toHaveLength(12);
      const guest = guests.find(({ vmid }) => vmid === machine?.vmid);
      expect(guest?.disk?.total).toBeGreaterThan(0);
      expect(guest?.filesystems.map(({ type }) => type)).not.toContain('tmpfs');
      expect(guest?.interfaces.flatMap(({ addresses }) => addresses).length).toBeGreaterThan(0);
      // What the host calls used holds caches, which do not count.
      expect(guest?.memory.used).toBeLessThan(machine?.mem ?? 0);
      const stopped = guests.find(({ status, type }) => status === 'stopped' && type === 'qemu');
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

describe('ways to a server', () => {
  let pollers: Pollers;
  let server: ProxmoxServer;

  beforeAll(async () => {
    pollers = await Pollers.start();
    server = await ProxmoxServer.start({ kind: 'pve', guests: 3 });
    await pollers.run();
  });
  afterAll(async () => {
    await pollers.stop();
    await server.stop();
  });

  const test = (changes: Parameters<typeof targetOf>[1], at: Pick<ProxmoxServer, 'url' | 'fingerprint'> = server) =>
    eventually(() => pollers.bus.request(connectionTest, targetOf(at, changes)));

  it.each<[string, Partial<Target>]>([
    ['its fingerprint', {}],
    ['no check', { fingerprint: '', verifySSL: false }],
  ])('trusts by %s', async (_, changes) => {
    expect(await test(changes)).toMatchObject({ success: true, nodeCount: 1, fingerprint: server.fingerprint });
  });

  it('trusts by an authority', async () => {
    expect(await test({ fingerprint: '', caCertificate: server.certificate })).toMatchObject({ success: true });
  });

  it('takes a password, too, and says what is wrong with it', async () => {
    const login = { tokenName: '', secret: { password: 'secret' } };
    expect(await test(login)).toMatchObject({ success: true });
    const wrong = await test({ tokenName: '', secret: { password: 'wrong password' } });
    expect(wrong).toMatchObject({ success: false });
    expect(wrong.message).toContain('credentials');
    expect(wrong.message).not.toContain('wrong password');
  });

  it('refuses a certificate that nobody vouches for, and shows which it is', async () => {
    const refused = await test({ fingerprint: '' });
    expect(refused).toMatchObject({ success: false, fingerprint: server.fingerprint });
    expect(refused.message).toContain(server.fingerprint);
  });

  it('refuses a certificate that has changed', async () => {
    const before = server.fingerprint;
    await server.renewCertificate();
    const refused = await test({ fingerprint: before });
    expect(refused.success).toBe(false);
    expect(refused.message).toContain('not the one that was configured');
    expect(await test({})).toMatchObject({ success: true });
  });

  it('says when nobody is there', async () => {
    const nobody = { url: 'https://127.0.0.1:9', fingerprint: '' };
    expect((await test({}, nobody)).message).toContain('cannot be reached');
  });

  it('asks no addresses that are no servers', async () => {
    const metadata = { url: 'https://169.254.169.254:8006', fingerprint: '' };
    expect((await test({}, metadata)).message).toContain('link-local');
  });
});

describe('a cluster with three endpoints', () => {
  it('loses one and no guest goes offline; a poller that dies is replaced within 15 s', async () => {
    const pollers = await Pollers.start();
    const first = await ProxmoxServer.start({
      kind: 'pve',
      nodes: 3,
      guests: 9,
      clusterName: 'lab',
      host: '127.0.0.2',
    });
    const { estate, port } = first;
    const others = [];
    for (const [index, node] of ['pve2', 'pve3'].entries())
      others.push(
        await ProxmoxServer.start({
          kind: 'pve',
          estate,
          node,
          port,
          host: `127.0.0.${index + 3}`,
          clusterName: 'lab',
        }),
      );
    for (const [index, name] of ['pve1', 'pve2', 'pve3'].entries()) estate.node(name).address = `127.0.0.${index + 2}`;
    try {
      const one = await pollers.run();
      const two = await pollers.run();
      await pollers.poll(targetOf(first));
      await pollers.section('link', ([link]) => expect(link?.endpoints).toHaveLength(3));
      await pollers.section('guests', (guests) => expect(guests).toHaveLength(9));
      await first.kill();
      const from = pollers.seen.length;
      await pollers.section('link', ([link]) => expect(link).toMatchObject({ status: 'online', health: 'degraded' }));
      await eventually(() =>
        expect(pollers.seen.slice(from).filter(({ section }) => section === 'guests').length).toBeGreaterThan(1),
      );
      for (const { section, items } of pollers.seen.slice(from)) {
        if (section === 'nodes') expect(items.every(({ status }) => status === 'online')).toBe(true);
        if (section === 'guests') expect(items.some(({ status }) => status === 'unknown')).toBe(false);
      }
      await first.run();

      // Only one of the two polls; end whichever it is, without letting it give its lease back.
      const before = pollers.seen.length;
      const { Leases } = await import('@lapwing/bus');
      const holder = one.get(Leases).held().includes('target.pve-1') ? one : two;
      const { Bus } = await import('@lapwing/bus');
      await holder.get(Bus).onApplicationShutdown();
      const diedAt = performance.now();
      await eventually(() => {
        const later = pollers.seen.slice(before).filter(({ section, time }) => section === 'link' && time > 0);
        expect(later.length).toBeGreaterThan(0);
      }, 20_000);
      expect(performance.now() - diedAt).toBeLessThan(15_000);
    } finally {
      await pollers.stop();
      for (const server of [first, ...others]) await server.stop();
    }
  }, 90_000);

  it('with two clusters of which each has a node of one name, tells them apart', async () => {
    const pollers = await Pollers.start();
    const servers = [
      await ProxmoxServer.start({ kind: 'pve', guests: 2, seed: 1 }),
      await ProxmoxServer.start({ kind: 'pve', guests: 5, seed: 2 }),
    ];
    try {
      await pollers.run();
      await pollers.poll(...servers.map((server, index) => targetOf(server, { id: `pve-${index + 1}` })));
      await pollers.section('guests', (guests) => expect(guests).toHaveLength(2));
      await pollers.section('guests', (guests) => expect(guests).toHaveLength(5), { targetId: 'pve-2' });
    } finally {
      await pollers.stop();
      for (const server of servers) await server.stop();
    }
  }, 60_000);
});

describe('pollers of backup servers and mail gateways', () => {
  let pollers: Pollers;
  let pbs: ProxmoxServer;
  let pmg: ProxmoxServer;

  beforeAll(async () => {
    pollers = await Pollers.start();
    pbs = await ProxmoxServer.start({ kind: 'pbs', guests: 6 });
    pmg = await ProxmoxServer.start({ kind: 'pmg' });
    await pollers.run();
    const login = { tokenName: '', secret: { password: 'secret' } };
    await pollers.poll(
      targetOf(pbs, { id: 'pbs-1', type: 'pbs', name: 'vault', tokenName: 'pulse-monitor@pbs!lapwing' }),
      targetOf(pmg, { id: 'pmg-1', type: 'pmg', name: 'mail', ...login }),
    );
  });
  afterAll(async () => {
    await pollers.stop();
    await pbs.stop();
    await pmg.stop();
  });

  it('tell datastores with namespaces, deduplication and jobs, and backups with verification', async () => {
    await pollers.section(
      'backupServer',
      ([server]) => {
        expect(server?.datastores.length).toBeGreaterThan(0);
        expect(server?.memory.total).toBeGreaterThan(GIB);
      },
      { targetId: 'pbs-1' },
    );
    await eventually(async () => {
      const [server] = pollers.latest('backupServer', 'pbs-1') ?? [];
      expect(server?.datastores.some(({ deduplicationFactor }) => (deduplicationFactor ?? 0) > 1)).toBe(true);
      expect(server?.datastores.flatMap(({ namespaces }) => namespaces).some(({ depth }) => depth > 0)).toBe(true);
      expect(server?.verifyJobs.length).toBeGreaterThan(0);
    });
    await pollers.section(
      'serverBackups',
      (backups) => {
        expect(backups.length).toBeGreaterThan(0);
        expect(backups.some(({ verified }) => verified)).toBe(true);
        expect(backups.every(({ createdAt }) => createdAt > 1e12)).toBe(true);
      },
      { targetId: 'pbs-1' },
    );
  });

  it('tell queues, mails, scores and quarantine', async () => {
    await pollers.section(
      'mailGateway',
      ([gateway]) => {
        expect(gateway?.nodes[0]).toMatchObject({ status: 'online', role: 'master' });
        expect(gateway?.nodes[0]?.queue).not.toBeNull();
        expect(gateway?.mail?.countIn).toBeGreaterThan(0);
        expect(gateway?.hours.length).toBeGreaterThan(20);
        expect(gateway?.spamScores.length).toBeGreaterThan(0);
        expect(gateway?.quarantine?.spam).toBeGreaterThan(0);
      },
      { targetId: 'pmg-1' },
    );
  });
});
