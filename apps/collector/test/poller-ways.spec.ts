import { Bus, Leases } from '@lapwing/bus';
import { connectionTest, type Target } from '@lapwing/contracts';
import { ProxmoxServer, eventually, startCluster } from '@lapwing/testing';
import { Pollers, targetOf } from './poller-harness';

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
    const [first, ...others] = await startCluster({ nodes: 3, guests: 9, first: 20 });
    if (!first) throw new Error('no server');
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
      const holder = one.get(Leases).held().includes('target.pve-1') ? one : two;
      await holder.get(Bus).onApplicationShutdown();
      const diedAt = Date.now();
      await eventually(
        () => expect(pollers.seen.some(({ section, time }) => section === 'link' && time > diedAt)).toBe(true),
        20_000,
      );
      expect(Date.now() - diedAt).toBeLessThan(15_000);
    } finally {
      await pollers.stop();
      for (const server of [first, ...others]) await server.stop();
    }
  }, 90_000);

  it('is found by a new poller while the endpoint that was configured is away, and nothing of it goes offline', async () => {
    const pollers = await Pollers.start();
    const [first, second] = await startCluster({ nodes: 2, guests: 4, first: 30 });
    if (!first || !second) throw new Error('no server');
    try {
      const one = await pollers.run();
      await pollers.poll(targetOf(first));
      await pollers.section('link', ([link]) => expect(link?.endpoints).toHaveLength(2));
      await one.close();
      await first.kill();
      const from = pollers.seen.length;
      await pollers.run();
      await eventually(() => expect(pollers.seen.slice(from).some(({ section }) => section === 'guests')).toBe(true));
      for (const { section, items } of pollers.seen.slice(from))
        if (section === 'link' || section === 'nodes')
          expect(items.every(({ status }) => status === 'online')).toBe(true);
    } finally {
      await pollers.stop();
      for (const server of [first, second]) await server.stop();
    }
  }, 60_000);

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
