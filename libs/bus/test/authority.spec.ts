import {
  agentConfigured,
  agentReported,
  agentSettingsGet,
  deliveryGet,
  healthGet,
  hostSampled,
  processList,
  samplesStored,
  settingsGet,
} from '@lapwing/contracts';
import { NatsServer, eventually, freePort, hostSample } from '@lapwing/testing';
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  AgentKey,
  Bus,
  BusAuthority,
  makeBusKeys,
  readAuthority,
  readCredentials,
  type BusService,
  type Credentials,
} from '../src';

const DAY_MS = 86_400_000;

describe('a bus with an authority', () => {
  let folder: string;
  let nats: NatsServer;
  let authority: BusAuthority;
  const buses: Bus[] = [];

  async function service(name: BusService): Promise<Bus> {
    const credentials = readCredentials(await readFile(path.join(folder, 'credentials', `${name}.creds`), 'utf8'));
    const makes = name === 'fleet' || name === 'metrics-store';
    return open(new Bus({ service: name, servers: nats.url, credentials, streams: makes ? 'make' : 'wait' }));
  }

  async function open(bus: Bus): Promise<Bus> {
    buses.push(bus);
    bus.onModuleInit();
    await eventually(() => bus.online);
    return bus;
  }

  async function admit(id: string): Promise<{ credentials: Credentials; publicKey: string }> {
    const key = AgentKey.create();
    const { jwt } = await authority.admit(id, key.publicKey, Date.now() + DAY_MS);
    return { credentials: { jwt, seed: key.seed }, publicKey: key.publicKey };
  }

  async function agent(id: string): Promise<Bus> {
    const { credentials } = await admit(id);
    const door = () => ({ servers: nats.url, credentials });
    return open(new Bus({ service: 'collector', servers: '', streams: 'ignore', agent: { id, door } }));
  }

  /** A client that tries everything, as somebody who has an agent's credentials would. */
  async function intruder(id: string, inboxPrefix: string): Promise<{ connection: NatsConnection; refused: string[] }> {
    const { credentials } = await admit(id);
    const authenticator = jwtAuthenticator(credentials.jwt, Buffer.from(credentials.seed));
    const connection = await connect({ servers: nats.url, authenticator, inboxPrefix });
    const refused: string[] = [];
    void (async () => {
      for await (const status of connection.status()) if (status.type === 'error') refused.push(status.error.message);
    })();
    return { connection, refused };
  }

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-keys-'));
    await makeBusKeys(folder);
    nats = await NatsServer.start(folder);
    authority = new BusAuthority(nats.url, readAuthority(path.join(folder, 'authority.json')));
    await service('metrics-store');
  });
  afterAll(async () => {
    await Promise.all(buses.map((bus) => bus.onApplicationShutdown()));
    await authority.stop();
    await nats.stop();
  });

  it('lets nobody in without credentials', async () => {
    await expect(connect({ servers: nats.url, reconnect: false })).rejects.toThrow('Authorization Violation');
  });

  it('lets an agent sample, report, ask and answer commands', async () => {
    const [fleet, gateway, store] = [await service('fleet'), await service('gateway'), buses[0]];
    const web = await agent('web.example.com');
    const sample = { agentId: 'web.example.com', outbox: '0a1b2c3d4e5f', samples: [hostSample(1, Date.now())] };
    expect((await web.publish(hostSampled, 'web.example.com', sample)).position).toBeGreaterThan(0);
    const settings = { refreshInterval: 7, sources: ['cpu' as const], logSources: [] };
    fleet.respondToAgents(agentSettingsGet, async (_, agentId) =>
      agentId === 'web.example.com' ? settings : { ...settings, refreshInterval: 99 },
    );
    await eventually(async () => expect(await web.inquire(agentSettingsGet, 'web.example.com', {})).toEqual(settings));
    web.respondAs(processList, 'web.example.com', async () => ({ processes: [], total: 3 }));
    await eventually(async () =>
      expect(await gateway.command(processList, 'web.example.com', {})).toEqual({ processes: [], total: 3 }),
    );
    const heard: unknown[] = [];
    fleet.listen(agentReported, '*', (report) => heard.push(report.agentId));
    web.listen(samplesStored, 'web.example.com', ({ outbox }) => heard.push(outbox));
    await eventually(() => {
      const run = { instance: '0a1b2c3d', version: '1', hostname: 'web', startedAt: 1, unsupported: [] };
      web.announce(agentReported, 'web.example.com', { agentId: 'web.example.com', ...settings, ...run });
      const stored = { agentId: 'web.example.com', outbox: '0a1b2c3d4e5f', ranges: [[1, 1] as [number, number]] };
      store?.announce(samplesStored, 'web.example.com', stored);
      return heard.includes('web.example.com') && heard.includes('0a1b2c3d4e5f');
    });
  });

  it.each([
    'evt.host.sampled.v1.web-2',
    'evt.host.sampled.v1.*',
    'evt.agent.changed.v1.web-1',
    'ask.web-2.settings.get.v1',
    settingsGet.name,
    healthGet('auth').name,
    'cmd.web-1.process.list.v1',
    'cmd.web-2.process.list.v1',
    '$JS.API.STREAM.INFO.SAMPLES',
    '$JS.API.STREAM.MSG.GET.SAMPLES',
    '$JS.API.CONSUMER.CREATE.SAMPLES.x',
    '$SYS.REQ.CLAIMS.UPDATE',
    '_INBOX.agent.web-2.x',
  ])('lets agent web-1 not publish on %s', async (subject) => {
    const { connection, refused } = await intruder('web-1', '_INBOX.agent.web-1');
    connection.publish(subject, '{}');
    await eventually(() => expect(refused).toEqual([expect.stringContaining('Permissions Violation for Publish')]));
    await connection.close();
  });

  it.each([
    'cmd.web-2.>',
    'cmd.*.process.list.v1',
    'req.>',
    settingsGet.name,
    'evt.>',
    'evt.samples.stored.v1.web-2',
    'evt.host.sampled.v1.web-1',
    'ask.>',
    '_INBOX.>',
    '_INBOX.agent.web-2.>',
    '_INBOX.service.gateway.>',
    '>',
  ])('lets agent web-1 not listen on %s', async (subject) => {
    const { connection, refused } = await intruder('web-1', '_INBOX.agent.web-1');
    connection.subscribe(subject, { callback: () => {} });
    await eventually(() =>
      expect(refused).toEqual([expect.stringContaining('Permissions Violation for Subscription')]),
    );
    await connection.close();
  });

  it.each<[BusService, string]>([
    ['settings', 'evt.host.sampled.v1.web-1'],
    ['settings', 'cmd.web-1.process.signal.v1'],
    ['auth', 'evt.agent.changed.v1.web-1'],
    ['gateway', 'evt.samples.stored.v1.web-1'],
    ['gateway', '$JS.API.CONSUMER.DELETE.SAMPLES.metrics-store'],
    ['gateway', '$JS.API.CONSUMER.MSG.NEXT.SAMPLES.metrics-store'],
    ['gateway', '$JS.API.STREAM.PURGE.SAMPLES'],
    ['gateway', '$JS.API.STREAM.UPDATE.SAMPLES'],
    ['fleet', '$JS.API.STREAM.DELETE.SAMPLES'],
    ['metrics-store', 'req.auth.principal.get.v1'],
    ['metrics-store', '$JS.API.STREAM.PURGE.SAMPLES'],
  ])('gives %s no more than it needs: not %s', async (name, subject) => {
    const credentials = readCredentials(await readFile(path.join(folder, 'credentials', `${name}.creds`), 'utf8'));
    const authenticator = jwtAuthenticator(credentials.jwt, Buffer.from(credentials.seed));
    const connection = await connect({ servers: nats.url, authenticator });
    const refused: string[] = [];
    void (async () => {
      for await (const status of connection.status()) if (status.type === 'error') refused.push(status.error.message);
    })();
    connection.publish(subject, '{}');
    await eventually(() => expect(refused).toEqual([expect.stringContaining('Permissions Violation for Publish')]));
    await connection.close();
  });

  it('answers an agent in its own inbox alone, wherever it wants the answer to go', async () => {
    const fleet = await service('fleet');
    const asked: string[] = [];
    fleet.respondToAgents(agentSettingsGet, async (_, agentId) => {
      asked.push(agentId);
      return { refreshInterval: 300, sources: [], logSources: [] };
    });
    const victim = await agent('web-2');
    const told: unknown[] = [];
    victim.listen(agentConfigured, 'web-2', (settings) => told.push(settings));
    const { connection } = await intruder('web-1', '_INBOX.agent.web-1');
    for (const reply of ['evt.agent.configured.v1.web-2', '_INBOX.agent.web-2.x', '$JS.API.STREAM.PURGE.EVENTS'])
      connection.publish('ask.web-1.settings.get.v1', '{}', { reply });
    await connection.flush();
    expect(await victim.inquire(agentSettingsGet, 'web-2', {})).toMatchObject({
      sources: expect.any(Array) as string[],
    });
    expect([asked.filter((id) => id !== 'web-2'), told]).toEqual([[], []]);
    await connection.close();
  });

  it('answers an agent that asks over and over, and refuses what is too much at once', async () => {
    const store = await service('metrics-store');
    let [atOnce, most] = [0, 0];
    store.respondToAgents(deliveryGet, async () => {
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setTimeout(resolve, 50));
      atOnce--;
      return { stored: [], handledUpTo: 0, streamEnd: 0 };
    });
    const eager = await agent('eager-1');
    const question = { outbox: '0a1b2c3d4e5f', seqs: [1, 1] as [number, number], from: 0, to: 1 };
    await eventually(() => eager.inquire(deliveryGet, 'eager-1', question));
    const asked = await Promise.allSettled(
      Array.from({ length: 50 }, () => eager.inquire(deliveryGet, 'eager-1', question)),
    );
    const refused = asked.filter(({ status }) => status === 'rejected');
    expect(most).toBeLessThanOrEqual(2);
    expect(refused[0]).toMatchObject({ reason: { code: 'RATE_LIMITED' } });
    expect(asked.length - refused.length).toBeGreaterThan(0);
  });

  it('keeps its streams and consumers whole, wherever an agent wants the acknowledgement to go', async () => {
    const { manager } = (await service('metrics-store')).connection.link();
    await manager.consumers.add('SAMPLES', { durable_name: 'metrics-store', ack_policy: 'explicit' });
    const { connection } = await intruder('web-1', '_INBOX.agent.web-1');
    const sample = { agentId: 'web-1', outbox: '0a1b2c3d4e5f', samples: [hostSample(1, Date.now())] };
    const before = (await manager.streams.info('SAMPLES')).state.messages;
    const replies = [
      ...['PURGE', 'DELETE', 'MSG.DELETE', 'UPDATE'].map((action) => `$JS.API.STREAM.${action}.SAMPLES`),
      '$JS.API.CONSUMER.DELETE.SAMPLES.metrics-store',
      '$JS.API.CONSUMER.MSG.NEXT.SAMPLES.metrics-store',
    ];
    for (const reply of replies) connection.publish('evt.host.sampled.v1.web-1', JSON.stringify(sample), { reply });
    await connection.flush();
    await eventually(async () =>
      expect((await manager.streams.info('SAMPLES')).state.messages).toBe(before + replies.length),
    );
    const { num_pending: pending, num_ack_pending: taken } = await manager.consumers.info('SAMPLES', 'metrics-store');
    expect([pending, taken]).toEqual([before + replies.length, 0]);
    await connection.close();
  });

  it('cuts a revoked agent at once, lets it not come back, also after a restart, and the others stay', async () => {
    const [one, other] = [await admit('revoked-1'), await admit('kept-1')];
    const join = ({ credentials: { jwt, seed } }: typeof one) =>
      connect({ servers: nats.url, authenticator: jwtAuthenticator(jwt, Buffer.from(seed)), reconnect: false });
    const [first, second] = [await join(one), await join(other)];
    expect(await authority.enforce([{ publicKey: one.publicKey, at: Date.now() }])).toEqual({
      confirmed: 1,
      refused: 0,
    });
    await eventually(() => expect(first.isClosed()).toBe(true), 5000);
    await expect(join(one)).rejects.toThrow('Authorization Violation');
    expect(second.isClosed()).toBe(false);
    await nats.kill();
    await nats.run();
    await expect(join(one)).rejects.toThrow('Authorization Violation');
    await (await join(other)).close();
    const { jwt: again } = await authority.admit('revoked-1', one.publicKey, Date.now() + DAY_MS, Date.now());
    await (await join({ ...one, credentials: { ...one.credentials, jwt: again } })).close();
    await second.close();
  });
});

