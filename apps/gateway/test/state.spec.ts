import {
  chartsGet,
  dockerhostList,
  guestmetadataGet,
  guestmetadataList,
  guestmetadataUpdate,
  nodeCreate,
  nodeRegister,
  nodeTest,
  setupcodeCreate,
  targetObserved,
  type ConfiguredNode,
  type Observation,
  type ProxmoxGuest,
  type ProxmoxNode,
  type ProxmoxStorage,
} from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { ADMIN_TOKEN, Harness, principal } from './harness';
import { hashOf } from '../src/http/credential';

const GIB = 2 ** 30;
const TARGET = 'pve-1';
const usage = (total: number, used: number) => ({ total, used, free: total - used });

const node: ConfiguredNode = {
  id: TARGET,
  type: 'pve',
  name: 'home',
  host: 'https://pve1:8006',
  user: 'monitor@pve',
  hasPassword: true,
  tokenName: '',
  hasToken: false,
  fingerprint: '',
  caCertificate: '',
  verifySSL: true,
  monitor: { monitorBackups: false },
  source: 'manual',
  createdAt: 1,
  updatedAt: 1,
};
const proxmoxNode: ProxmoxNode = {
  name: 'pve1',
  status: 'online',
  cpu: 25,
  memory: usage(8 * GIB, 2 * GIB),
  swap: usage(GIB, 0),
  disk: usage(100, 40),
  uptime: 3600.5,
  loadAverage: [1, 2, 3],
  kernelVersion: 'Linux',
  pveVersion: 'pve-manager/9',
  cpuInfo: { model: 'x', cores: 8, sockets: 1, mhz: '2000' },
  readAt: 1_700_000_000_123,
};
const guest = (vmid: number, changes: Partial<ProxmoxGuest> = {}): ProxmoxGuest => ({
  vmid,
  node: 'pve1',
  name: `guest-${vmid}`,
  type: 'qemu',
  status: 'running',
  cpu: 50,
  cpus: 4,
  memory: usage(4 * GIB, GIB),
  disk: null,
  diskReason: 'agent-disabled',
  filesystems: [],
  os: null,
  interfaces: [],
  networkIn: 1000.4,
  networkOut: 0,
  diskRead: 0,
  diskWrite: 0,
  uptime: 60,
  template: false,
  tags: ['web', 'prod'],
  lock: '',
  ...changes,
});
const storage = (changes: Partial<ProxmoxStorage>): ProxmoxStorage => ({
  name: 'local',
  nodes: ['pve1'],
  type: 'dir',
  status: 'available',
  ...usage(1000, 400),
  content: ['iso'],
  shared: false,
  enabled: true,
  active: true,
  zfsPool: null,
  ...changes,
});

