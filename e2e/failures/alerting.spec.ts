import { eventually, hostFigures } from '@lapwing/testing';
import { setTimeout as pause } from 'node:timers/promises';
import { AlertingReplicas, countTold } from '../src/alerting';

const SEED = Number(process.env['LAPWING_TEST_SEED'] ?? 1);
const SECOND = 1000;
const KILLS = 6;
/** Messages to one channel that one process sends at a time. */
const SENT_AT_ONCE = 24;

/** Numbers from 0 to 1 that are the same for the same seed: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Each alert is a message of its own, at once. */
const eachAlone = {
  timeThresholds: { host: 0, node: 0, guest: 0, storage: 0, pbs: 0 },
  aggregation: { enabled: false },
  schedule: { cooldown: 0, maxAlertsHour: 0 },
  flapping: { enabled: false },
};

const hosts = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${prefix}-${at}`);

describe('alerting in two processes', () => {
  let alerting: AlertingReplicas;
  const random = randomOf(SEED);
  const shuffled = (names: string[]): string[] =>
    names
      .map((name) => [random(), name] as const)
      .toSorted(([one], [other]) => one - other)
      .map(([, name]) => name);

  beforeAll(async () => {
    alerting = await AlertingReplicas.start(2);
  }, 120_000);
  afterAll(() => alerting.stop(), 60_000);
  beforeEach(() => void alerting.told.splice(0));

  /** Lets hosts breach one after the other, evenly over a time. */
  async function storm(names: string[], lengthMs: number, totalUsage: number): Promise<void> {
    const begunAt = performance.now();
    for (const [at, name] of shuffled(names).entries()) {
      await pause(Math.max(0, begunAt + (lengthMs * at) / names.length - performance.now()));
      await alerting.cpu(name, totalUsage);
    }
  }

  /** Waits until so many alerts were told and everything that was decided has been sent. */
  async function allTold(event: string, alerts: number): Promise<ReturnType<typeof countTold>> {
    await eventually(async () => {
      expect(countTold(alerting.told, event).alerts).toBe(alerts);
      expect(Object.keys(await alerting.ledger())).toEqual(['sent']);
    }, 60_000);
    return countTold(alerting.told, event);
  }

  it(`tells each of 1,000 alerts while its processes are killed ${KILLS} times`, async () => {
    await alerting.configure(eachAlone);
    const names = shuffled(hosts('stormy', 1000));
    const perKill = Math.ceil(names.length / KILLS);
    for (let kill = 0; kill < KILLS; kill++) {
      const burst = names.slice(kill * perKill, (kill + 1) * perKill);
      const breaching = Promise.all(burst.map((name) => alerting.cpu(name, 90)));
      // While they are judged, routed, told or sent, whatever it hits.
      await pause(1.5 * SECOND * random());
      const victim = Math.floor(2 * random());
      await alerting.kill(victim);
      await breaching;
      alerting.run(victim);
      await pause(8 * SECOND * random());
    }
    const told = await allTold('firing', names.length);
    const ledger = await alerting.ledger();
    process.stdout.write(`\nseed ${SEED}, ${KILLS} kills: ${JSON.stringify({ ...told, ledger })}\n`);
    expect(told.toldAgain).toBe(0);
    // What a channel is being sent when its process dies may be sent again, under the same id; mostly that is none or one.
    expect(told.sentAgain).toBeLessThanOrEqual(KILLS * SENT_AT_ONCE);
    expect(ledger).toEqual({ sent: names.length });
    expect(await alerting.open()).toBe(names.length);
  }, 150_000);

  it('tells of 10,000 resources that breach at once in one message', async () => {
    await alerting.divided(2);
    // However busy the machine is, all have breached by then; how soon it can be is measured in bench (k).
    await alerting.configure({
      ...eachAlone,
      aggregation: { enabled: true, windowSeconds: 10, byNode: false, byGuest: false },
    });
    const begunAt = Date.now();
    await breach('wide', 10_000);
    await eventually(() => expect(alerting.told.length).toBeGreaterThan(0), 60_000);
    const afterMs = (alerting.told[0]?.at ?? 0) - begunAt;
    await settled();
    process.stdout.write(`\n10,000 at once, one group: ${alerting.told.length} messages, after ${afterMs} ms\n`);
    expect(alerting.told.map(({ count }) => count)).toEqual([10_000]);
  }, 150_000);

  it('tells of 10,000 resources that breach at once in one message for each host', async () => {
    await alerting.configure({
      ...eachAlone,
      aggregation: { enabled: true, windowSeconds: 10, byNode: true, byGuest: false },
    });
    const begunAt = Date.now();
    const count = await breach('deep', 10_000);
    await eventually(() => expect(alerting.told.length).toBe(count), 60_000);
    const [firstMs = 0, lastMs = 0] = [alerting.told[0], alerting.told.at(-1)].map((one) => (one?.at ?? 0) - begunAt);
    await settled();
    process.stdout.write(
      `\n10,000 at once, ${count} groups: ${alerting.told.length} messages, after ${firstMs} to ${lastMs} ms\n`,
    );
    expect(alerting.told).toHaveLength(count);
    expect(alerting.told.reduce((sum, message) => sum + message.count, 0)).toBe(10_000);
  }, 150_000);

  it('loses nothing while PostgreSQL is paused and NATS is started again', async () => {
    await alerting.configure(eachAlone);
    const before = await alerting.open();
    const names = hosts('steady', 300);
    const storming = storm(names, 30 * SECOND, 90);
    await pause((3 + 2 * random()) * SECOND);
    await alerting.postgres.pause();
    await pause(10 * SECOND);
    await alerting.postgres.resume();
    await pause(3 * SECOND);
    await alerting.nats.kill();
    await pause(2 * SECOND);
    await alerting.nats.run();
    await storming;
    const told = await allTold('firing', names.length);
    process.stdout.write(`\nPostgreSQL paused, NATS restarted: ${JSON.stringify(told)}\n`);
    expect(told).toEqual({ alerts: names.length, messages: names.length, sentAgain: 0, toldAgain: 0 });
    expect(await alerting.open()).toBe(before + names.length);
    await Promise.all(names.map((name) => alerting.cpu(name, 10)));
    await allTold('resolved', names.length);
    expect(await alerting.open()).toBe(before);
    expect(alerting.dead()).toEqual([]);
  }, 120_000);

  /** So many file systems become full, 63 a host. Returns how many hosts those are. */
  async function breach(prefix: string, count: number): Promise<number> {
    const perHost = 63;
    const names = hosts(prefix, Math.ceil(count / perHost));
    await Promise.all(
      names.map((name, at) => {
        const mounts = Array.from({ length: Math.min(perHost, count - at * perHost) }, (_, number) => ({
          device: `/dev/sd${number}`,
          mountpoint: `/data/${number}`,
          fstype: 'ext4',
          total: 100,
          used: 85,
          free: 15,
        }));
        return alerting.sample(name, { disk: { ...hostFigures().disk, mounts } });
      }),
    );
    return names.length;
  }

  /** Waits until nothing is left to be told. */
  async function settled(): Promise<void> {
    await eventually(async () => {
      const [left] = await alerting.postgres.rows<{ n: string }>(
        'SELECT (SELECT count(*) FROM alerting.notice) + (SELECT count(*) FROM alerting.change WHERE NOT routed) AS n',
      );
      expect(Number(left?.n)).toBe(0);
      expect(Object.keys(await alerting.ledger())).toEqual(['sent']);
    });
  }
});
