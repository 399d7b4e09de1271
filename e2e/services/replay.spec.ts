import { AlertConfig, alertReplay, replayMetrics, type OutputOf, type QuestionOf } from '@lapwing/contracts';
import { Migrations, Postgres } from '@lapwing/postgres';
import { createDatabase, databaseKinds, eventually } from '@lapwing/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Engine } from '../../apps/alerting/src/domain/engine';
import { mergeConfig } from '../../apps/alerting/src/domain/merge-config';
import { ReplayedMessages } from '../../apps/alerting/src/domain/replay-messages';
import {
  Timeline,
  replayedResource,
  type ReplayedAlert,
  type ReplayedChange,
} from '../../apps/alerting/src/domain/replay';
import { Alerting } from '../../apps/alerting/test/harness';
import { loadConfig } from '../../apps/metrics-store/src/config';
import { MetricsStoreModule } from '../../apps/metrics-store/src/metrics-store.module';
import { MaintenanceStore } from '../../apps/metrics-store/src/store/maintenance.store';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A sample, in hundredths; null is what the host does not have. */
interface Sample {
  host: number;
  time: number;
  values: (number | null)[];
}

/** Numbers that look random, the same for the same seed (a linear congruence). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** How a figure behaves for some hours: around what, and how far from it. */
const moods: [around: number, width: number][] = [
  [40, 10],
  [40, 10],
  [77.5, 2],
  [80, 12],
  [85, 4],
  [92, 2],
  [93, 5],
  [97, 1.5],
];

/** The least and greatest of each minute of a figure: quiet hours, spikes, hours in breach. */
function* figure(next: () => number): Generator<[low: number, high: number]> {
  for (;;) {
    const [around, width] = moods[Math.floor(next() * moods.length)] ?? [40, 10];
    const minutes = Math.floor(30 + 400 * next() ** 2);
    for (let minute = 0; minute < minutes; minute++) {
      const ends = [around + width * (next() - 0.5), around + width * (next() - 0.5)];
      if (next() < 0.002) ends.push(99.5);
      yield [Math.round(Math.min(...ends) * 100), Math.round(Math.min(100, Math.max(...ends)) * 100)];
    }
  }
}

/** Two samples a minute, the greatest and the least, with holes. */
function samplesOf(host: number, from: number, minutes: number): Sample[] {
  const next = random(host);
  const figures = replayMetrics.map(() => figure(next));
  const samples: Sample[] = [];
  for (let minute = 0; minute < minutes; minute++) {
    const ends = figures.map((one) => one.next().value as [number, number]);
    const known = (end: 0 | 1) => ends.map((pair, index) => (host % 5 === 0 && index === 3 ? null : pair[end]));
    const time = from + minute * MINUTE;
    samples.push({ host, time, values: known(1) }, { host, time: time + 59_000, values: known(0) });
    if (next() < 0.01) minute += Math.floor(next() < 0.1 ? 200 * next() : 9 * next());
  }
  return samples;
}

const nameOf = (host: number): string => `web-${String(host).padStart(2, '0')}`;

/** What the live engine makes of the same samples, as a replay tells it. */
function live(config: AlertConfig, samples: readonly Sample[]): ReplayedChange[] {
  const engine = new Engine(config);
  const open = new Map<string, ReplayedAlert>();
  return samples.flatMap(({ host, time, values }) => {
    const readings = replayMetrics.map((signal, index) => {
      const value = values[index] ?? null;
      return { resource: replayedResource(nameOf(host), signal), signal, value: value === null ? null : value / 100 };
    });
    return engine.look({ scope: `host:${host}`, time, readings }).map(({ kind, at, level, ...change }) => {
      const { alertId: id, resource, signal, startedAt } = change;
      const known = kind === 'fired' ? undefined : open.get(id);
      const times = { startedAt, firedAt: at, resolvedAt: null };
      const alert = known ?? { id, resource, signal, level, ...times, peak: 0, quiet: '' };
      open.set(id, alert);
      if (level === 'critical') alert.level = level;
      if (kind === 'resolved') alert.resolvedAt = at;
      return { kind, at, level, alert };
    });
  });
}

/** The messages about what happened until an instant. */
function messagesOf(config: AlertConfig, changes: ReplayedChange[], until: number) {
  const told = new ReplayedMessages(config);
  const timeline = new Timeline();
  timeline.add(changes);
  const drain = (work: Generator<void>) => [...work];
  for (const minute of timeline.inOrder()) for (const change of minute) drain(told.take(change));
  drain(told.finish(until));
  return { messages: told.messages, recoveryMessages: told.recoveryMessages };
}

