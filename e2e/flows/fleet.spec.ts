import { eventually } from '@lapwing/testing';
import { connect, jwtAuthenticator } from '@nats-io/transport-node';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { AgentProcess } from '../src/agent-process';
import { Lapwing } from '../src/lapwing';

interface Agent {
  id: string;
  status: string;
  fingerprint: string;
  last_seen: string | null;
  running: { refreshInterval: number; sources: string[]; logSources: object[]; unsupported: string[] } | null;
}

describe('a fleet of hosts', () => {
  let lapwing: Lapwing;
  let agents: Record<'a' | 'b', AgentProcess>;
  let stranger: ChildProcess;

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    await lapwing.start(['--services']);
    agents = { a: await AgentProcess.create(), b: await AgentProcess.create() };
    // Nobody's child: what descends from an agent is out of its reach.
    stranger = spawn('sleep', ['600']);
  }, 180_000);
  afterAll(async () => {
    stranger.kill('SIGKILL');
    for (const agent of Object.values(agents)) await agent.remove();
    await lapwing.remove();
  }, 60_000);

  const ask = (method: string, route: string, body?: unknown) =>
    lapwing.ask<Agent & { agents: Agent[]; code: string; error: string }>(method, route, lapwing.credentials, body);
  const start = (name: 'a' | 'b') =>
    agents[name].start({ LAPWING_URL: lapwing.url, COLLECTOR_AGENT_ID: `host-${name}` });
  const agent = async (name: string): Promise<Agent> => (await ask('GET', `/api/v1/agents/host-${name}`)).body;
  const waiting = async (): Promise<string[]> =>
    (await ask('GET', '/api/v1/agents/pending')).body.agents.map(({ id }) => id).toSorted();
  /** Times of the samples of a host in the last minutes. */
  const samples = async (name: string): Promise<string[]> => {
    const { body } = await lapwing.get<{ data: { timestamp: string }[] }>(
      `/api/v1/history?agent_id=host-${name}&resolution=raw`,
    );
    return body.data.map(({ timestamp }) => timestamp);
  };

  it('knows the machine on which it was started, without anybody’s doing', async () => {
    await eventually(async () => {
      const { agents: all } = (await ask('GET', '/api/v1/agents')).body;
      expect(all.map(({ status }) => status)).toEqual(['online']);
    });
  });

  it('lets two hosts wait, and in when they are approved; then they stream', async () => {
    start('a');
    start('b');
    await eventually(async () => expect(await waiting()).toEqual(['host-a', 'host-b']));
    expect((await ask('GET', '/api/v1/agents/host-a')).status).toBe(404);
    expect((await lapwing.ask('GET', '/api/v1/stream?agent_id=host-a', lapwing.credentials)).status).toBe(404);
    for (const name of ['a', 'b']) {
      expect(await ask('POST', `/api/v1/agents/pending/host-${name}/approve`)).toMatchObject({
        status: 200,
        body: { id: `host-${name}`, architecture: expect.stringMatching(/^(amd64|arm64)$/) as string, os: 'linux' },
      });
      expect(await ask('POST', `/api/v1/agents/pending/host-${name}/approve`)).toMatchObject({
        status: 400,
        body: { code: 'ALREADY_APPROVED' },
      });
    }
    await eventually(async () => expect((await agent('a')).status).toBe('online'), 30_000);
    await eventually(async () => expect((await samples('b')).length).toBeGreaterThan(0), 30_000);
    await eventually(async () =>
      expect((await lapwing.ask('GET', '/api/v1/stream?agent_id=host-a', lapwing.credentials)).status).toBe(200),
    );
    expect((await agent('a')).fingerprint).not.toBe((await agent('b')).fingerprint);
  });

  it('keeps an agent to its own subjects, whatever it tries', async () => {
    const { jwt, seed, servers } = await agents.a.identity();
    const authenticator = jwtAuthenticator(jwt, Buffer.from(seed));
    const connection = await connect({ servers, authenticator, inboxPrefix: '_INBOX.agent.host-a' });
    const refused: string[] = [];
    void (async () => {
      for await (const status of connection.status()) if (status.type === 'error') refused.push(status.error.message);
    })();
    connection.publish('evt.host.sampled.v1.host-b', '{}');
    connection.publish('req.auth.principal.get.v1', '{}');
    for (const subject of ['cmd.host-b.>', 'req.>', 'evt.host.sampled.v1.host-b'])
      connection.subscribe(subject, { callback: () => {} });
    await eventually(() => expect(refused).toHaveLength(5));
    await connection.close();
  });

  it('follows settings without a restart, and says what it runs', async () => {
    const settings = {
      refreshInterval: 1,
      sources: ['system', 'cpu', 'memory', 'processes'],
      logSources: [{ kind: 'journal' }],
    };
    expect((await ask('PATCH', '/api/v1/agents/host-a/settings', settings)).status).toBe(200);
    await eventually(async () =>
      expect((await agent('a')).running).toMatchObject({
        refreshInterval: 1,
        sources: ['system', 'cpu', 'memory', 'processes'],
        logSources: [{ kind: 'journal' }],
        unsupported: [],
      }),
    );
    const { pid } = agents.a;
    await eventually(async () => expect((await samples('a')).length).toBeGreaterThan(5));
    expect(agents.a.pid).toBe(pid);
    expect((await agent('b')).running?.refreshInterval).toBe(5);
    expect((await ask('PATCH', '/api/v1/agents/host-a/settings', { refreshInterval: 0 })).status).toBe(400);
    expect((await ask('PATCH', '/api/v1/agents/host-a/settings', { sources: ['nonsense'] })).status).toBe(400);
  });

  it('signals a process of a named host, and leaves it in the audit trail', async () => {
    const route = (pid: number, agentId: string): string => `/api/v1/processes/${pid}/signal?agent_id=${agentId}`;
    const pid = stranger.pid ?? 0;
    const detail = await lapwing.get<{ cmdline: string }>(`/api/v1/processes/${pid}?agent_id=host-b`);
    expect(detail.body.cmdline).toBe('sleep 600');
    const list = await lapwing.get<{ processes: unknown[] }>('/api/v1/processes?agent_id=host-b&limit=3');
    expect(list.body.processes).toHaveLength(3);
    expect(await ask('POST', route(pid, 'nobody'), { signal: 15 })).toMatchObject({ status: 404 });
    expect(await ask('POST', route(1, 'host-b'), { signal: 9 })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
    // The server does not know which processes are the agent's: it is the agent that refuses.
    expect(await ask('POST', route(agents.b.pid, 'host-b'), { signal: 15 })).toMatchObject({ status: 403 });
    const ended = once(stranger, 'exit');
    expect((await ask('POST', route(pid, 'host-b'), { signal: 15 })).status).toBe(200);
    expect(await ended).toEqual([null, 'SIGTERM']);
    await eventually(async () => {
      const { body } = await lapwing.get<{ entries: { action: string; target: string; details: object }[] }>(
        '/api/v1/audit?type=process',
      );
      expect(body.entries[0]).toMatchObject({ action: 'signalled', target: String(pid), details: { agent: 'host-b' } });
    });
  });

  it('revokes one within five seconds; the other goes on', async () => {
    expect(await ask('POST', '/api/v1/agents/host-a/revoke')).toMatchObject({
      status: 200,
      body: { status: 'revoked' },
    });
    const revokedAt = new Date(Date.now() + 5000).toISOString();
    await eventually(async () => {
      const of = { a: await samples('a'), b: await samples('b') };
      expect(of.b.at(-1)?.localeCompare(revokedAt)).toBe(1);
      expect(of.a.filter((time) => time > revokedAt)).toEqual([]);
    }, 30_000);
    expect(await agent('a')).toMatchObject({ status: 'revoked' });
    await eventually(() => expect(agents.a.printed).toContain('was revoked'));
    const { jwt, seed, servers } = await agents.b.identity();
    await (await connect({ servers, authenticator: jwtAuthenticator(jwt, Buffer.from(seed)) })).close();
  }, 60_000);

  it('forgets one; it may ask again, and what it took meanwhile comes after', async () => {
    expect((await ask('DELETE', '/api/v1/agents/host-a')).status).toBe(204);
    expect((await ask('GET', '/api/v1/agents/host-a')).status).toBe(404);
    expect((await ask('DELETE', '/api/v1/agents/host-a')).status).toBe(404);
    await eventually(async () => expect((await ask('GET', '/api/v1/processes?agent_id=host-a')).status).toBe(404));
    expect((await samples('a')).length).toBeGreaterThan(0);
    await agents.a.stop();
    start('a');
    await eventually(async () => expect(await waiting()).toEqual(['host-a']), 30_000);
    expect((await ask('POST', '/api/v1/agents/pending/host-a/reject')).status).toBe(200);
    expect(await waiting()).toEqual([]);
    await eventually(() => expect(agents.a.printed).toContain('was rejected'), 30_000);
  }, 60_000);

  it('adds one by hand, which comes in with its token at once; a second machine of that id waits in quarantine', async () => {
    const added = await ask('POST', '/api/v1/agents', { id: 'host-c', name: 'By hand' });
    expect(added.status).toBe(201);
    const { enrollment_token: token, command } = added.body as unknown as { enrollment_token: string; command: string };
    expect(command).toBe(
      `curl -fsSL '${lapwing.url}/install-agent.sh' | LAPWING_ENROLLMENT_TOKEN='${token}' sudo --preserve-env=LAPWING_ENROLLMENT_TOKEN bash -s -- --url '${lapwing.url}' --agent-id 'host-c'`,
    );
    expect((await ask('POST', '/api/v1/agents', { id: 'host-c', name: 'Again' })).body.code).toBe('AGENT_EXISTS');
    for (const id of ['pending', '../x', 'a b', '', 'x'.repeat(65)])
      expect((await ask('POST', '/api/v1/agents', { id, name: 'x' })).status).toBe(400);
    const [first, second] = [await AgentProcess.create(), await AgentProcess.create()];
    const environment = { LAPWING_URL: lapwing.url, COLLECTOR_AGENT_ID: 'host-c' };
    first.start({ ...environment, LAPWING_ENROLLMENT_TOKEN: token });
    await eventually(async () => expect((await agent('c')).status).toBe('online'), 30_000);
    second.start(environment);
    await eventually(async () => expect(await waiting()).toEqual(['host-c']), 30_000);
    expect((await ask('GET', '/api/v1/agents/pending')).body.agents[0]).toMatchObject({ status: 'quarantined' });
    expect((await ask('POST', '/api/v1/agents/pending/host-c/approve')).body.code).toBe('AGENT_CLONE');
    expect((await agent('c')).status).toBe('online');
    await Promise.all([first.remove(), second.remove()]);
  }, 90_000);
});
