import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request, type RequestOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { Estate, ProxmoxServer, eventually } from '@lapwing/testing';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  fingerprint: string;
}
type Entry = Record<string, unknown>;

const tokens = {
  pve: 'PVEAPIToken=pulse-monitor@pam!lapwing=token-secret',
  pbs: 'PBSAPIToken=pulse-monitor@pbs!lapwing:token-secret',
  pmg: 'PMGAPIToken=pulse-monitor@pam!lapwing=token-secret',
};
const running: ProxmoxServer[] = [];

async function start(options: Parameters<typeof ProxmoxServer.start>[0]): Promise<ProxmoxServer> {
  const server = await ProxmoxServer.start(options);
  running.push(server);
  return server;
}

function ask(server: ProxmoxServer, path: string, options: RequestOptions = {}, body?: string): Promise<Answer> {
  const { promise, resolve, reject } = deferred<Answer>();
  const agent = options.agent ?? new Agent({ maxCachedSessions: 0 });
  const url = `${server.url}/api2/json${path}`;
  const sent = request(url, { ca: server.certificate, ...options, agent }, (response) => {
    const { fingerprint256 } = (response.socket as TLSSocket).getPeerCertificate();
    const parts: Buffer[] = [];
    response.on('data', (part: Buffer) => parts.push(part));
    response.on('error', reject);
    response.on('end', () => {
      const { statusCode = 0, headers } = response;
      resolve({ status: statusCode, headers, text: Buffer.concat(parts).toString(), fingerprint: fingerprint256 });
    });
  });
  sent.on('error', reject);
  sent.end(body);
  return promise;
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  const parts: Partial<{ resolve: (value: T) => void; reject: (error: Error) => void }> = {};
  const promise = new Promise<T>((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return { promise, ...(parts as Required<typeof parts>) };
}

async function data<T = Entry[]>(server: ProxmoxServer, path: string, kind: keyof typeof tokens = 'pve'): Promise<T> {
  const answer = await ask(server, path, { headers: { authorization: tokens[kind] } });
  expect([path, answer.status, answer.status === 200 ? '' : answer.text]).toEqual([path, 200, '']);
  return (JSON.parse(answer.text) as { data: T }).data;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

describe('a fake Proxmox', () => {
  it.each(['pve', 'pbs', 'pmg'] as const)('%s: lets in by token and by ticket, and nobody else', async (kind) => {
    const server = await start({ kind });
    expect((await ask(server, '/version', { headers: { authorization: tokens[kind] } })).status).toBe(200);
    const refused = await ask(server, '/version', { headers: { authorization: `${tokens[kind]}x` } });
    expect(refused.status).toBe(401);
    expect(JSON.parse(refused.text)).toEqual({ data: null, message: expect.any(String) });
    expect((await ask(server, '/version')).status).toBe(401);

    const json = { 'content-type': 'application/json' };
    const wrong = '{"username":"root@pam","password":"wrong"}';
    expect((await ask(server, '/access/ticket', { method: 'POST', headers: json }, wrong)).status).toBe(401);
    const login = await ask(server, '/access/ticket', { method: 'POST' }, 'username=root%40pam&password=secret');
    const said = JSON.parse(login.text) as { data: { ticket: string } };
    expect(said.data).toEqual({
      username: 'root@pam',
      ticket: said.data.ticket,
      CSRFPreventionToken: expect.any(String),
    });
    const cookie = `${kind.toUpperCase()}AuthCookie=${encodeURIComponent(said.data.ticket)}`;
    expect((await ask(server, '/version', { headers: { cookie } })).status).toBe(200);
    expect((await ask(server, '/version', { headers: { cookie: `${cookie}A` } })).status).toBe(401);
  });

  it('pve: shows nodes, guests and storages in cluster/resources, and what was changed', async () => {
    const server = await start({ kind: 'pve', nodes: 3, guests: 20 });
    const count = async (type: string): Promise<number> =>
      (await data(server, '/cluster/resources')).filter((entry) => entry['type'] === type).length;
    expect([await count('node'), await count('qemu'), await count('lxc'), await count('storage')]).toEqual([
      3, 12, 8, 15,
    ]);
    expect(await data(server, '/cluster/resources?type=vm')).toHaveLength(20);

    server.estate.stopGuest(100);
    server.estate.removeGuest(101);
    server.estate.addGuest({ kind: 'lxc', name: 'new', node: 'pve2' });
    server.estate.setNodeOnline('pve3', false);
    const vms = await data(server, '/cluster/resources?type=vm');
    expect(vms.find(({ vmid }) => vmid === 100)).toMatchObject({ status: 'stopped', uptime: 0, netin: 0 });
    expect(vms.find(({ vmid }) => vmid === 102)).toMatchObject({ status: 'unknown' });
    expect(vms.find(({ vmid }) => vmid === 120)).toMatchObject({ name: 'new', type: 'lxc', status: 'running' });
    const unreachable = await ask(server, '/nodes/pve3/status', { headers: { authorization: tokens.pve } });
    expect(unreachable.status).toBe(595);
  });

  it('pve: counters grow, and begin again', async () => {
    const server = await start({ kind: 'pve' });
    const netin = async (): Promise<number> =>
      (await data<{ netin: number }>(server, '/nodes/pve1/qemu/100/status/current')).netin;
    const before = await netin();
    await eventually(async () => expect(await netin()).toBeGreaterThan(before));
    server.estate.resetCounters(100);
    expect(await netin()).toBeLessThan(before);
  });

  it('pve: the guest agent answers as it is told', async () => {
    const server = await start({ kind: 'pve' });
    const agent = async (call = 'get-fsinfo'): Promise<[number, string]> => {
      const path = `/nodes/pve1/qemu/100/agent/${call}`;
      const answer = await ask(server, path, { headers: { authorization: tokens.pve } });
      return [answer.status, answer.text];
    };
    expect((await data<{ result: Entry[] }>(server, '/nodes/pve1/qemu/100/agent/get-fsinfo')).result).toHaveLength(2);
    expect(await agent('file-read?file=/proc/meminfo')).toEqual([200, expect.stringMatching(/MemAvailable: +\d+ kB/)]);
    server.estate.agent(100, 'absent');
    expect(await agent()).toEqual([500, expect.stringContaining('No QEMU guest agent configured')]);
    server.estate.agent(100, 'not-running');
    expect(await agent()).toEqual([500, expect.stringContaining('QEMU guest agent is not running')]);
    server.estate.agent(100, 'denied');
    expect((await agent())[0]).toBe(403);
    server.estate.agent(100, 'ok');
    server.estate.stopGuest(100);
    expect(await agent()).toEqual([500, expect.stringContaining('VM 100 is not running')]);
  });

  it.each([
    {
      kind: 'pve',
      paths: `/version /nodes /nodes/pve1/status /nodes/pve1/rrddata?timeframe=hour&cf=AVERAGE /cluster/status /nodes/pve1/qemu
        /nodes/pve1/lxc /nodes/pve2/lxc/101/status/current /nodes/pve2/lxc/101/interfaces /nodes/pve2/lxc/101/config
        /nodes/pve1/qemu/100/config /nodes/pve1/qemu/100/snapshot /nodes/pve1/qemu/100/agent/network-get-interfaces
        /nodes/pve1/qemu/100/agent/get-osinfo /nodes/pve1/qemu/100/agent/info /storage /nodes/pve1/storage
        /nodes/pve1/storage/nas/content?content=backup /nodes/pve1/disks/list /nodes/pve1/disks/smart?disk=/dev/nvme0n1
        /nodes/pve1/disks/smart?disk=/dev/sda /nodes/pve1/disks/zfs /nodes/pve1/disks/zfs/rpool /nodes/pve1/tasks?typefilter=vzdump
        /nodes/pve1/replication /cluster/replication /cluster/ceph/status /cluster/ceph/df /cluster/ceph/metadata
        /nodes/pve1/ceph/pool /nodes/pve1/certificates/info`,
    },
    {
      kind: 'pbs',
      paths: `/version /nodes/localhost/status /nodes/localhost/tasks /status/datastore-usage /admin/datastore
        /admin/datastore/main/status?verbose=1 /admin/datastore/main/gc /admin/datastore/main/namespace
        /admin/datastore/main/groups /admin/datastore/main/snapshots?ns=prod /config/sync /config/verify /config/prune /admin/sync
        /admin/verify /admin/prune /admin/gc`,
    },
    {
      kind: 'pmg',
      paths: `/version /config/cluster/status?list_single_node=1 /nodes /nodes/pmg1/status /nodes/pmg1/postfix/qshape
        /nodes/pmg1/postfix/queue /nodes/pmg1/postfix/queue/deferred /statistics/mail?timeframe=day
        /statistics/mailcount?timespan=3600 /statistics/spamscores /quarantine/spamstatus /quarantine/virusstatus`,
    },
  ] as const)('$kind: answers what a monitor asks, and counts it', async ({ kind, paths }) => {
    const server = await start({ kind, nodes: 2, guests: 20 });
    const all = paths.split(/\s+/);
    for (const path of all) {
      const answer = await data<object>(server, path, kind);
      expect([path, Object.keys(answer).length]).toEqual([path, expect.any(Number)]);
      expect([path, Object.keys(answer)]).not.toEqual([path, []]);
    }
    expect(server.requestCount).toBe(all.length);
    const unknown = await ask(server, '/no/such/path', { headers: { authorization: tokens[kind] } });
    expect(unknown.status).toBe(kind === 'pbs' ? 404 : 501);
    expect(server.requests.get('GET *')).toBe(1);
    expect(server.requests.get('GET /version')).toBe(1);
  });

  it('goes wrong on demand', async () => {
    const server = await start({ kind: 'pve' });
    const headers = { authorization: tokens.pve };
    server.fault({ kind: 'status', status: 500 }, /status$/);
    expect((await ask(server, '/nodes/pve1/status', { headers })).status).toBe(500);
    expect((await ask(server, '/version', { headers })).status).toBe(200);
    server.fault({ kind: 'html' });
    expect((await ask(server, '/version', { headers })).headers['content-type']).toContain('text/html');
    server.fault({ kind: 'brokenJson' });
    const broken = await ask(server, '/version', { headers });
    expect(() => JSON.parse(broken.text) as unknown).toThrow(SyntaxError);
    server.fault({ kind: 'redirect', to: 'http://127.0.0.1:1/' });
    const redirect = await ask(server, '/version', { headers });
    expect([redirect.status, redirect.headers.location]).toEqual([302, 'http://127.0.0.1:1/']);
    server.fault({ kind: 'huge' });
    expect((await ask(server, '/version', { headers })).text.length).toBeGreaterThan(50_000_000);
    server.fault({ kind: 'hang' });
    const hanging = ask(server, '/version', { headers, signal: AbortSignal.timeout(300) });
    await expect(hanging).rejects.toThrow('aborted');
    server.fault(null);
    expect((await ask(server, '/version', { headers })).status).toBe(200);
  });

  it('renews its certificate, and comes back on its port after it was killed', async () => {
    const server = await start({ kind: 'pve' });
    const headers = { authorization: tokens.pve };
    const agent = new Agent({ keepAlive: true });
    const { fingerprint, port, certificate } = server;
    expect((await ask(server, '/version', { headers, agent })).fingerprint).toBe(fingerprint);
    await server.renewCertificate();
    expect(server.fingerprint).not.toBe(fingerprint);
    expect((await ask(server, '/version', { headers })).fingerprint).toBe(server.fingerprint);
    await expect(ask(server, '/version', { headers, ca: certificate })).rejects.toThrow(/certificate/);

    await server.kill();
    await expect(ask(server, '/version', { headers })).rejects.toThrow('ECONNREFUSED');
    await server.run();
    expect(server.port).toBe(port);
    expect((await ask(server, '/version', { headers })).fingerprint).toBe(server.fingerprint);
    agent.destroy();
  });

  it('is one of several endpoints of an estate, and the same for the same seed', async () => {
    const options = { seed: 7, nodes: 2, guests: 6, clusterName: 'home' };
    const estate = new Estate(options);
    const [one, two] = await Promise.all(
      ['pve1', 'pve2'].map((node) => start({ kind: 'pve', version: '8', estate, node })),
    );
    if (!one || !two) throw new Error('not started');
    estate.guest(100).cpu = 0.97;
    for (const server of [one, two]) {
      const vms = await data(server, '/cluster/resources?type=vm');
      expect(vms.find(({ vmid }) => vmid === 100)).toMatchObject({ cpu: 0.97 });
      expect(vms.some((vm) => 'memhost' in vm)).toBe(false);
    }
    const status = await data(two, '/cluster/status');
    expect(status.map(({ name, local }) => [name, local])).toEqual([
      ['home', undefined],
      ['pve1', 0],
      ['pve2', 1],
    ]);
    const names = (some: Estate): string[] => [...some.guests.values()].map(({ name }) => name);
    expect(names(new Estate(options))).toEqual(names(estate));
    expect(names(new Estate({ ...options, seed: 8 }))).not.toEqual(names(estate));
  });
});
