import { makeKeys } from '@lapwing/signing';
import { eventually } from '@lapwing/testing';
import { rm } from 'node:fs/promises';
import { Rollouts, actor, type FakeAgent } from './rollout-harness';

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `host-${index}`);
const versions = (agents: readonly FakeAgent[]): string[] => [...new Set(agents.map(({ version }) => version))];

describe('a roll-out of the agent', () => {
  let rollouts: Rollouts;

  beforeAll(async () => {
    rollouts = await Rollouts.start();
  });
  afterEach(() => rollouts.clear());
  afterAll(() => rollouts.stop());

  /** The agent that is in the first ring, of three. */
  const firstOf = async (agents: readonly FakeAgent[]): Promise<FakeAgent> => {
    const { service } = await rollouts.replica();
    await service.start(actor);
    const first = await eventually(() => {
      const ordered = agents.find(({ orders }) => orders.length > 0);
      if (!ordered) throw new Error('nobody was told to update');
      return ordered;
    });
    return first;
  };

  it('reaches everybody, ring after ring', async () => {
    const agents = await rollouts.enroll(...ids(100));
    const order: string[] = [];
    for (const agent of agents)
      agent.whenOrdered = (one, version) => {
        order.push(one.id);
        one.become(version);
      };
    const { service } = await rollouts.replica();
    const begun = await service.start(actor);
    expect(begun).toMatchObject({ version: '0.2.0', status: 'running', ring: 0, startedBy: 'admin', endedAt: null });
    const { rollout, agents: members } = await rollouts.ended(service);
    expect(rollout).toMatchObject({ id: begun.id, status: 'completed', ring: 3, reason: null });
    expect(rollout.counts).toMatchObject({ healthy: 100, waiting: 0, worse: 0, skipped: 0 });
    expect(versions(agents)).toEqual(['0.2.0']);
    const ringOf = new Map(members.map(({ agentId, ring }) => [agentId, ring]));
    const rings = order.map((id) => ringOf.get(id) ?? -1);
    expect(rings).toEqual(rings.toSorted((a, b) => a - b));
    expect([0, 1, 2, 3].map((ring) => rings.filter((one) => one === ring).length)).toEqual([1, 4, 20, 75]);
    // Each ring was watched before the next one began.
    expect((rollout.endedAt ?? 0) - rollout.startedAt).toBeGreaterThan(4 * 300);
    expect(rollouts.audited).toEqual([]);
  });

  it('passes over those that are away, do not answer or cannot be updated', async () => {
    const [away, mute, source, newer, good] = await rollouts.enroll('away', 'mute', 'source', 'newer', 'good');
    if (!away || !mute || !source || !newer || !good) throw new Error('no agents');
    away.status = 'offline';
    mute.isSilent = true;
    source.problem = 'it trusts no key';
    newer.version = '0.3.0';
    const { service } = await rollouts.replica();
    await service.start(actor);
    const { rollout, agents } = await rollouts.ended(service);
    expect(rollout).toMatchObject({ status: 'completed', counts: { healthy: 1, skipped: 3 } });
    expect(Object.fromEntries(agents.map(({ agentId, reason }) => [agentId, reason]))).toEqual({
      away: 'it was offline when the roll-out began',
      mute: 'it did not answer when the roll-out began',
      source: 'it trusts no key',
      good: null,
    });
    expect(agents.find(({ agentId }) => agentId === 'good')).toMatchObject({ ring: 0, versionFrom: '0.1.0' });
  });

  it('tells an agent again that has not heard the order', async () => {
    const [agent] = await rollouts.enroll('host');
    if (!agent) throw new Error('no agent');
    agent.whenOrdered = (one, version) => {
      if (one.orders.length > 2) one.become(version);
    };
    const { service } = await rollouts.replica();
    await service.start(actor);
    expect((await rollouts.ended(service)).rollout.status).toBe('completed');
    expect(agent.orders).toEqual(Array(3).fill('update 0.2.0'));
  });

  it.each<[string, (agent: FakeAgent) => void, RegExp]>([
    ['takes more memory', (agent) => (agent.rssBytes = 200 * 2 ** 20), /takes 200 MiB of memory, 60 MiB before$/],
    ['uses more of the processor', (agent) => (agent.cpuShare = 0.5), /uses 5\d\.\d % of a core, 1.0 % before$/],
    ['loses samples', (agent) => (agent.lost = 7), /has lost 7 samples, none before$/],
    ['falls silent', (agent) => (agent.isSilent = true), /has not answered for 3 s$/],
    ['goes back by itself', (agent) => agent.become('0.1.0'), /runs 0.1.0 again$/],
  ])('is stopped when an agent %s, and taken back', async (_, change, reason) => {
    const agents = await rollouts.enroll('a', 'b', 'c');
    for (const agent of agents)
      agent.whenOrdered = (one, version) => {
        one.become(version);
        setTimeout(() => change(one), 100);
      };
    const first = await firstOf(agents);
    const { service } = await rollouts.replica();
    await eventually(async () => expect((await service.get()).rollout?.status).toBe('stopped'));
    first.isSilent = false;
    const { rollout, agents: members } = await rollouts.ended(service);
    expect(rollout.reason).toMatch(reason);
    expect(rollout.reason?.startsWith(first.id)).toBe(true);
    expect(versions(agents)).toEqual(['0.1.0']);
    expect(members.map(({ state }) => state)).toEqual(['reverted', 'skipped', 'skipped']);
    expect(agents.filter(({ orders }) => orders.length > 0)).toEqual([first]);
    expect(rollouts.audited).toMatchObject([
      { type: 'rollout', action: 'stopped', target: '0.2.0', actor: { name: 'updates' } },
    ]);
  });

  it('is stopped when an agent is started again and again', async () => {
    const agents = await rollouts.enroll('a', 'b', 'c');
    let timer: NodeJS.Timeout | undefined;
    for (const agent of agents)
      agent.whenOrdered = (one, version) => {
        one.become(version);
        timer = setInterval(() => one.startAgain(), 90);
      };
    await firstOf(agents);
    const { service } = await rollouts.replica();
    const { rollout } = await rollouts.ended(service);
    clearInterval(timer);
    expect(rollout.reason).toMatch(/was started again 2 times while it was watched$/);
  });

  it.each<[string, (agent: FakeAgent) => void, RegExp]>([
    [
      'gives it up',
      (agent) => (agent.update = { state: 'failed', version: '0.2.0', error: 'the disk is full' }),
      /did not take version 0.2.0: the disk is full$/,
    ],
    [
      'never comes to an end with it',
      (agent) => (agent.update = { state: 'fetching', version: '0.2.0', error: null }),
      /still runs 0.1.0 after 4 s$/,
    ],
  ])('is stopped when an agent %s', async (_, change, reason) => {
    const agents = await rollouts.enroll('a', 'b', 'c');
    for (const agent of agents) agent.whenOrdered = change;
    const first = await firstOf(agents);
    const { service } = await rollouts.replica();
    await eventually(async () => expect((await service.get()).rollout?.reason).toMatch(reason));
    first.update = { state: 'failed', version: '0.2.0', error: 'x' };
    const { agents: members } = await rollouts.ended(service);
    expect(members.map(({ state }) => state)).toEqual(['reverted', 'skipped', 'skipped']);
    expect(first.orders).toEqual(['update 0.2.0']);
  });

  it.each([
    [1, 'completed', { healthy: 19, reverted: 1 }],
    [2, 'stopped', { healthy: 0, reverted: 20 }],
  ])('of whose last ring %d fare worse is %s', async (bad, status, counts) => {
    const agents = await rollouts.enroll(...ids(20));
    let ordered = 0;
    for (const agent of agents)
      agent.whenOrdered = (one, version) => {
        one.become(version);
        one.lost = ++ordered > 20 - bad ? 1 : 0;
      };
    const { service } = await rollouts.replica();
    await service.start(actor);
    const { rollout } = await rollouts.ended(service);
    expect(rollout).toMatchObject({ status, ring: 3, counts });
    expect(versions(agents).toSorted()).toEqual(status === 'stopped' ? ['0.1.0'] : ['0.1.0', '0.2.0']);
  });

  it('brings others forward where those of the first rings are silent, so that nobody is updated without a forerunner', async () => {
    const agents = await rollouts.enroll('a', 'b', 'c', 'd', 'e');
    const times: number[] = [];
    for (const agent of agents)
      agent.whenOrdered = (one, version) => {
        times.push(performance.now());
        one.become(version);
      };
    const { service } = await rollouts.replica({ paceMs: 400 });
    await service.start(actor);
    const planned = await eventually(async () => {
      const { agents: members } = await service.get();
      expect(members).toHaveLength(5);
      return members;
    });
    const early = planned.filter(({ ring }) => ring < 2).map(({ agentId }) => agentId);
    expect(early.length).toBeGreaterThan(0);
    for (const agent of agents) agent.isSilent = early.includes(agent.id);
    const { rollout } = await eventually(async () => {
      const found = await rollouts.ended(service);
      expect(found.rollout.status).toBe('completed');
      return found;
    }, 40_000);
    expect(rollout.counts).toMatchObject({ healthy: 5 - early.length, skipped: early.length });
    const [first = 0, second = 0] = times;
    expect(second - first).toBeGreaterThan(300);
  }, 60_000);

  it('is over when the server has another version meanwhile, and takes nothing back', async () => {
    const agents = await rollouts.enroll('a', 'b', 'c');
    const { service } = await rollouts.replica({ watchMs: 60_000 });
    await service.start(actor);
    await eventually(async () => expect((await service.get()).rollout?.counts.watched).toBe(1));
    await rollouts.put('0.3.0');
    const { rollout } = await rollouts.ended(service);
    expect(rollout).toMatchObject({ status: 'completed', reason: 'this server has version 0.3.0 now' });
    expect(agents.flatMap(({ orders }) => orders)).toEqual(['update 0.2.0']);
  });

  it('is stopped by a person, and taken back', async () => {
    const agents = await rollouts.enroll(...ids(20));
    const { service } = await rollouts.replica({ watchMs: 60_000 });
    await service.start(actor);
    await eventually(async () => expect((await service.get()).rollout?.counts.watched).toBe(1));
    await expect(service.start(actor)).rejects.toMatchObject({ code: 'UPDATE_IN_PROGRESS' });
    expect(await service.stop(actor)).toMatchObject({ status: 'stopped', reason: 'stopped by admin' });
    const { rollout } = await rollouts.ended(service);
    expect(rollout.counts).toMatchObject({ reverted: 1, skipped: 19, waiting: 0 });
    expect(versions(agents)).toEqual(['0.1.0']);
    await expect(service.stop(actor)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(rollouts.audited).toEqual([]);
  });

  it('that is stopped before anybody has heard of it leaves everybody alone', async () => {
    const agents = await rollouts.enroll('a', 'b');
    const { service } = await rollouts.replica({ paceMs: 500 });
    await service.start(actor);
    await service.stop(actor);
    const { rollout, agents: members } = await rollouts.ended(service);
    expect(rollout.status).toBe('stopped');
    expect(members).toEqual([]);
    expect(agents.flatMap(({ orders }) => orders)).toEqual([]);
  });

  it('says of whom it could not take back', async () => {
    const agents = await rollouts.enroll('a', 'b', 'c');
    for (const agent of agents)
      agent.whenOrdered = (one, version) => {
        one.become(version);
        one.isSilent = true;
      };
    const { service } = await rollouts.replica({ revertMs: 1000 });
    await service.start(actor);
    const { rollout, agents: members } = await rollouts.ended(service);
    expect(rollout).toMatchObject({ status: 'stopped', counts: { worse: 1 } });
    expect(members[0]?.reason).toMatch(/has not answered for 3 s; it did not answer 0 minutes after/);
  });

  it('goes on with another replica when the one that drives it is cut off', async () => {
    const agents = await rollouts.enroll(...ids(20));
    const first = await rollouts.replica({ watchMs: 3000 });
    await first.service.start(actor);
    await eventually(async () => expect((await first.service.get()).rollout?.counts.watched).toBe(1));
    const second = await rollouts.replica({ watchMs: 500 });
    await first.bus.onApplicationShutdown();
    await eventually(async () => expect((await second.service.get()).rollout?.status).toBe('completed'), 40_000);
    expect(versions(agents)).toEqual(['0.2.0']);
    expect(agents.filter(({ orders }) => orders.length !== 1)).toEqual([]);
  }, 60_000);

  it('wants a copy on this server that was signed and is what was signed', async () => {
    await rollouts.enroll('a');
    const { service } = await rollouts.replica();
    const refusal = expect.objectContaining({ code: 'UPDATE_NOT_AVAILABLE' }) as Error;
    expect((await service.get()).available).toBe('0.2.0');
    await rollouts.put('0.2.0', makeKeys().privateKey);
    expect(await service.get()).toEqual({ rollout: null, agents: [], available: null });
    await expect(service.start(actor)).rejects.toEqual(refusal);
    await rollouts.put('0.2.1', undefined, 'something else');
    await expect(service.start(actor)).rejects.toEqual(refusal);
    await rollouts.put('0.1.0');
    expect((await service.get()).available).toBe('0.1.0');
    await expect(service.start(actor)).rejects.toEqual(refusal);
    await rm(`${rollouts.file}.json`);
    expect((await service.get()).available).toBeNull();
  });

  it('begins by itself where that is wanted, and never again with what was stopped', async () => {
    const [agent] = await rollouts.enroll('a');
    if (!agent) throw new Error('no agent');
    agent.whenOrdered = (one) => (one.update = { state: 'failed', version: '0.2.0', error: 'x' });
    const { service } = await rollouts.replica({ auto: { afterMs: 100, everyMs: 100 } });
    const { rollout } = await eventually(async () => {
      const found = await rollouts.ended(service);
      expect(found.rollout.status).toBe('stopped');
      return found;
    });
    expect(rollout.startedBy).toBe('updates');
    expect(rollouts.audited.map(({ action }) => action)).toEqual(['started', 'stopped']);
    agent.whenOrdered = (one, version) => one.become(version);
    await rollouts.put('0.3.0');
    await eventually(() => expect(agent.version).toBe('0.3.0'));
    await eventually(async () => expect((await rollouts.ended(service)).rollout.status).toBe('completed'));
    agent.become('0.1.0');
    await rollouts.put('0.2.0');
    await eventually(async () => expect((await service.get()).available).toBe('0.2.0'));
    // A person may.
    expect(await service.start(actor)).toMatchObject({ version: '0.2.0', startedBy: 'admin' });
    expect((await rollouts.ended(service)).rollout.status).toBe('completed');
    expect(agent.orders).toEqual(['update 0.2.0', 'update 0.3.0', 'update 0.2.0']);
  });
});
