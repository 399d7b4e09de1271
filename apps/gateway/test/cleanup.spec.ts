import {
  LapwingError,
  agentList,
  cleanupGet,
  cleanupStart,
  defaultSystemSettings,
  dockerhostList,
  noCleanupCounts,
  rowsCount,
  settingsChanged,
  storageGet,
  type Cleanup,
  type OutputOf,
} from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { hashOf } from '../src/http/credential';
import { Harness, principal } from './harness';

type Headers = Record<string, string>;

const COUNTS = {
  events: 12,
  detections: 40,
  gpuStats: 1700,
  samples: 12_000,
  rollups: 300,
  logs: 900,
  thumbnails: 89,
  images: 3,
  bytes: 5_242_880,
};
/** One agent, as the fixtures of the contracts have it. */
const agents = (
  JSON.parse(
    readFileSync(path.join(__dirname, '../../../libs/contracts/fixtures/req.fleet.agent.list.v1.json'), 'utf8'),
  ) as { output: OutputOf<typeof agentList> }
).output.agents.slice(0, 1);

const TIME = Date.UTC(2026, 0, 15, 10, 30);
const cleanup = (more: Partial<Cleanup> = {}): Cleanup => ({
  id: 7,
  dryRun: false,
  trigger: 'request',
  retentionDays: 30,
  startedAt: TIME,
  endedAt: TIME,
  counts: COUNTS,
  fault: null,
  ...more,
});