describe('what Pulse clients read', () => {
  let gateway: Harness;
  let time = Date.now();

  const see = async (seen: Pick<Observation, 'section' | 'items'>, part = 0, parts = 1) => {
    const observation = { targetId: TARGET, part, parts, time: (time += 1), ...seen } as Observation;
    await gateway.bus.publish(targetObserved, `${TARGET}:${seen.section}:${part}`, observation);
  };
  const link = (changes: object = {}) =>
    see({
      section: 'link',
      items: [
        {
          type: 'pve',
          host: 'https://pve1:8006',
          status: 'online',
          health: 'healthy',
          fault: null,
          error: '',
          version: '9.0',
          isCluster: false,
          clusterName: '',
          endpoints: [],
          reachedAt: Date.now(),
          intervalSeconds: 10,
          failures: 0,
          ...changes,
        },
      ],
    });
  const state = async () => (await gateway.get('/api/state')).body as Record<string, Record<string, unknown>[]>;

  beforeAll(async () => {
    gateway = await Harness.start({}, { nodes: [node] });
    await gateway.respond(dockerhostList, async () => ({ hosts: [], next: null }));
    await link();
    await see({ section: 'nodes', items: [proxmoxNode] });
    await see({
      section: 'guests',
      items: [guest(100), guest(101, { type: 'lxc', disk: usage(10, 5), diskReason: null })],
    });
    await see({
      section: 'storages',
      items: [storage({}), storage({ name: 'nas', shared: true, nodes: ['pve1', 'pve2'] })],
    });
    await see({
      section: 'storageBackups',
      items: [
        {
          volid: 'nas:backup/vzdump-qemu-100.vma',
          storage: 'nas',
          node: 'pve1',
          guestType: 'qemu',
          vmid: 100,
          createdAt: 1_700_000_000_000,
          size: 5,
          format: 'vma',
          notes: '',
          protected: false,
          isPbs: false,
          verified: false,
          verification: '',
        },
      ],
    });
    await eventually(async () => expect((await state())['vms']).toHaveLength(1));
  });
  afterAll(() => gateway.stop());

  it('has every documented key, also for what is not there', async () => {
    expect(Object.keys(await state())).toEqual(
      expect.arrayContaining(
        `nodes vms containers dockerHosts storage cephClusters physicalDisks pbs pmg pveBackups pbsBackups activeAlerts metrics performance stats
         connectionHealth lastUpdate`.split(/\s+/),
      ),
    );
  });

  it('tells units and times as documented', async () => {
    await eventually(async () => expect((await state())['vms']?.[0]).toHaveProperty('lastBackup'));
    const { nodes, vms, containers, storage: storages, connectionHealth } = await state();
    expect(nodes?.[0]).toMatchObject({
      id: 'home-pve1',
      cpu: 0.25,
      memory: { total: 8 * GIB, used: 2 * GIB, usage: 25, swapTotal: GIB },
      mem: 2 * GIB,
      disk: { usage: 40 },
      uptime: 3600,
      lastSeen: 1_700_000_000_123,
      connectionHealth: 'healthy',
    });
    expect(vms?.[0]).toMatchObject({
      id: 'home-pve1-100',
      cpu: 0.5,
      tags: 'web,prod',
      networkIn: 1000,
      disk: { usage: -1 },
      diskStatusReason: 'agent-disabled',
      lastBackup: 1_700_000_000_000,
    });
    expect(containers?.[0]).toMatchObject({ type: 'lxc', disk: { usage: 50 } });
    expect(storages?.find(({ name }) => name === 'nas')).toMatchObject({
      id: 'home-cluster-nas',
      node: 'cluster',
      nodeCount: 2,
    });
    expect(connectionHealth).toEqual({ home: true });
  });

  it('is compressed for those who take it so', async () => {
    const answer = await fetch(`${gateway.url}/api/state`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'accept-encoding': 'gzip' },
    });
    expect(answer.headers.get('content-encoding')).toBe('gzip');
    expect(await answer.json()).toMatchObject({ nodes: [{ name: 'pve1' }] });
  });

  it('takes parts together, and others when their number changes', async () => {
    await see({ section: 'guests', items: [guest(100), guest(102)] }, 0, 2);
    await see({ section: 'guests', items: [guest(103)] }, 1, 2);
    const ids = async () => (await state())['vms']?.map(({ vmid }) => vmid);
    await eventually(async () => expect(await ids()).toEqual([100, 102, 103]));
    await see({ section: 'guests', items: [guest(100), guest(101, { type: 'lxc' })] });
    await eventually(async () => expect(await ids()).toEqual([100]));
  });

  it('shows storages by node and by id, backups, snapshots, discovery and counts', async () => {
    expect((await gateway.get('/api/storage/')).body).toMatchObject({ storage: [{ name: 'local' }, { name: 'nas' }] });
    expect((await gateway.get('/api/storage/pve1')).body).toMatchObject({ node: 'pve1' });
    expect((await gateway.get('/api/storage/home-cluster-nas')).body).toMatchObject({ data: { name: 'nas' } });
    expect((await gateway.get('/api/storage/none')).status).toBe(404);
    expect((await gateway.get('/api/backups/unified')).body).toMatchObject({
      backups: [{ source: 'pve', type: 'vm', vmid: '100', name: 'guest-100' }],
      total: 1,
    });
    for (const path of ['/api/backups', '/api/backups/pve', '/api/backups/pbs', '/api/snapshots'])
      expect((await gateway.get(path)).status).toBe(200);
    expect((await gateway.get('/api/discover')).body).toMatchObject({
      servers: [],
      errors: [],
      scanning: false,
      updated: 0,
    });
    expect((await gateway.get('/simple-stats', {})).body).toMatchObject({ nodes: 1, vms: 1, containers: 1, cpu: 25 });
  });

  it('draws charts out of stored series, or of what is now', async () => {
    const asked: unknown[] = [];
    await gateway.respond(chartsGet, async ({ kind, step }) => {
      asked.push([kind, step]);
      const series = [{ name: '100', times: [1000, 2000], values: { cpu: [1, null], networkIn: [5, 6] } }];
      return { series: kind === 'guest' ? series : [] };
    });
    const { body } = await gateway.get('/api/charts?range=24h');
    expect(body).toMatchObject({
      data: {
        'home-pve1-100': {
          cpu: [{ timestamp: 1000, value: 1 }],
          netin: [
            { timestamp: 1000, value: 5 },
            { timestamp: 2000, value: 6 },
          ],
          memory: [{ value: 25 }],
        },
      },
      nodeData: { 'home-pve1': { cpu: [{ value: 25 }] } },
      storageData: { 'home-cluster-nas': { disk: [{ value: 40 }] } },
      stats: { oldestDataTimestamp: 1000 },
    });
    expect(asked).toContainEqual(['guest', 900]);
    expect((await gateway.get('/api/charts?range=2y')).status).toBe(400);
    expect((await gateway.get('/api/storage-charts?range=0')).status).toBe(400);
    expect((await gateway.get('/api/storage-charts?range=120')).body).toHaveProperty('home-cluster-nas');
  });

  it('lists nodes with their link and without secrets, and passes on what is to be added or tried', async () => {
    await link({ error: 'slow', fault: 'timeout', health: 'degraded', failures: 1 });
    await eventually(async () => expect((await state())['connectionHealth']).toEqual({ home: true }));
    await eventually(async () =>
      expect((await gateway.get('/api/config/nodes')).body).toMatchObject([
        { id: TARGET, status: 'connected', error: 'slow', monitorVMs: true, monitorBackups: false },
      ]),
    );
    const drafts: unknown[] = [];
    await gateway.respond(nodeCreate, async ({ draft }) => {
      drafts.push(draft);
      return node;
    });
    await gateway.respond(nodeTest, async () => ({
      success: false,
      message: 'no',
      latencyMs: 3,
      isCluster: false,
      nodeCount: 0,
      version: '',
      fingerprint: 'AB',
    }));
    const draft = { type: 'pve', host: 'pve1', user: 'a@pve', password: 'secret', unknown: 1 };
    for (const path of ['/api/config/nodes', '/api/nodes'])
      expect(await gateway.post(path, draft)).toMatchObject({ status: 200, body: { success: true, id: TARGET } });
    expect(drafts).toHaveLength(2);
    for (const path of ['test-connection', 'test-config', `${TARGET}/test`])
      expect(await gateway.post(`/api/config/nodes/${path}`, draft)).toMatchObject({
        status: 200,
        body: { success: false, status: 'error', latency: 3, fingerprint: 'AB' },
      });
    expect((await gateway.post('/api/config/nodes', { ...draft, type: 'esxi' })).status).toBe(400);
  });

  it('hands out scripts that hold nothing odd, and codes beside them', async () => {
    await gateway.respond(setupcodeCreate, async () => ({
      code: 'A7K9P2',
      host: 'https://pve1:8006',
      expiresAt: 5000,
    }));
    const { body } = await gateway.post('/api/setup-script-url', { type: 'pve', host: 'pve1', backupPerms: true });
    const { url, command, setupCode, expires } = body as Record<string, string>;
    expect({ setupCode, expires }).toEqual({ setupCode: 'A7K9P2', expires: 5 });
    expect(url).toContain('backup_perms=true');
    expect(`${url} ${command}`).not.toContain('A7K9P2');
    const script = await gateway.raw((url ?? '').replace(gateway.url, ''), {});
    expect(script.status).toBe(200);
    expect(script.body).toContain("HOST='https://pve1:8006'");
    for (const query of [
      "type=pve&host=';reboot",
      'type=pve&pulse_url=http://x/$(id)',
      'type=pve&host=pve1/x',
      'type=no',
      '',
    ])
      expect((await gateway.raw(`/api/setup-script?${encodeURI(query)}`, {})).status).toBe(400);
  });

  it('lets nodes register with a code or a token, never without', async () => {
    const asked: { setupCode: string | null; actor: unknown }[] = [];
    await gateway.respond(nodeRegister, async (input) => {
      asked.push(input);
      return { node, isNew: true };
    });
    gateway.behind.principals.set(hashOf('viewer'), principal(['dashboard:view']));
    const body = { type: 'pve', host: 'pve1', tokenId: 'a@pam!b', tokenValue: 'c' };
    expect((await gateway.post('/api/auto-register', body, {})).status).toBe(401);
    expect((await gateway.post('/api/auto-register', body, { 'x-api-token': 'nobody' })).status).toBe(401);
    expect((await gateway.post('/api/auto-register', body, { 'x-api-token': 'viewer' })).status).toBe(403);
    expect(asked).toHaveLength(0);
    const withCode = await gateway.post('/api/auto-register', { ...body, setupCode: 'A7K9P2' }, {});
    expect(withCode).toMatchObject({ status: 200, body: { status: 'success', nodeId: TARGET } });
    expect((await gateway.post('/api/auto-register', body)).status).toBe(200);
    expect(asked).toMatchObject([
      { setupCode: 'A7K9P2', actor: null },
      { setupCode: null, actor: { name: 'token:test' } },
    ]);
  });

  it('keeps notes about guests under both forms of their id', async () => {
    const empty = { consoleUrl: '', notes: '', description: '', tags: [] };
    await gateway.respond(guestmetadataGet, async ({ id }) => ({ id, ...empty }));
    await gateway.respond(guestmetadataUpdate, async ({ id, changes }) => ({
      id,
      ...empty,
      ...changes,
    }));
    await gateway.respond(guestmetadataList, async () => ({ guests: [{ id: 'pve1:100', ...empty }], next: null }));
    expect((await gateway.get('/api/guests/metadata')).body).toMatchObject({ 'pve1:100': { notes: '' } });
    expect((await gateway.get('/api/guests/metadata/pve1:100')).body).toMatchObject({ id: 'pve1:100' });
    expect((await gateway.get('/api/guests/metadata/pve1/100')).body).toMatchObject({ id: 'pve1:100' });
    // The id that the state shows.
    expect((await gateway.get('/api/guests/metadata/home-pve1-100')).body).toMatchObject({ id: 'pve1:100' });
    const noted = await gateway.post('/api/guests/metadata/pve1/100', { customUrl: 'https://x.example.com' });
    expect(noted).toMatchObject({ status: 200, body: { consoleUrl: 'https://x.example.com' } });
    expect((await gateway.post('/api/guests/metadata/pve1/100', { consoleUrl: 'javascript:1' })).status).toBe(400);
  });
});

describe('a gateway that lets everybody in', () => {
  it('takes in no node without a code or a token all the same', async () => {
    const gateway = await Harness.start({ AUTH_DISABLED: 'true' });
    try {
      let asked = 0;
      await gateway.respond(nodeRegister, async () => {
        asked++;
        return { node, isNew: true };
      });
      const body = { type: 'pve', host: 'pve1', tokenId: 'a@pam!b', tokenValue: 'c' };
      expect((await gateway.post('/api/auto-register', body, {})).status).toBe(401);
      expect(asked).toBe(0);
    } finally {
      await gateway.stop();
    }
  });
});
