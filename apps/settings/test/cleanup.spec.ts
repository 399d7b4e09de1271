import { Bus } from '@lapwing/bus';
import {
  auditOccurred,
  cleanedServices,
  cleanupGet,
  cleanupRun,
  cleanupStart,
  healthGet,
  noCleanupCounts,
  settingsUpdate,
  storageGet,
  type Actor,
  type CleanedService,
  type Cleanup,
  type InputOf,
  type OutputOf,
  type PayloadOf,
} from '@lapwing/contracts';
import { LapwingError } from '@lapwing/contracts';
import { Migrations, Postgres } from '@lapwing/postgres';
import { NatsServer, createDatabase, eventually } from '@lapwing/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '../src/config';
import { SettingsModule } from '../src/settings.module';

type Question = InputOf<ReturnType<typeof cleanupRun>>;
type Answer = OutputOf<ReturnType<typeof cleanupRun>>;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const actor: Actor = { name: 'admin', userId: null, sessionHash: null, permissions: ['*'], address: '127.0.0.1' };

describe('cleanups', () => {
  let nats: NatsServer;
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let postgres: Postgres;
  let bus: Bus;
  let folder: string;
  let apps: INestApplicationContext[];
  let asked: (Question & { service: CleanedService })[];
  let audited: PayloadOf<typeof auditOccurred>[];
  /** What services answer. */
  let answer: (service: CleanedService, question: Question) => Promise<Answer>;

  beforeEach(async () => {
    [nats, database, folder] = await Promise.all([
      NatsServer.start(),
      createDatabase(),
      mkdtemp(path.join(tmpdir(), 'lapwing-cleanup-')),
    ]);
    postgres = new Postgres({ service: 'test', url: database.url });
    apps = [];
    asked = [];
    audited = [];
    answer = async () => ({ counts: { ...noCleanupCounts, logs: 3, bytes: 100 }, next: null });
    bus = new Bus({ service: 'test', servers: nats.url });
    bus.onModuleInit();
    await eventually(() => bus.online);
    bus.listen(auditOccurred, '*', (fact) => audited.push(fact));
  });
  afterEach(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await postgres.onApplicationShutdown();
    await bus.onApplicationShutdown();
    await database.drop();
    await nats.stop();
    await rm(folder, { recursive: true });
  });

  const play = (services: readonly CleanedService[] = cleanedServices): void => {
    for (const service of services)
      bus.respond(cleanupRun(service), async (question) => {
        asked.push({ ...question, service });
        return answer(service, question);
      });
  };
  async function serve(): Promise<INestApplicationContext> {
    const config = loadConfig({ NATS_URL: nats.url, DATABASE_URL: database.url, SETTINGS_DATA_DIR: folder });
    const app = await NestFactory.createApplicationContext(SettingsModule.register(config), { logger: false });
    apps.push(app);
    await eventually(() => app.get(Migrations).ready);
    return app;
  }
  const start = (dryRun: boolean) => bus.request(cleanupStart, { dryRun, actor });
  const ended = (id: number): Promise<Cleanup> =>
    eventually(async () => {
      const cleanup = await bus.request(cleanupGet, { id });
      expect(cleanup.endedAt).not.toBeNull();
      return cleanup;
    }, 20_000);
  const run = async (dryRun: boolean) => ended((await start(dryRun)).id);
  async function file(name: string, size: number, ageDays: number): Promise<string> {
    const place = path.join(folder, name);
    await mkdir(path.dirname(place), { recursive: true });
    await writeFile(place, 'x'.repeat(size));
    const at = new Date(Date.now() - ageDays * DAY);
    await utimes(place, at, at);
    return place;
  }

  it('ask everybody, until nothing is left, for what is older than the full hour so many days ago', async () => {
    play();
    await serve();
    await eventually(() => bus.request(settingsUpdate, { retentionDays: 30 }));
    answer = async (service, { after }) => ({
      counts: { ...noCleanupCounts, [service === 'alerting' ? 'events' : 'samples']: 2, bytes: 10 },
      next: service === 'metrics-store' && after !== 'b' ? (after === null ? 'a' : 'b') : null,
    });
    const begun = Date.now();
    const cleanup = await run(true);
    expect(cleanup).toMatchObject({
      dryRun: true,
      trigger: 'request',
      retentionDays: 30,
      fault: null,
      counts: { ...noCleanupCounts, events: 2, samples: 8, bytes: 50 },
    });
    expect(asked.map(({ service, after }) => [service, after])).toEqual([
      ['alerting', null],
      ['metrics-store', null],
      ['metrics-store', 'a'],
      ['metrics-store', 'b'],
      ['log-store', null],
    ]);
    for (const { before, dryRun } of asked) {
      expect([before % HOUR, dryRun]).toEqual([0, true]);
      expect(begun - 30 * DAY - before).toBeLessThanOrEqual(HOUR);
      expect(before).toBeLessThanOrEqual(Date.now() - 30 * DAY);
    }
    await eventually(() =>
      expect(audited).toMatchObject([
        { action: 'data_cleanup', target: 'dry run', actor: { name: 'admin' }, details: { dryRun: true, samples: 8 } },
      ]),
    );
  });

  it('delete files that are old, exactly those that a dry run counts, and follow no links', async () => {
    play();
    answer = async () => ({ counts: noCleanupCounts, next: null });
    await serve();
    await eventually(() => bus.request(settingsUpdate, { retentionDays: 10 }));
    const outside = await mkdtemp(path.join(tmpdir(), 'lapwing-outside-'));
    const precious = path.join(outside, 'precious');
    await writeFile(precious, 'x');
    await utimes(precious, new Date(0), new Date(0));
    const gone = [
      await file('thumbnails/a.jpg', 10, 11),
      await file('thumbnails/deep/er/b.jpg', 20, 300),
      await file('images/c.png', 30, 12),
    ];
    const kept = [
      await file('thumbnails/d.jpg', 40, 9),
      await file('images/e.png', 50, 0),
      await file('other/f', 60, 99),
    ];
    await symlink(outside, path.join(folder, 'thumbnails', 'link'));
    await symlink(precious, path.join(folder, 'images', 'link.png'));
    await symlink(outside, path.join(folder, 'clips'));
    const counts = { ...noCleanupCounts, thumbnails: 2, images: 1, bytes: 60 };
    expect((await run(true)).counts).toEqual(counts);
    expect([...gone, ...kept].every(existsSync)).toBe(true);
    expect(await bus.request(storageGet, {})).toMatchObject({
      thumbnails: { files: 3, bytes: 70 },
      images: { files: 2, bytes: 80 },
      clips: { files: 0, bytes: 0 },
      isTruncated: false,
    });
    expect((await run(false)).counts).toEqual(counts);
    expect(gone.some(existsSync)).toBe(false);
    expect([...kept, precious].every(existsSync)).toBe(true);
    expect((await run(false)).counts).toEqual(noCleanupCounts);
    expect((await bus.request(storageGet, {})).thumbnails).toEqual({ files: 1, bytes: 40 });
    await rm(outside, { recursive: true });
  });

  it('tell how full the volume is, also where there is no folder yet', async () => {
    await rm(folder, { recursive: true });
    await serve();
    const { disk, thumbnails } = await eventually(() => bus.request(storageGet, {}));
    await mkdir(folder);
    expect(thumbnails).toEqual({ files: 0, bytes: 0 });
    expect(disk.free).toBeGreaterThan(0);
    expect(disk.total).toBeGreaterThan(disk.free);
  });

  it('run one at a time, over all replicas', async () => {
    play();
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    answer = async () => {
      await held;
      return { counts: noCleanupCounts, next: null };
    };
    await serve();
    await serve();
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => start(false)));
    const begun = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.id] : []));
    const codes = results.flatMap((result) =>
      result.status === 'rejected' ? [(result.reason as LapwingError).code] : [],
    );
    expect(begun).toHaveLength(1);
    expect(codes).toEqual(Array(7).fill('CLEANUP_IN_PROGRESS'));
    release?.();
    await ended(begun[0] ?? 0);
    expect(asked).toHaveLength(3);
    await ended((await start(false)).id);
  });

  it('clean up what they can when a service is away, and say what was not', async () => {
    play(['alerting', 'log-store']);
    await file('thumbnails/a.jpg', 10, 400);
    await serve();
    const cleanup = await run(false);
    expect(cleanup).toMatchObject({ fault: 'metrics-store is away', counts: { logs: 6, thumbnails: 1, bytes: 210 } });
    await eventually(() => expect(audited).toMatchObject([{ details: { fault: 'metrics-store is away', logs: 6 } }]));
    play(['metrics-store']);
    await eventually(async () => expect((await run(false)).fault).toBeNull());
  });

  it('are made up for when one was missed, by one replica; health tells of it', async () => {
    play();
    await serve();
    await eventually(() => bus.request(settingsUpdate, {}));
    const check = async () =>
      (await bus.request(healthGet('settings'), {})).checks.find(({ name }) => name === 'cleanup_service');
    expect(await check()).toMatchObject({ status: 'healthy', message: 'no cleanup was due' });
    expect(asked).toEqual([]);
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await postgres.query('test', `UPDATE settings.migration SET applied_at = now() - interval '3 days'`);
    await serve();
    await serve();
    await eventually(() => expect(asked.map(({ dryRun }) => dryRun)).toEqual([false, false, false]), 20_000);
    await eventually(async () => expect((await check())?.message).toMatch(/^the last cleanup began at/));
    await eventually(() => expect(audited).toMatchObject([{ actor: { name: 'system' } }]));
    const { rows } = await postgres.query('test', 'SELECT trigger, dry_run, fault FROM settings.cleanup');
    expect(rows).toEqual([{ trigger: 'schedule', dry_run: false, fault: null }]);
  });

  it('that nobody does any more are over: the next may begin', async () => {
    play();
    await serve();
    await eventually(() => bus.request(settingsUpdate, {}));
    await postgres.query(
      'test',
      `INSERT INTO settings.cleanup (trigger, dry_run, retention_days, counts, started_at, beat_at)
       VALUES ('schedule', false, 30, $1, now() - interval '5 minutes', now() - interval '1 minute')`,
      [JSON.stringify({ ...noCleanupCounts, logs: 7 })],
    );
    expect(await bus.request(cleanupGet, { id: 1 })).toMatchObject({
      fault: 'whoever did it has ended',
      counts: { logs: 7 },
      endedAt: expect.any(Number),
    });
    expect((await run(false)).fault).toBeNull();
    const check = (await bus.request(healthGet('settings'), {})).checks.find(({ name }) => name === 'cleanup_service');
    expect(check).toMatchObject({ status: 'degraded', message: expect.stringContaining('failed') });
    await expect(bus.request(cleanupGet, { id: 99 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
