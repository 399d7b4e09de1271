import { eventually, startCluster, type ProxmoxServer } from '@lapwing/testing';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { Lapwing } from '../src/lapwing';

type Entity = Record<string, unknown> & { name: string; status: string; vmid: number };
interface State {
  nodes: Entity[];
  vms: Entity[];
  containers: Entity[];
}
interface Charts {
  data: Record<string, { cpu: unknown[]; netin: unknown[] }>;
}

describe('a Proxmox cluster', () => {
  let lapwing: Lapwing;
  const servers: ProxmoxServer[] = [];

  beforeAll(async () => {
    servers.push(...(await startCluster({ nodes: 3, guests: 20, first: 40 })));
    lapwing = await Lapwing.create();
    await lapwing.start();
  }, 180_000);
  afterAll(async () => {
    await lapwing.remove();
    for (const server of servers) await server.stop();
  });

  const cluster = (): ProxmoxServer => {
    const [first] = servers;
    if (!first) throw new Error('no server');
    return first;
  };
  const post = (route: string, body: unknown) => lapwing.ask('POST', route, lapwing.credentials, body);
  const state = async (): Promise<State> => (await lapwing.get<State>('/api/state')).body;
  const guests = async (): Promise<Entity[]> => {
    const { vms, containers } = await state();
    return [...vms, ...containers];
  };

  it('is added over the API, and its guests show', async () => {
    const { url, fingerprint } = cluster();
    await post('/api/system/settings/update', { pollingInterval: 5 });
    const draft = {
      type: 'pve',
      name: 'lab',
      host: url,
      tokenName: 'pulse-monitor@pam!lapwing',
      tokenValue: 'token-secret',
    };
    const untrusted = await post('/api/config/nodes/test-connection', draft);
    expect(untrusted.body).toMatchObject({ success: false, fingerprint });
    expect((await post('/api/config/nodes', { ...draft, fingerprint })).status).toBe(200);
    await eventually(async () => expect(await guests()).toHaveLength(20), 30_000);
    const nodes = (await state()).nodes.map(({ id, status }) => `${String(id)} ${status}`);
    expect(nodes).toEqual(['lab-pve1 online', 'lab-pve2 online', 'lab-pve3 online']);
    const listed = JSON.stringify((await lapwing.get('/api/config/nodes')).body);
    expect(listed).not.toContain('token-secret');
  }, 60_000);

  it('shows a machine stop within two intervals', async () => {
    const machine = [...cluster().estate.guests.values()].find(({ running, kind }) => running && kind === 'qemu');
    cluster().estate.stopGuest(machine?.vmid ?? 0);
    const stopped = async () =>
      expect((await guests()).find(({ vmid }) => vmid === machine?.vmid)?.status).toBe('stopped');
    await eventually(stopped, 11_000);
  }, 30_000);

  it('loses one endpoint of three, and no guest and no node goes offline', async () => {
    await eventually(async () => {
      const [node] = (await lapwing.get<{ clusterEndpoints: unknown[] }[]>('/api/config/nodes')).body;
      expect(node?.clusterEndpoints).toHaveLength(3);
    });
    await cluster().kill();
    const seen: { nodes: string[]; guests: string[] }[] = [];
    const until = performance.now() + 20_000;
    await eventually(async () => {
      const now = await state();
      seen.push({ nodes: now.nodes.map(({ status }) => status), guests: (await guests()).map(({ status }) => status) });
      if (performance.now() < until) throw new Error('not yet');
    }, 30_000);
    expect(new Set(seen.flatMap(({ nodes }) => nodes))).toEqual(new Set(['online']));
    expect(new Set(seen.flatMap((one) => one.guests))).toEqual(new Set(['running', 'stopped']));
    await cluster().run();
  }, 60_000);

  it('has its charts again after a restart', async () => {
    const charted = async () => (await lapwing.get<Charts>('/api/charts?range=5m')).body.data;
    const before = await eventually(async () => {
      const data = await charted();
      expect(Object.values(data).some(({ cpu, netin }) => cpu.length > 1 && netin.length > 1)).toBe(true);
      return data;
    }, 40_000);
    expect(await lapwing.stop()).toBe(0);
    await lapwing.start();
    await eventually(async () => {
      const after = await charted();
      for (const [id, { cpu }] of Object.entries(before))
        expect(after[id]?.cpu.slice(0, Math.max(cpu.length - 1, 0))).toEqual(cpu.slice(0, -1));
    }, 30_000);
  }, 150_000);

  it('leaves no secret in any log', async () => {
    const folder = path.join(lapwing.folder, 'logs');
    const logs = await Promise.all((await readdir(folder)).map((file) => readFile(path.join(folder, file), 'utf8')));
    expect(logs.join('').length).toBeGreaterThan(0);
    expect(logs.join('')).not.toContain('token-secret');
  });

  it('is forgotten with its guests when it is deleted', async () => {
    const [node] = (await lapwing.get<{ id: string }[]>('/api/config/nodes')).body;
    const answer = await lapwing.ask('DELETE', `/api/config/nodes/${node?.id}`, lapwing.credentials);
    expect(answer.status).toBe(200);
    await eventually(async () => expect((await state()).nodes).toEqual([]));
    expect(await guests()).toEqual([]);
  }, 30_000);
});