describe('revocation on a cluster', () => {
  it('cuts the connection on every server within five seconds', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-keys-'));
    await makeBusKeys(folder);
    const ports = [await freePort(), await freePort(), await freePort()];
    const routes = `routes: [${ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ')}]`;
    const servers = await Promise.all(
      ports.map((port, index) =>
        NatsServer.start(folder, [
          `server_name: "n${index}"`,
          `cluster: { name: c, listen: "127.0.0.1:${port}", ${routes} }`,
        ]),
      ),
    );
    const authority = new BusAuthority(servers[0]?.url ?? '', readAuthority(path.join(folder, 'authority.json')));
    const key = AgentKey.create();
    const { jwt } = await authority.admit('web-1', key.publicKey, Date.now() + DAY_MS);
    const connections = await Promise.all(
      servers.map(({ url }) =>
        connect({ servers: url, authenticator: jwtAuthenticator(jwt, Buffer.from(key.seed)), reconnect: false }),
      ),
    );
    await eventually(async () => expect(await authority.enforce([])).toEqual({ confirmed: 3, refused: 0 }));
    const asked = performance.now();
    expect(await authority.enforce([{ publicKey: key.publicKey, at: Date.now() }])).toEqual({
      confirmed: 3,
      refused: 0,
    });
    await eventually(() => expect(connections.map((one) => one.isClosed())).toEqual([true, true, true]));
    expect(performance.now() - asked).toBeLessThan(5000);
    await authority.stop();
    await Promise.all(servers.map((server) => server.stop()));
  });
});
