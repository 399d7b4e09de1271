import { EventFeed } from '@lapwing/bus';
import {
  LapwingError,
  auditOccurred,
  rolloutGet,
  rolloutStart,
  rolloutStop,
  type PayloadOf,
  type Rollout,
} from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hashOf } from '../src/http/credential';
import { ADMIN_TOKEN, Harness, principal } from './harness';

const ROUTE = '/api/v1/system/updates/agents';
const rollout: Rollout = {
  id: '018f3c1e-7d2a-4c3b-9a54-0123456789ab',
  version: '0.2.0',
  status: 'running',
  ring: 1,
  startedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  endedAt: null,
  startedBy: 'admin',
  reason: null,
  counts: { waiting: 2, updating: 0, watched: 1, healthy: 1, worse: 0, reverted: 0, skipped: 0 },
};
const shown = { ...rollout, percent: 5, startedAt: '2026-01-02T03:04:05Z' };
const agent = { agentId: 'db1', ring: 0, state: 'healthy', versionFrom: '0.1.0', reason: null } as const;

const CONTENT = 'console.log("an agent")';

describe('updates of agents', () => {
  let gateway: Harness;
  let file: string;
  let last: Rollout | null;
  let trail: EventFeed<typeof auditOccurred>;
  const audited: PayloadOf<typeof auditOccurred>[] = [];

  beforeAll(async () => {
    file = path.join(await mkdtemp(path.join(tmpdir(), 'lapwing-agent-file-')), 'lapwing-agent.mjs');
    await writeFile(file, CONTENT);
    gateway = await Harness.start({ GATEWAY_AGENT_FILE: file });
    const { bus } = gateway;
    bus.respond(rolloutGet, async () => ({ rollout: last, agents: last ? [agent] : [], available: '0.2.0' }));
    bus.respond(rolloutStart, async ({ actor }) => {
      if (last) throw new LapwingError('UPDATE_IN_PROGRESS', 'a roll-out is running');
      return (last = { ...rollout, startedBy: actor.name });
    });
    bus.respond(rolloutStop, async ({ actor }): Promise<Rollout> => {
      if (!last) throw new LapwingError('NOT_FOUND', 'no roll-out is running');
      return { ...last, status: 'stopped', reason: `stopped by ${actor.name}`, endedAt: rollout.startedAt + 60_000 };
    });
    trail = new EventFeed(bus, auditOccurred, ({ payload }) => void audited.push(payload));
    trail.start();
    await gateway.settle();
  });
  beforeEach(() => {
    last = null;
    audited.length = 0;
  });
  afterAll(async () => {
    await trail.stop();
    await gateway.stop();
    await rm(path.dirname(file), { recursive: true });
  });

  const ask = async (method: string, token = ADMIN_TOKEN): Promise<{ status: number; body: unknown }> => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(gateway.url + ROUTE, { method, headers });
    return { status: answer.status, body: await answer.json() };
  };

  it('tells what this server has, and the last roll-out', async () => {
    expect(await ask('GET')).toEqual({ status: 200, body: { available: '0.2.0', rollout: null, agents: [] } });
    last = rollout;
    expect(await ask('GET')).toEqual({ status: 200, body: { available: '0.2.0', rollout: shown, agents: [agent] } });
  });

  it('begins one and stops it, and leaves both in the audit trail', async () => {
    expect(await ask('POST')).toEqual({ status: 202, body: { ...shown, startedBy: 'token:test' } });
    expect(await ask('POST')).toMatchObject({ status: 409, body: { code: 'UPDATE_IN_PROGRESS' } });
    expect(await ask('DELETE')).toMatchObject({
      status: 200,
      body: { status: 'stopped', reason: 'stopped by token:test', endedAt: '2026-01-02T03:05:05Z' },
    });
    await eventually(() =>
      expect(audited.map(({ type, action }) => `${type} ${action}`)).toEqual(['rollout started', 'rollout stopped']),
    );
    last = null;
    expect(await ask('DELETE')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });

  it('lets those look who may see agents, and those change it who may change the system', async () => {
    gateway.behind.principals.set(hashOf('looks'), principal(['agents:view', 'agents:manage']));
    gateway.behind.principals.set(hashOf('other'), principal(['dashboard:view']));
    expect((await ask('GET', 'looks')).status).toBe(200);
    expect((await ask('GET', 'other')).status).toBe(403);
    for (const method of ['POST', 'DELETE']) expect((await ask(method, 'looks')).status).toBe(403);
  });

  it('serve the very file that an agent asks for, or tell it to ask again', async () => {
    const download = (query: string) => fetch(`${gateway.url}/download/lapwing-agent.mjs${query}`);
    const sha256 = createHash('sha256').update(CONTENT).digest('hex');
    for (const query of ['', `?sha256=${sha256}`]) {
      const response = await download(query);
      expect(response.headers.get('x-checksum-sha256')).toBe(sha256);
      expect(await response.text()).toBe(CONTENT);
    }
    // While the server is renewed, another gateway may have it.
    expect((await download(`?sha256=${'0'.repeat(64)}`)).status).toBe(503);
    expect((await download('?sha256=x')).status).toBe(400);
  });
});
