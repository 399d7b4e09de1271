import {
  deliveryGet,
  hostSampled,
  latestSampleGet,
  ledgerGet,
  samplesStored,
  type PayloadOf,
  type SeqRange,
} from '@lapwing/contracts';
import { databaseKinds, eventually, hostFigures, hostSample } from '@lapwing/testing';
import { connect } from '@nats-io/transport-node';
import { Harness } from './harness';

const HOUR = 3_600_000;

describe.each(databaseKinds())('storing samples on %s', (kind) => {
  let store: Harness;
  let now: number;

  beforeEach(async () => {
    store = await Harness.start(kind);
    now = Date.now();
  });
  afterEach(() => store.stop());

  const ledger = (agentId = 'web-1') =>
    store.bus.request(ledgerGet, { agentId, from: now - 240 * HOUR, to: now + HOUR });
  const total = async (
    field: 'stored' | 'backfilled' | 'quarantined' | 'lost' | 'pending' | 'taken',
  ): Promise<number> => (await ledger()).hours.reduce((sum, hour) => sum + hour[field], 0);

  it('keeps each sample once, however often it comes', async () => {
    const samples = [1, 2, 3].map((seq) => hostSample(seq, now - 10_000 + seq * 1000));
    for (let time = 0; time < 3; time++) await store.send(samples);
    await store.send([...samples, hostSample(4, now)]);
    await store.until('metrics.host_sample', 4);
    expect(await store.rows('SELECT seq FROM metrics.host_sample ORDER BY seq')).toEqual(
      [1, 2, 3, 4].map((seq) => ({ seq })),
    );
    expect(await store.count('metrics.interface_sample')).toBe(4);
    expect(await store.count('metrics.disk_sample')).toBe(4);
    expect([await total('stored'), await total('taken'), await total('pending')]).toEqual([4, 4, 0]);
  });

  it('keeps the time at which samples were taken, and counts what came late', async () => {
    const times = [now - 3 * HOUR, now - 2 * HOUR, now];
    await store.send(times.map((time, index) => hostSample(index + 1, time)));
    await store.until('metrics.host_sample', 3);
    expect(await store.rows('SELECT time FROM metrics.host_sample ORDER BY time')).toEqual(
      times.map((time) => ({ time })),
    );
    expect([await total('stored'), await total('backfilled')]).toEqual([3, 2]);
  });

  it('tells the collector what is safe, after the commit', async () => {
    const heard: SeqRange[] = [];
    store.bus.listen(samplesStored, 'web-1', ({ ranges }) => heard.push(...ranges));
    await store.send([1, 2, 3, 7].map((seq) => hostSample(seq, now - seq * 1000)));
    await eventually(() =>
      expect(heard).toEqual([
        [1, 3],
        [7, 7],
      ]),
    );
    expect(await store.count('metrics.host_sample')).toBe(4);
  });

  it('tells the collector which gaps are noted, each once', async () => {
    const heard: PayloadOf<typeof samplesStored>[] = [];
    store.bus.listen(samplesStored, 'web-1', (news) => heard.push(news));
    const gap = { from: now - 60_000, to: now - 30_000, cause: 'collector_killed' as const, lost: null };
    await store.send([hostSample(1, now - 2000)], { gaps: [gap, gap] });
    await eventually(() => expect(heard.at(-1)?.gaps).toEqual([gap]));
    await store.send([hostSample(2, now)]);
    await eventually(() => expect(heard.at(-1)?.ranges).toEqual([[2, 2]]));
    expect(heard.at(-1)?.gaps).toBeUndefined();
    expect((await ledger()).gaps).toEqual([gap]);
  });

  it('answers what became of samples', async () => {
    await store.send([1, 2, 5].map((seq) => hostSample(seq, now - seq * 1000)));
    const wild = await store.send([hostSample(6, now + 9 * HOUR)]);
    const question = {
      outbox: '0a1b2c3d4e5f',
      seqs: [1, 9] as SeqRange,
      from: now - HOUR,
      to: now + 10 * HOUR,
    };
    await eventually(async () =>
      expect(await store.bus.inquire(deliveryGet, 'web-1', question)).toEqual({
        stored: [
          [1, 2],
          [5, 6],
        ],
        handledUpTo: wild.position,
        streamEnd: wild.position,
      }),
    );
  });

  it.each([
    ['ahead', 301_000, 'clock_ahead'],
    ['behind', -6 * 24 * HOUR - 60_000, 'clock_behind'],
  ])('puts a sample aside whose clock is far %s, and keeps the others', async (_, offset, reason) => {
    await store.send([hostSample(1, now), hostSample(2, now + offset), hostSample(3, now - 1000)]);
    await store.send([hostSample(2, now + offset)]);
    await store.until('metrics.host_sample', 2);
    expect(await store.rows('SELECT seq, reason FROM metrics.quarantined_sample')).toEqual([{ seq: 2, reason }]);
    await eventually(async () =>
      expect([await total('stored'), await total('quarantined'), await total('pending')]).toEqual([2, 1, 0]),
    );
  });

  it('keeps the books: gaps with their cause, what was lost, and what is still missing', async () => {
    const gap = { from: now - 600_000, to: now - 60_000, cause: 'outbox_full' as const, lost: [3, 5] as SeqRange };
    await store.send([hostSample(1, now - 660_000), hostSample(2, now - 630_000)], { gaps: [gap] });
    await store.send([hostSample(6, now - 30_000), hostSample(8, now)], { gaps: [gap] });
    await store.until('metrics.host_sample', 4);
    const { gaps, hours } = await ledger();
    expect(gaps).toEqual([gap]);
    const sum = (field: 'taken' | 'stored' | 'lost' | 'pending') => hours.reduce((all, hour) => all + hour[field], 0);
    expect([sum('stored'), sum('lost')]).toEqual([4, 3]);
    // Number 7 is missing, unless the hour changed between 6 and 8: then no hour knows of it yet.
    expect(sum('taken')).toBe(sum('stored') + sum('lost') + sum('pending'));
  });

  it('lets a gap grow when the collector ended again before it took a sample', async () => {
    const gap = { from: now - 600_000, to: now - 500_000, cause: 'collector_stopped' as const, lost: null };
    const longer = { ...gap, to: now - 60_000 };
    await store.send([hostSample(1, now - 600_000)], { gaps: [gap] });
    await store.send([hostSample(2, now - 30_000)], { gaps: [gap, longer] });
    await store.send([hostSample(3, now)], { gaps: [gap] });
    await store.until('metrics.host_sample', 3);
    expect((await ledger()).gaps).toEqual([longer]);
  });

  it('knows the newest sample of a host, whole', async () => {
    await store.send([hostSample(2, now)]);
    await store.send([hostSample(1, now - 60_000)]);
    await store.until('metrics.host_sample', 2);
    expect(await store.bus.request(latestSampleGet, { agentId: 'web-1' })).toEqual({
      agentId: 'web-1',
      sample: hostSample(2, now),
    });
    expect(await store.bus.request(latestSampleGet, { agentId: 'nobody' })).toBeNull();
    await expect(ledger('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('stores many hosts at once, and what came while it was stopped', async () => {
    await store.send([hostSample(1, now)]);
    await store.until('metrics.host_sample', 1);
    await store.suspend();
    const agents = Array.from({ length: 40 }, (_, index) => `web-${index + 1}`);
    await Promise.all(
      agents.map((agentId) =>
        store.send(
          [1, 2, 3].map((seq) => hostSample(seq, now + seq * 1000)),
          { agentId },
        ),
      ),
    );
    await store.resume();
    await store.until('metrics.host_sample', 121);
    expect(await store.count('metrics.last_sample')).toBe(40);
  });

  it('stores what is odd but allowed: strange names, huge figures, the same mount twice', async () => {
    const mount = (mountpoint: string) => ({
      device: 'd',
      mountpoint,
      fstype: 'x',
      total: 1e300,
      used: 1e300,
      free: 0,
    });
    const mounts = ['/a\0b', '/a\ud800', '😀'.repeat(512), '/twice', '/twice'].map(mount);
    const sensors = [{ name: '\0', value: 1e12, high: null, critical: null }];
    const system = { ...hostFigures().system, hostname: 'a\0\ud800b', uptime: Number.MAX_SAFE_INTEGER };
    const odd = hostSample(1, now, { disk: { mounts, io: [] }, temperature: { sensors }, system });
    await store.send([odd, hostSample(2, now + 1000)]);
    await store.until('metrics.host_sample', 2);
    await store.until('metrics.disk_sample', 5);
  });

  it('does not believe a message that speaks about another agent than its subject', async () => {
    const batch = { agentId: 'web-1', outbox: '0a1b2c3d4e5f', samples: [hostSample(1, now)] };
    await store.bus.publish(hostSampled, 'web-2', batch);
    await store.send([hostSample(2, now)]);
    await store.until('metrics.host_sample', 1);
    expect(await store.rows('SELECT seq FROM metrics.host_sample')).toEqual([{ seq: 2 }]);
  });

  it('handles the next message after one that is malformed', async () => {
    const raw = await connect({ servers: store.nats.url });
    raw.publish('evt.host.sampled.v1.web-1', '{"agentId":"web-1","outbox":"0a1b2c3d4e5f","samples":[{"seq":1}]}');
    await raw.drain();
    await store.send([hostSample(2, now)]);
    await store.until('metrics.host_sample', 1);
  });

  it('stores all of it once when the database cuts its connections again and again', async () => {
    for (let seq = 1; seq <= 60; seq++) {
      await store.send([hostSample(seq, now + seq)]);
      if (seq % 10 === 0)
        await store.rows(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'lapwing-metrics-store'`,
        );
    }
    await store.until('metrics.host_sample', 60);
    await eventually(async () => expect(await total('stored')).toBe(60));
  });
});
