import { EventFeed } from '@lapwing/bus';
import {
  agentChanged,
  auditOccurred,
  agentConfigure,
  agentConfigured,
  agentCreate,
  agentDelete,
  agentGet,
  agentList,
  agentRevoke,
  agentSettingsGet,
  commandSubject,
  defaultLogSources,
  inquirySubject,
  processList,
  registrationApprove,
  registrationList,
  registrationReject,
  stateGet,
} from '@lapwing/contracts';
import { eventually, hostSample } from '@lapwing/testing';
import { Fleet, Host, actor } from './harness';

describe('fleet', () => {
  let fleet: Fleet;
  let feed: EventFeed<typeof agentChanged>;
  beforeAll(async () => {
    fleet = await Fleet.start();
    feed = new EventFeed(fleet.bus, agentChanged, ({ payload }) => fleet.changes.push(payload));
    feed.start();
  }, 60_000);
  afterAll(async () => {
    await feed.stop();
    await fleet.stop();
  });

  const get = (id: string) => fleet.bus.request(agentGet, { id });
  const approve = (id: string) => fleet.bus.request(registrationApprove, { actor, id });
  const waiting = async (): Promise<[string, string][]> =>
    (await fleet.bus.request(registrationList, {})).agents.map(({ id, status }) => [id, status]);
  /** Lets a host in and connects as it. */
  async function admit(id: string) {
    const host = new Host(id);
    await fleet.enroll(host);
    await approve(id);
    const { jwt } = await fleet.enroll(host);
    return { host, connection: await fleet.connect(host, jwt ?? '') };
  }

  it('lets a host wait, and in when it is approved; its credentials are for its own subjects', async () => {
    const host = new Host('web-1');
    expect(await fleet.enroll(host)).toMatchObject({ status: 'pending' });
    expect(await fleet.enroll(host)).toMatchObject({ status: 'pending' });
    expect(await waiting()).toContainEqual(['web-1', 'pending']);
    await expect(get('web-1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await approve('web-1')).toMatchObject({ id: 'web-1', status: 'offline', fingerprint: host.key.publicKey });
    expect(await waiting()).not.toContainEqual(['web-1', 'pending']);
    const { status, jwt } = await fleet.enroll(host);
    expect(status).toBe('approved');
    const connection = await fleet.connect(host, jwt ?? '');
    await expect(connection.request('req.fleet.agent.list.v1', '{}', { timeout: 500 })).rejects.toThrow(
      /ermission|timeout/i,
    );
    const answer = await connection.request(inquirySubject(agentSettingsGet, 'web-1'), '{}');
    expect(answer.json()).toMatchObject({ refreshInterval: 5 });
    await connection.close();
    await eventually(() =>
      expect(fleet.changes.filter(({ agentId }) => agentId === 'web-1').map(({ change }) => change)).toEqual(
        expect.arrayContaining(['requested', 'approved']),
      ),
    );
  });

  it.each([
    ['approve', registrationApprove],
    ['reject', registrationReject],
    ['revoke', agentRevoke],
    ['delete', agentDelete],
  ])('%s says so when there is nobody', async (_, contract) => {
    await expect(fleet.bus.request(contract, { actor, id: 'nobody' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('tells that one was approved before', async () => {
    const { connection } = await admit('twice-1');
    await expect(approve('twice-1')).rejects.toMatchObject({ code: 'ALREADY_APPROVED' });
    await connection.close();
  });

  it('rejects for an hour', async () => {
    const host = new Host('no-1');
    await fleet.enroll(host);
    await fleet.bus.request(registrationReject, { actor, id: 'no-1' });
    await expect(fleet.bus.request(registrationReject, { actor, id: 'no-1' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await fleet.enroll(host)).toEqual({ status: 'AGENT_REJECTED' });
  });

  it('believes nobody who does not hold the key, or whose clock is wrong', async () => {
    const [host, thief] = [new Host('key-1'), new Host('key-1')];
    expect(await fleet.enroll(thief, { publicKey: host.key.publicKey })).toEqual({ status: 'INVALID_INPUT' });
    expect(await fleet.enroll(host, { signature: thief.key.sign('x') })).toEqual({ status: 'INVALID_INPUT' });
    expect(await fleet.enroll(host, { time: Date.UTC(2099, 0, 1) })).toEqual({ status: 'CLOCK_SKEW' });
  });

  it('lets one in at once that an administrator has added, with its token, once', async () => {
    const { enrollmentToken: token, agent } = await fleet.bus.request(agentCreate, {
      actor,
      id: 'db.example.com',
      name: 'DB',
    });
    expect(agent).toMatchObject({ status: 'offline', lastSeenAt: null });
    await expect(fleet.bus.request(agentCreate, { actor, id: 'db.example.com', name: 'x' })).rejects.toMatchObject({
      code: 'AGENT_EXISTS',
    });
    const host = new Host('db.example.com');
    expect(await fleet.enroll(host, { token: 'let_wrong' })).toEqual({ status: 'ENROLLMENT_TOKEN_INVALID' });
    expect(await fleet.enroll(new Host('other-1'), { token })).toEqual({ status: 'ENROLLMENT_TOKEN_INVALID' });
    expect(await fleet.enroll(host, { token })).toMatchObject({ status: 'approved' });
    expect(await get('db.example.com')).toMatchObject({ name: 'DB', hostname: 'db.example.com.example.com' });
    // Whoever has copied the disk has the token, too: it is used up, and he is a copy that must be told.
    expect(await fleet.enroll(new Host('db.example.com'), { token })).toMatchObject({ status: 'quarantined' });
  });

  it('wants to know which is meant when several ask under one id', async () => {
    const [first, second] = [new Host('many-1'), new Host('many-1')];
    expect(await fleet.enroll(first)).toMatchObject({ status: 'pending' });
    expect(await fleet.enroll(second)).toMatchObject({ status: 'quarantined' });
    await expect(approve('many-1')).rejects.toMatchObject({
      code: 'AGENT_CLONE',
      details: { fingerprints: [first.key.publicKey, second.key.publicKey] },
    });
    const fingerprint = second.key.publicKey;
    const approved = await fleet.bus.request(registrationApprove, { actor, id: 'many-1', fingerprint });
    expect(approved.fingerprint).toBe(fingerprint);
    expect(await fleet.enroll(second)).toMatchObject({ status: 'approved' });
    expect(await fleet.enroll(first)).toMatchObject({ status: 'quarantined' });
    await fleet.bus.request(registrationReject, { actor, id: 'many-1', fingerprint: first.key.publicKey });
    expect(await fleet.enroll(first)).toEqual({ status: 'AGENT_REJECTED' });
    expect(await get('many-1')).toMatchObject({ fingerprint });
  });

  it('keeps no more than a few who ask under one id, however many there are', async () => {
    const asked = await Promise.all(Array.from({ length: 12 }, () => fleet.enroll(new Host('crowd-1'))));
    const count = (of: string): number => asked.filter(({ status }) => status === of).length;
    expect([count('pending'), count('quarantined'), count('RATE_LIMITED')]).toEqual([1, 4, 7]);
  });

  it('takes no key that is another agent’s', async () => {
    const { host, connection } = await admit('own-1');
    const other = new Host('own-2');
    other.key = host.key;
    await fleet.enroll(other);
    await expect(approve('own-2')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await fleet.bus.request(agentRevoke, { actor, id: 'own-1' });
    await eventually(() => expect(connection.isClosed()).toBe(true));
  });

  it('lets in nobody under the id of one that was revoked, though he asked before', async () => {
    const { enrollmentToken: token } = await fleet.bus.request(agentCreate, { actor, id: 'rev-1', name: 'x' });
    const [stranger, host] = [new Host('rev-1'), new Host('rev-1')];
    expect(await fleet.enroll(stranger)).toMatchObject({ status: 'pending' });
    expect(await fleet.enroll(host, { token })).toMatchObject({ status: 'approved' });
    expect(await waiting()).toContainEqual(['rev-1', 'quarantined']);
    await fleet.bus.request(agentRevoke, { actor, id: 'rev-1' });
    const fingerprint = stranger.key.publicKey;
    await expect(fleet.bus.request(registrationApprove, { actor, id: 'rev-1', fingerprint })).rejects.toMatchObject({
      code: 'AGENT_REVOKED',
    });
    expect(await fleet.enroll(stranger)).toEqual({ status: 'AGENT_REVOKED' });
  });

  it('leaves in the audit trail who came in without an approval', async () => {
    const { enrollmentToken: token } = await fleet.bus.request(agentCreate, { actor, id: 'trail-1', name: 'x' });
    await fleet.enroll(new Host('trail-1'), { token });
    const { manager } = fleet.store.connection.link();
    const { state } = await manager.streams.info('EVENTS', { subjects_filter: `${auditOccurred.name}.*` });
    expect(Object.keys(state.subjects ?? {})).toEqual([`${auditOccurred.name}.fleet`]);
  });

  it('puts a second machine of the same id into quarantine, and never merges it', async () => {
    const { connection } = await admit('clone-1');
    const copy = new Host('clone-1', 'cd'.repeat(32));
    expect(await fleet.enroll(copy)).toMatchObject({ status: 'quarantined' });
    expect(await waiting()).toContainEqual(['clone-1', 'quarantined']);
    await expect(approve('clone-1')).rejects.toMatchObject({ code: 'AGENT_CLONE' });
    expect(connection.isClosed()).toBe(false);
    await eventually(() =>
      expect(fleet.changes).toContainEqual(expect.objectContaining({ agentId: 'clone-1', change: 'quarantined' })),
    );
    await fleet.bus.request(agentDelete, { actor, id: 'clone-1' });
    await eventually(() => expect(connection.isClosed()).toBe(true));
    expect(await fleet.enroll(copy)).toMatchObject({ status: 'pending' });
    expect(await approve('clone-1')).toMatchObject({ fingerprint: copy.key.publicKey });
  });

  it('shuts out both when one identity runs on two machines at once, until one is approved again', async () => {
    const { host, connection } = await admit('twin-1');
    const { jwt } = await fleet.enroll(host);
    const twin = await fleet.connect(host, jwt ?? '');
    for (const [who, instance] of [
      [connection, 'aaaaaaaa'],
      [twin, 'bbbbbbbb'],
      [connection, 'aaaaaaaa'],
    ] as const) {
      fleet.report(who, 'twin-1', instance);
      await who.flush();
    }
    await eventually(async () => expect(await get('twin-1')).toMatchObject({ status: 'quarantined' }));
    await eventually(() => expect([connection.isClosed(), twin.isClosed()]).toEqual([true, true]), 5000);
    expect(await fleet.enroll(host)).toMatchObject({ status: 'quarantined' });
    await approve('twin-1');
    const back = await fleet.enroll(host);
    expect(back.status).toBe('approved');
    await (await fleet.connect(host, back.jwt ?? '')).close();
  });

  it('revokes: the connection is gone within five seconds, and nothing that it says counts any more', async () => {
    const { host, connection } = await admit('gone-1');
    const { jwt } = await fleet.enroll(host);
    fleet.sample(connection, 'gone-1', hostSample(1, Date.now()));
    await eventually(async () => expect(await get('gone-1')).toMatchObject({ status: 'online' }));
    const asked = performance.now();
    expect(await fleet.bus.request(agentRevoke, { actor, id: 'gone-1' })).toMatchObject({ status: 'revoked' });
    await eventually(() => expect(connection.isClosed()).toBe(true));
    expect(performance.now() - asked).toBeLessThan(5000);
    expect(await fleet.bus.request(agentRevoke, { actor, id: 'gone-1' })).toMatchObject({ status: 'revoked' });
    await expect(fleet.connect(host, jwt ?? '')).rejects.toThrow('Authorization Violation');
    expect(await fleet.enroll(host)).toEqual({ status: 'AGENT_REVOKED' });
    host.key = new Host('gone-1').key;
    expect(await fleet.enroll(host)).toEqual({ status: 'AGENT_REVOKED' });
  });

  it('knows whether agents report, keeps their last figures, and tells changes', async () => {
    const { connection } = await admit('beat-1');
    fleet.report(connection, 'beat-1', 'aaaaaaaa', 1);
    fleet.sample(connection, 'beat-1', hostSample(1, Date.now()));
    await eventually(async () =>
      expect(await get('beat-1')).toMatchObject({ status: 'online', running: { refreshInterval: 1 } }),
    );
    await eventually(async () => expect((await get('beat-1')).status).toBe('stale'));
    await eventually(async () => expect((await get('beat-1')).status).toBe('offline'));
    const { hosts } = await fleet.bus.request(stateGet, { after: 'beat-0' });
    expect(hosts[0]).toMatchObject({ agent: { id: 'beat-1', status: 'offline' }, sample: { seq: 1 } });
    await eventually(() =>
      expect(
        fleet.changes
          .filter(({ agentId, change }) => agentId === 'beat-1' && change === 'status')
          .map(({ status }) => status),
      ).toEqual(['stale', 'offline']),
    );
    await connection.close();
  });

  it('gives an agent its settings, tells it when they change, and the system’s where nothing else is set', async () => {
    const { connection } = await admit('set-1');
    const told: unknown[] = [];
    connection.subscribe(`${agentConfigured.name}.set-1`, { callback: (_, message) => void told.push(message.json()) });
    await connection.flush();
    const override = { refreshInterval: 2, sources: ['cpu' as const, 'memory' as const] };
    expect(await fleet.bus.request(agentConfigure, { actor, id: 'set-1', override })).toMatchObject({ override });
    await eventually(() => expect(told).toEqual([{ ...override, logSources: defaultLogSources }]));
    await fleet.bus.request(agentConfigure, { actor, id: 'set-1', override: { sources: null } });
    const answer = await connection.request(inquirySubject(agentSettingsGet, 'set-1'), '{}');
    expect(answer.json<{ sources: string[] }>()).toMatchObject({ refreshInterval: 2 });
    expect(answer.json<{ sources: string[] }>().sources).toHaveLength(10);
    await connection.close();
  });

  it('passes commands on to agents, which alone can answer them', async () => {
    const { connection } = await admit('cmd-1');
    connection.subscribe(commandSubject(processList, 'cmd-1'), {
      callback: (_, message) => void message.respond(JSON.stringify({ processes: [], total: 7 })),
    });
    await connection.flush();
    expect(await fleet.bus.command(processList, 'cmd-1', {})).toEqual({ processes: [], total: 7 });
    await connection.close();
  });

  it('knows all again after a restart, and calls nobody offline for two intervals', async () => {
    const { connection } = await admit('again-1');
    fleet.report(connection, 'again-1', 'aaaaaaaa', 2);
    fleet.sample(connection, 'again-1', hostSample(1, Date.now()));
    await eventually(async () => expect(await get('again-1')).toMatchObject({ running: { refreshInterval: 2 } }));
    const revoked = await fleet.bus.request(agentRevoke, { actor, id: 'twice-1' });
    await fleet.end();
    await new Promise((resolve) => setTimeout(resolve, 8000)); // three intervals pass while nobody listens
    const startedAt = Date.now();
    await fleet.run();
    const seen: [string, number][] = [];
    await eventually(async () => {
      const { status } = await get('again-1');
      seen.push([status, Date.now() - startedAt]);
      expect(status).toBe('offline');
    });
    expect(seen.filter(([status, after]) => status === 'offline' && after < 4000)).toEqual([]);
    const { agents } = await fleet.bus.request(agentList, {});
    expect(agents.find(({ id }) => id === 'twice-1')).toMatchObject({
      status: 'revoked',
      fingerprint: revoked.fingerprint,
    });
    const { hosts } = await fleet.bus.request(stateGet, { after: 'again-0' });
    expect(hosts[0]).toMatchObject({ agent: { id: 'again-1' }, sample: { seq: 1 } });
    await connection.close();
  }, 60_000);
});