/** Alerts in the order of time, a line each. */
const lines = (alerts: Pick<ReplayedAlert, 'id' | 'level' | 'startedAt' | 'firedAt' | 'resolvedAt' | 'quiet'>[]) =>
  alerts
    .toSorted((a, b) => a.firedAt - b.firedAt || (a.id < b.id ? -1 : 1))
    .map(
      ({ id, level, startedAt, firedAt, resolvedAt, quiet }) =>
        `${id} ${level} ${startedAt} ${firedAt} ${resolvedAt} ${quiet}`,
    );

describe.each(databaseKinds())('replay over what is stored on %s', (kind) => {
  let alerting: Alerting;
  let store: INestApplicationContext;
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let postgres: Postgres;
  /** A whole hour, long enough ago. */
  let base: number;

  beforeAll(async () => {
    alerting = await Alerting.start();
    database = await createDatabase(kind);
    postgres = new Postgres({ service: 'test', url: database.url });
    const config = loadConfig({ NATS_URL: alerting.nats.url, DATABASE_URL: database.url });
    store = await NestFactory.createApplicationContext(MetricsStoreModule.register(config), { logger: false });
    await eventually(() => store.get(Migrations).ready);
    base = Math.floor(Date.now() / HOUR) * HOUR - 60 * HOUR;
  }, 60_000);
  afterAll(async () => {
    await store.close();
    await postgres.onApplicationShutdown();
    await alerting.stop();
    await database.drop();
  });

  const replay = (question: Partial<QuestionOf<typeof alertReplay>> = {}): Promise<OutputOf<typeof alertReplay>> =>
    alerting.bus.request(alertReplay, { from: base, to: base + 48 * HOUR, limit: 1000, ...question });

  async function keep(samples: readonly Sample[]): Promise<void> {
    const hosts = [...new Set(samples.map(({ host }) => host))];
    await postgres.query(
      'test',
      `INSERT INTO metrics.resource (kind, agent_id, name) SELECT 'host', n, '' FROM unnest($1::text[]) AS n ON CONFLICT DO NOTHING`,
      [hosts.map(nameOf)],
    );
    await postgres.query('test', `SELECT lapwing.ensure_partitions('metrics.host_sample', $1, now())`, [
      new Date(base),
    ]);
    for (let at = 0; at < samples.length; at += 20_000) {
      const part = samples.slice(at, at + 20_000);
      const column = (index: number) => part.map(({ values }) => values[index] ?? null);
      await postgres.query(
        'test',
        `INSERT INTO metrics.host_sample (resource_id, time, seq, cpu, memory, disk, temperature)
         SELECT r.id, to_timestamp(s.time / 1000), 1, s.cpu, s.memory, s.disk, s.temperature
         FROM unnest($1::text[], $2::float8[], $3::int2[], $4::int2[], $5::int2[], $6::int2[]) AS s (name, time, cpu, memory, disk, temperature)
         JOIN metrics.resource r ON r.kind = 'host' AND r.agent_id = s.name`,
        [
          part.map(({ host }) => nameOf(host)),
          part.map(({ time }) => time),
          column(0),
          column(1),
          column(2),
          column(3),
        ],
      );
    }
  }

  async function rollUp(): Promise<void> {
    if (kind === 'timescale')
      for (const grain of ['1m', '5m', '1h'])
        await eventually(() =>
          postgres.query(
            'test',
            `CALL refresh_continuous_aggregate('metrics.host_sample_${grain}', NULL, now() - interval '2 hours')`,
          ),
        );
    else {
      await postgres.query('test', `UPDATE lapwing.rollup SET watermark = $1 WHERE series = 'metrics.host_sample'`, [
        new Date(base),
      ]);
      await store.get(MaintenanceStore).refreshRollups();
    }
  }

  it('says the same as the live engine of the same samples', async () => {
    const samples = Array.from({ length: 40 }, (_, host) => samplesOf(host + 1, base, 48 * 60));
    await keep(samples.flat());
    await rollUp();
    const patch = {
      hostDefaults: { cpu: { trigger: 80, clear: 75, critical: 95 }, disk: { trigger: 80, clear: 75 } },
      overrides: {
        [nameOf(3)]: { cpu: { trigger: 84.5, clear: 80.25, critical: 92 } },
        [nameOf(4)]: { disabled: true },
        [`${nameOf(5)}-disk-root`]: { disk: { trigger: 76, clear: 60, critical: 99 } },
        [nameOf(6)]: { memory: { trigger: 95, clear: 94.5 } },
      },
      timeThresholds: { host: 120, [nameOf(7)]: 7200, [nameOf(8)]: 0, [nameOf(9)]: 5400 },
      metricTimeThresholds: { host: { temperature: 3600 } },
      schedule: { quietHours: { enabled: true, start: '22:00', end: '07:30', timezone: 'Europe/Berlin' } },
    };
    const merged = mergeConfig(AlertConfig.parse({}), patch);
    if ('faults' in merged) throw new Error(JSON.stringify(merged.faults));
    const expectedFrom = (from: number) => {
      const changes = live(
        merged.config,
        samples.flat().filter(({ time }) => Math.floor(time / MINUTE) * MINUTE >= from),
      );
      const counts = messagesOf(merged.config, changes, base + 48 * HOUR);
      return { all: lines([...new Set(changes.map(({ alert }) => alert))]), ...counts };
    };
    const { all: expected, ...messages } = expectedFrom(base);
    const answer = await replay({ patch });
    expect(expected.length).toBeGreaterThan(1000);
    expect(lines(answer.alerts)).toEqual(expected.slice(0, 1000));
    expect(answer).toMatchObject({ ...messages, total: expected.length, hosts: 40 });
    // In the middle of a minute, and of five.
    const from = base + 9 * HOUR + 9 * MINUTE + 38_000;
    const { all: later, ...fewer } = expectedFrom(from);
    const second = await replay({ patch, from });
    expect(lines(second.alerts)).toEqual(later.slice(0, 1000));
    expect(second).toMatchObject({ ...fewer, total: later.length });
    expect(answer.judged).toBeLessThan(40 * 4 * 48 * 60 * 0.75);
    expect(answer.messages).toBeGreaterThan(0);
    const some = await replay({
      patch,
      resourceIds: [nameOf(3), nameOf(9), 'nobody', 'not/an id'],
      metrics: ['cpu', 'disk'],
    });
    expect(some).toMatchObject({
      hosts: 2,
      total: expected.filter((line) => /^web-0[39]-(cpu|disk)/.test(line)).length,
    });
  }, 120_000);

  it('takes the newest part from samples that are not rolled up yet', async () => {
    const time = Math.floor(Date.now() / MINUTE) * MINUTE - 4 * MINUTE;
    await keep([{ host: 77, time, values: [9000, null, null, null] }]);
    await rollUp();
    const { alerts } = await replay({
      from: time - HOUR,
      to: Date.now() + HOUR,
      resourceIds: [nameOf(77)],
      patch: { timeThresholds: { host: 0 } },
    });
    expect(alerts).toMatchObject([{ id: 'web-77-cpu', firedAt: time, resolvedAt: null, peak: 90 }]);
  });

  it('judges nothing of hosts that nobody knows', async () => {
    const nothing = { alerts: [], total: 0, messages: 0, recoveryMessages: 0, hosts: 0, judged: 0 };
    expect(await replay({ resourceIds: ['nobody'] })).toMatchObject(nothing);
    expect(await replay({ resourceIds: ['not/an id'] })).toMatchObject(nothing);
  });

  it.each<[string, () => Partial<QuestionOf<typeof alertReplay>>, string]>([
    ['no span', () => ({ to: base }), '"from" must be before "to"'],
    ['the future', () => ({ from: Date.now(), to: Date.now() + HOUR }), '"from" must be more than two minutes ago'],
    ['too long a span', () => ({ from: base - 90 * 24 * HOUR }), 'at most 90 days'],
    [
      'rules that are none',
      () => ({ patch: { hostDefaults: { cpu: { trigger: 10, clear: 20 } } } }),
      'clear must be below trigger',
    ],
  ])('refuses %s', async (_, question, message) => {
    await expect(replay(question())).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining(message) as string,
    });
  });

  it('does one at a time', async () => {
    const results = await Promise.allSettled([replay(), replay()]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'RATE_LIMITED' } });
    expect(await replay({ resourceIds: ['nobody'] })).toMatchObject({ total: 0 });
  });
});