describe('retention over HTTP', () => {
  let gateway: Harness;
  let started: { dryRun: boolean; by: string }[];
  let refusal: LapwingError | undefined;
  let answer: () => Cleanup;

  beforeAll(async () => {
    gateway = await Harness.start({
      // Anywhere but on the loopback address alone, where pages of other sites are refused anyway.
      HOST: '0.0.0.0',
      GATEWAY_ALLOWED_HOSTS: 'lapwing.example.com',
      CORS_ORIGINS: 'https://board.example',
    });
    gateway.bus.respond(cleanupStart, async ({ dryRun, actor }) => {
      if (refusal) throw refusal;
      started.push({ dryRun, by: actor.name });
      return cleanup({ dryRun, endedAt: null });
    });
    await gateway.respond(cleanupGet, async () => answer());
    gateway.behind.principals.set(hashOf('viewer'), principal(['dashboard:view']));
    gateway.behind.principals.set(hashOf('writer'), principal(['system:write'], { name: 'writer' }));
    const session = principal(['*'], { kind: 'session', id: 'a'.repeat(64), csrfHash: hashOf('csrf'), name: 'admin' });
    gateway.behind.principals.set(hashOf('session'), session);
  });
  afterAll(() => gateway.stop());
  beforeEach(() => {
    started = [];
    refusal = undefined;
    answer = () => cleanup();
  });

  /** Switches API keys on or off; resolves when the gateway has heard of it. */
  async function keys(apiKeyEnabled: boolean): Promise<void> {
    gateway.behind.apiKeyEnabled = apiKeyEnabled;
    await gateway.bus.publish(settingsChanged, 'system', { ...defaultSystemSettings, apiKeyEnabled });
    await eventually(async () => expect(await post({})).toBe(apiKeyEnabled ? 401 : 200));
    started = [];
  }
  const post = async (headers: Headers, query = ''): Promise<number> =>
    (await gateway.raw(`/api/system/cleanup${query}`, headers, 'POST')).status;

  it('tells what was deleted, by class, and what would be', async () => {
    const { status, body } = await gateway.post('/api/system/cleanup', undefined, { 'x-api-key': 'writer' });
    expect([status, body]).toEqual([
      200,
      {
        events_deleted: 12,
        detections_deleted: 40,
        gpu_stats_deleted: 1700,
        logs_deleted: 900,
        thumbnails_deleted: 89,
        images_deleted: 3,
        samples_deleted: 12_000,
        rollups_deleted: 300,
        space_reclaimed: 5_242_880,
        retention_days: 30,
        dry_run: false,
        timestamp: '2026-01-15T10:30:00Z',
      },
    ]);
    answer = () => cleanup({ dryRun: true });
    expect((await gateway.post('/api/system/cleanup?dry_run=true', undefined)).body).toMatchObject({ dry_run: true });
    expect(started).toEqual([
      { dryRun: false, by: 'writer' },
      { dryRun: true, by: 'token:test' },
    ]);
  });

  it('waits until it is over', async () => {
    let looks = 0;
    answer = () => (++looks < 4 ? cleanup({ endedAt: null, counts: noCleanupCounts }) : cleanup());
    expect(await gateway.post('/api/system/cleanup', undefined)).toMatchObject({
      status: 200,
      body: { events_deleted: 12 },
    });
    expect(looks).toBe(4);
  });

  it.each(['?dry_run=maybe', '?dry_run=2', '?dryrun=true', '?dry_run=true&days=3', '?dry_run=true&dry_run=false'])(
    'refuses %s with 422, and deletes nothing',
    async (query) => {
      const { status, body } = await gateway.post(`/api/system/cleanup${query}`, undefined);
      expect([status, body]).toEqual([422, expect.objectContaining({ success: false, code: 'INVALID_INPUT' })]);
      expect(started).toEqual([]);
    },
  );

  it('says that one is under way, and what was deleted before a failure', async () => {
    refusal = new LapwingError('CLEANUP_IN_PROGRESS');
    expect(await gateway.post('/api/system/cleanup', undefined)).toMatchObject({
      status: 409,
      body: { code: 'CLEANUP_IN_PROGRESS' },
    });
    refusal = undefined;
    answer = () => cleanup({ fault: 'log-store is away' });
    expect(await gateway.post('/api/system/cleanup', undefined)).toMatchObject({
      status: 503,
      body: { code: 'UNAVAILABLE', error: 'not all could be deleted: log-store is away', details: { deleted: COUNTS } },
    });
  });

  it('wants a credential with the permission while API keys are on', async () => {
    await keys(true);
    expect(await post({})).toBe(401);
    expect(await post({ 'x-api-key': 'wrong' })).toBe(401);
    expect(await post({ 'x-api-key': 'viewer' })).toBe(403);
    expect(await post({ 'x-api-key': 'writer' })).toBe(200);
    expect(started).toHaveLength(1);
  });

  it('wants none while they are off, except from pages of other sites', async () => {
    await keys(false);
    const replica = await gateway.replica();
    await eventually(async () =>
      expect((await fetch(`${replica}/api/system/cleanup`, { method: 'POST' })).status).toBe(200),
    );
    started = [];
    const { host } = new URL(gateway.url);
    expect(await post({})).toBe(200);
    expect(started).toEqual([{ dryRun: false, by: 'anonymous' }]);
    const fine: Headers[] = [
      { origin: `http://${host}`, 'sec-fetch-site': 'same-origin' },
      { origin: 'https://board.example', 'sec-fetch-site': 'cross-site' },
      { host: 'lapwing.example.com', origin: 'http://lapwing.example.com', 'sec-fetch-site': 'same-origin' },
    ];
    for (const allowed of fine) expect([allowed, await post(allowed)]).toEqual([allowed, 200]);
    started = [];
    const foreign: Headers[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: `http://${host}` },
      // A name that was pointed at this server.
      { host: 'evil.example', origin: 'http://evil.example', 'sec-fetch-site': 'same-origin' },
    ];
    for (const refused of foreign) expect([refused, await post(refused)]).toEqual([refused, 403]);
    // Credentials that are sent count.
    expect(await post({ 'x-api-key': 'wrong' })).toBe(401);
    expect(await post({ 'x-api-key': 'viewer' })).toBe(403);
    expect(await post({ cookie: 'pulse_session=session' })).toBe(403);
    expect(started).toEqual([]);
    expect(await post({ cookie: 'pulse_session=session', 'x-csrf-token': 'csrf' })).toBe(200);
    expect(started).toEqual([{ dryRun: false, by: 'admin' }]);
    // Others stay closed.
    expect((await gateway.get('/api/v1/audit', {})).status).toBe(401);
    await keys(true);
    await eventually(async () =>
      expect((await fetch(`${replica}/api/system/cleanup`, { method: 'POST' })).status).toBe(401),
    );
  });

  it('wants one when nobody can tell', async () => {
    await keys(false);
    gateway.behind.settingsAway = true;
    await gateway.bus.publish(settingsChanged, 'system', defaultSystemSettings);
    await eventually(async () => expect(await post({})).toBe(401));
    gateway.behind.settingsAway = false;
    await keys(true);
  });

  it('counts what is watched and what has happened, and is 503 while that cannot be told', async () => {
    const away = await gateway.get('/api/system/stats', {});
    expect([away.status, away.body]).toEqual([503, expect.objectContaining({ code: 'UNAVAILABLE' })]);
    expect((await gateway.get('/api/system/storage', {})).status).toBe(503);
    const rows = (count: number, isEstimate = false) => ({ rows: count, isEstimate });
    gateway.bus.respond(agentList, async ({ after }) =>
      after === '' ? { agents: [...agents, ...agents], next: 'web-2' } : { agents, next: null },
    );
    gateway.bus.respond(dockerhostList, async () => ({ hosts: [], next: null }));
    gateway.bus.respond(rowsCount('metrics-store'), async () => ({ tables: { gpuSamples: rows(2_000_000, true) } }));
    gateway.bus.respond(rowsCount('log-store'), async () => ({ tables: { logLines: rows(91_000) } }));
    gateway.bus.respond(storageGet, async () => ({
      disk: { total: 1000, free: 250 },
      thumbnails: { files: 89, bytes: 500 },
      images: { files: 0, bytes: 0 },
      clips: { files: 2, bytes: 7 },
      isTruncated: false,
      measuredAt: TIME,
    }));
    await gateway.respond(rowsCount('alerting'), async () => ({ tables: { incidents: rows(12), alerts: rows(40) } }));
    const stats = await eventually(async () => {
      const found = await gateway.get('/api/system/stats', {});
      expect(found.status).toBe(200);
      return found.body as Record<string, number>;
    });
    expect(stats).toEqual({
      total_cameras: 3,
      total_events: 12,
      total_detections: 40,
      uptime_seconds: expect.any(Number),
    });
    expect(stats['uptime_seconds']).toBeGreaterThan(0);
    expect((await gateway.get('/api/system/storage', {})).body).toEqual({
      disk_used_bytes: 750,
      disk_total_bytes: 1000,
      disk_free_bytes: 250,
      disk_usage_percent: 75,
      thumbnails: { file_count: 89, size_bytes: 500 },
      images: { file_count: 0, size_bytes: 0 },
      clips: { file_count: 2, size_bytes: 7 },
      events_count: 12,
      detections_count: 40,
      gpu_stats_count: 2_000_000,
      logs_count: 91_000,
      files_truncated: false,
      counts_estimated: true,
      timestamp: '2026-01-15T10:30:00Z',
    });
  });
});
