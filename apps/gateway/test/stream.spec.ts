import { eventually, hostSample } from '@lapwing/testing';
import { connect } from 'node:net';
import { ADMIN_TOKEN, Follower, Harness } from './harness';

describe('the live stream', () => {
  let gateway: Harness;
  const followers: Follower[] = [];
  const follow = async (path = '', headers: Record<string, string> = {}): Promise<Follower> => {
    const follower = await Follower.open(`${gateway.url}/api/v1/stream${path}`, {
      authorization: `Bearer ${ADMIN_TOKEN}`,
      ...headers,
    });
    followers.push(follower);
    return follower;
  };
  const sample = (seq: number, agentId = 'web-1') => gateway.sample(hostSample(seq, Date.now() + seq), agentId);

  beforeEach(async () => {
    gateway = await Harness.start();
  });
  afterEach(async () => {
    for (const follower of followers.splice(0)) follower.close();
    await gateway.stop();
  });

  it('begins with the newest of each host, then sends each sample once', async () => {
    await sample(1);
    await sample(2);
    await sample(1, 'web-2');
    await eventually(async () =>
      expect((await gateway.get('/api/v1/system/resources?agent_id=web-2')).status).toBe(200),
    );
    const all = await follow();
    const one = await follow('?agent_id=web-2');
    await eventually(() =>
      expect(all.events.map(({ data }) => `${data.agent_id}:${data.seq}`).toSorted()).toEqual(['web-1:2', 'web-2:1']),
    );
    await sample(3);
    await sample(2, 'web-2');
    await eventually(() => expect(all.seqs()).toHaveLength(4));
    await eventually(() => expect(one.seqs()).toEqual([1, 2]));
    expect(all.events.every(({ event, id }) => event === 'metrics' && /^\d+-\d+$/.test(id))).toBe(true);
    expect(one.events[0]?.data).toMatchObject({ agent_id: 'web-2', stale: [], cpu: { totalUsage: 16 } });
  });

  it('resumes after Last-Event-ID without a gap, also over a restart of NATS', async () => {
    const first = await follow();
    for (let seq = 1; seq <= 5; seq++) await sample(seq);
    await eventually(() => expect(first.seqs()).toEqual([1, 2, 3, 4, 5]));
    const id = first.events[1]?.id ?? '';
    first.close();
    await gateway.nats.kill();
    await gateway.nats.run();
    await eventually(() => sample(6));
    // As a browser does: while the gateway has no NATS yet, the stream ends with an error, and is opened again.
    const second = await eventually(async () => {
      const follower = await follow('', { 'last-event-id': id });
      await eventually(() => follower.ended || follower.events.length >= 4);
      expect(follower.seqs()).toEqual([3, 4, 5, 6]);
      return follower;
    });
    await eventually(() => sample(7));
    await eventually(() => expect(second.seqs()).toEqual([3, 4, 5, 6, 7]));
  });

  it('resumes while samples keep coming: none is missing, none comes twice', async () => {
    const first = await follow();
    await sample(1);
    await eventually(() => expect(first.events).toHaveLength(1));
    const id = first.events[0]?.id ?? '';
    for (let seq = 2; seq <= 200; seq++) await sample(seq);
    const sending = (async () => {
      for (let seq = 201; seq <= 400; seq++) await sample(seq);
    })();
    const second = await follow('', { 'last-event-id': id });
    await sending;
    await eventually(() => expect(second.seqs()).toHaveLength(399));
    expect(second.seqs()).toEqual(Array.from({ length: 399 }, (_, index) => index + 2));
  });

  it('resumes in the middle of a message of many samples', async () => {
    const now = Date.now();
    const first = await follow();
    const { hostSampled } = await import('@lapwing/contracts');
    const samples = [1, 2, 3, 4].map((seq) => hostSample(seq, now - 4000 + seq));
    await gateway.bus.publish(hostSampled, 'web-1', { agentId: 'web-1', outbox: '0a1b2c3d4e5f', samples });
    await eventually(() => expect(first.seqs()).toEqual([1, 2, 3, 4]));
    const second = await follow('', { 'last-event-id': first.events[1]?.id ?? '' });
    await eventually(() => expect(second.seqs()).toEqual([3, 4]));
  });

  it('says so when it can not give back everything', async () => {
    await sample(1);
    const { position } = await sample(2);
    const follower = await follow('', { 'last-event-id': `${position + 1000}-0` });
    await eventually(() => expect(follower.events.map(({ event }) => event)).toContain('gap'));
  });

  it.each(['nonsense', '-1', '1-', "1' OR 1"])('refuses "%s" as Last-Event-ID', async (id) => {
    expect(
      await gateway.get('/api/v1/stream', { authorization: `Bearer ${ADMIN_TOKEN}`, 'last-event-id': id }),
    ).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('Last-Event-ID') as string },
    });
  });

  it('refuses an agent that was never heard', async () => {
    expect((await gateway.get('/api/v1/stream?agent_id=nobody')).status).toBe(404);
  });

  it('drops a client that reads too slowly, and tells it; others go on', async () => {
    const quick = await follow();
    const { hostname, port } = new URL(gateway.url);
    const slow = connect(Number(port), hostname).pause();
    slow.write(`GET /api/v1/stream HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`);
    const fat = {
      services: Array.from({ length: 1500 }, (_, index) => ({
        name: `service-${index}.service`,
        state: 'active',
        subState: 'running',
      })),
      available: true,
    };
    const count = 120;
    for (let seq = 1; seq <= count; seq++) await gateway.sample(hostSample(seq, Date.now() + seq, { systemd: fat }));
    await eventually(() => expect(quick.seqs()).toHaveLength(count));
    let text = '';
    slow.on('data', (chunk) => (text = (text + chunk.toString()).slice(-500)));
    slow.resume();
    await eventually(() => expect(text).toContain('event: dropped'));
    slow.destroy();
  });
});
