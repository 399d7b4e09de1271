import { ProxmoxServer, eventually } from '@lapwing/testing';
import { Pollers, targetOf } from './poller-harness';

const GIB = 2 ** 30;

describe('the search of a network', () => {
  it('finds servers by what their pages say, where it was told to look', async () => {
    const pollers = await Pollers.start();
    const servers = [
      await ProxmoxServer.start({ kind: 'pve', port: 8006, host: '127.0.0.9' }),
      await ProxmoxServer.start({ kind: 'pbs', port: 8007, host: '127.0.0.9' }),
      await ProxmoxServer.start({ kind: 'pmg', port: 8006, host: '127.0.0.10' }),
    ];
    try {
      pollers.settings = { ...pollers.settings, discoverySubnets: ['127.0.0.8/30'] };
      await pollers.run();
      await pollers.section(
        'discovery',
        ([found]) => {
          expect(found?.scanning).toBe(false);
          expect(found?.servers).toEqual([
            { host: '127.0.0.10', port: 8006, type: 'pmg', name: 'pve1' },
            { host: '127.0.0.9', port: 8006, type: 'pve', name: 'pve1' },
            { host: '127.0.0.9', port: 8007, type: 'pbs', name: 'pve1' },
          ]);
        },
        { targetId: 'discovery' },
      );
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
