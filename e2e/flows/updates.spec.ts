import { FileServer, eventually } from '@lapwing/testing';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { WebSocket } from 'ws';
import { AgentProcess } from '../src/agent-process';
import { Installation, lapwingRelease } from '../src/installation';

interface Entry {
  id: string;
  action: string;
  version: string;
  versionFrom: string;
  status: string;
  step: string;
  error: string | null;
}
interface Ledger {
  hours: { taken: number; stored: number; lost: number; pending: number }[];
  gaps: object[];
}
interface Told {
  event: string;
  data: { step?: string; progress?: number; success?: boolean; version?: string; error?: string; code?: string };
}

const [N, NEXT, BAD] = ['1.0.0', '1.1.0', '1.2.0'] as const;
const platform = `${process.platform}-${process.arch}`;
const byStatus = (one: Entry, other: Entry): number => other.status.localeCompare(one.status);
/** So long a version may take to become ready; all that a machine under tests needs, and short enough that a rollback ends within 60 s. */
const TRIAL_S = 35;

describe('updates of an installed Lapwing', () => {
  let work: string;
  let key: string;
  let server: FileServer;
  let lapwing: Installation;
  let agent: AgentProcess;

  const feed = () => path.join(work, 'feed');
  const archive = (version: string) => path.join(work, 'made', `lapwing-${version}-${platform}.tar.gz`);
  /** Makes a release, and leaves it aside until it is offered. */
  const make = async (version: string, change?: (staged: string) => Promise<void>): Promise<void> => {
    const staged = path.join(work, `staged-${version}`);
    await lapwingRelease('stage', '--version', version, '--to', staged, '--feed-url', server.url, '--key', key);
    await change?.(staged);
    await lapwingRelease('pack', '--from', staged, '--out', path.join(work, 'made'));
    await rm(staged, { recursive: true });
  };
  /** Publishes a release: from now on the feed names it. */
  const offer = async (version: string): Promise<void> => {
    const name = `lapwing-${version}-${platform}`;
    for (const end of ['.tar.gz', '.tar.gz.sha256', '.sbom.json'])
      await cp(path.join(work, 'made', name + end), path.join(feed(), name + end));
    await lapwingRelease('sign', '--feed', feed(), '--key', key, '--archive', path.join(feed(), `${name}.tar.gz`));
  };
  const history = () => lapwing.ask<Entry[]>('GET', '/api/updates/history');
  const ledger = () => lapwing.ask<Ledger>('GET', '/api/v1/ledger?agent_id=host-a');
  const events = async (answer: Response): Promise<Told[]> =>
    (await answer.text())
      .split('\n\n')
      .filter((block) => block.startsWith('event:'))
      .map((block) => {
        const [, event = '', data = '{}'] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
        return { event, data: JSON.parse(data) as Told['data'] };
      });

  beforeAll(async () => {
    work = await mkdtemp(path.join(tmpdir(), 'lapwing-updates-'));
    key = path.join(work, 'release.key');
    await lapwingRelease('keygen', '--out', key);
    server = await FileServer.start(feed());
    await make(N);
    await make(NEXT);
    // Becomes alive and never ready: it waits for its database for ever.
    await make(BAD, async (staged) => {
      const file = path.join(staged, 'libs/postgres/dist/migrations.js');
      const text = await readFile(file, 'utf8');
      expect(text).toContain('this.#ready = true');
      await writeFile(file, text.replace('this.#ready = true', 'this.#ready = false'));
    });
    await rm(feed(), { recursive: true, force: true });
    await cp(path.join(work, 'made'), feed(), {
      recursive: true,
      filter: (file) => !file.includes(NEXT) && !file.includes(BAD),
    });
    await offer(N);
    lapwing = await Installation.of(archive(N));
    lapwing.start({ COLLECTOR_INTERVAL: '1', LAPWING_TRIAL_SECONDS: String(TRIAL_S) });
    await lapwing.runs(N, 120_000);
    agent = await AgentProcess.create();
    agent.start({ LAPWING_URL: lapwing.url, COLLECTOR_AGENT_ID: 'host-a', COLLECTOR_INTERVAL: '1' });
    await eventually(() => lapwing.ask('POST', '/api/v1/agents/pending/host-a/approve'));
    await eventually(async () => expect((await ledger()).hours.length).toBeGreaterThan(0), 40_000);
  }, 300_000);
  afterAll(async () => {
    await agent?.remove();
    await lapwing?.remove();
    await server?.stop();
    await rm(work, { recursive: true, force: true });
  }, 120_000);

  it('knows that it is up to date, how it was put there, and what it would do', async () => {
    expect(await lapwing.ask('GET', '/api/v1/system/updates')).toEqual({
      currentVersion: N,
      latestVersion: N,
      updateAvailable: false,
    });
    expect(await lapwing.ask('GET', '/api/updates/check')).toMatchObject({
      available: false,
      currentVersion: `v${N}`,
      deploymentType: 'systemd',
    });
    expect(await lapwing.ask('GET', '/api/updates/status')).toMatchObject({ status: 'idle', progress: 0 });
    expect(await history()).toEqual([]);
    const refused = await lapwing.fetch('POST', '/api/v1/system/updates/apply');
    expect([refused.status, await refused.json()]).toEqual([
      400,
      { success: false, error: `${N} runs already`, code: 'UPDATE_NOT_AVAILABLE', details: { version: N } },
    ]);
  });

  it('sees a newer release when it looks, and fetches it', async () => {
    await offer(NEXT);
    expect(await lapwing.ask('POST', '/api/v1/system/updates')).toMatchObject({
      currentVersion: N,
      latestVersion: NEXT,
      updateAvailable: true,
      downloadSize: expect.any(Number) as number,
      releaseDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+Z$/) as string,
    });
    const plan = await lapwing.ask<{ steps: string[] }>('GET', `/api/updates/plan?version=v${NEXT}`);
    expect(plan).toMatchObject({ version: `v${NEXT}`, channel: 'stable', canAutoUpdate: true });
    const download = await lapwing.ask<{ downloadPath: string; checksum: string }>(
      'POST',
      '/api/v1/system/updates/download',
    );
    expect(download).toMatchObject({ success: true, version: NEXT });
    const sum = (await readFile(`${archive(NEXT)}.sha256`, 'utf8')).slice(0, 64);
    expect(download.checksum).toBe(`sha256:${sum}`);
    expect(await readFile(download.downloadPath)).toHaveLength((await readFile(archive(NEXT))).length);
    expect(await lapwing.ask('GET', '/api/updates/status')).toMatchObject({ status: 'completed', progress: 100 });
  }, 60_000);

  it('refuses bad input on both doors, with what is allowed', async () => {
    const bad = async (method: string, route: string, body?: unknown) => {
      const answer = await lapwing.fetch(method, route, body);
      return [answer.status, ((await answer.json()) as { code: string }).code];
    };
    for (const route of [
      '/api/updates/check?channel=nightly',
      '/api/updates/plan',
      '/api/updates/plan?version=latest',
      '/api/updates/plan?version=1.0.0;reboot',
      '/api/updates/history?limit=0',
      '/api/updates/history?limit=201',
      '/api/updates/history?status=odd',
      '/api/updates/history/entry',
      '/api/updates/history/entry?id=7',
      '/api/v1/system/updates?force=perhaps',
    ])
      expect([route, await bad('GET', route)]).toEqual([route, [400, 'INVALID_INPUT']]);
    expect(await bad('GET', '/api/updates/plan?version=v7.0.0')).toEqual([404, 'NOT_FOUND']);
    expect(await bad('GET', '/api/updates/history/entry?id=5d0c2a61-4f3e-4c55-8a0b-6f1f4b1f9e21')).toEqual([
      404,
      'NOT_FOUND',
    ]);
    expect(await bad('POST', '/api/updates/apply', {})).toEqual([400, 'INVALID_INPUT']);
    expect(await bad('POST', '/api/updates/apply', { downloadUrl: 'https://evil.example.com/lapwing.tar.gz' })).toEqual(
      [400, 'INVALID_INPUT'],
    );
    expect(await bad('POST', '/api/updates/apply', { downloadUrl: 'file:///etc/passwd' })).toEqual([
      400,
      'INVALID_INPUT',
    ]);
    expect(await bad('POST', '/api/updates/apply', { action: 'rollback' })).toEqual([404, 'NOT_FOUND']);
    expect(server.asked.filter((asked) => asked.includes('evil'))).toEqual([]);
  });

  it('updates from N to N+1 through the API, tells so to the end, and loses no sample', async () => {
    const sockets: { status: string; progress: number }[] = [];
    const socket = new WebSocket(`${lapwing.url.replace('http', 'ws')}/ws`, { headers: lapwing.credentials });
    socket.on('message', (message: Buffer) => {
      const { type, data } = JSON.parse(message.toString()) as {
        type: string;
        data: { status: string; progress: number };
      };
      if (type === 'update:progress') sockets.push(data);
    });
    socket.on('error', () => {});
    await eventually(() => socket.readyState === WebSocket.OPEN);
    const begun = performance.now();
    const [first, second] = await Promise.all([
      lapwing.fetch('POST', '/api/v1/system/updates/apply'),
      lapwing.fetch('POST', '/api/v1/system/updates/apply'),
    ]);
    // Two at once: one is under way, the other hears so.
    const [answer, refused] = first.status === 200 ? [first, second] : [second, first];
    expect([answer.status, answer.headers.get('content-type'), refused.status]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      409,
    ]);
    expect(await refused.json()).toMatchObject({ success: false, code: 'UPDATE_IN_PROGRESS' });
    const told = await events(answer);
    process.stdout.write(`updated after ${((performance.now() - begun) / 1000).toFixed(1)} s\n`);
    expect(told.at(-1)).toEqual({ event: 'complete', data: { success: true, version: NEXT } });
    const steps = told.filter(({ event }) => event === 'progress').map(({ data }) => data);
    expect([...new Set(steps.map(({ step }) => step))]).toEqual(['downloading', 'verifying', 'applying', 'restarting']);
    const progress = steps.map((data) => data.progress ?? -1);
    expect(progress).toEqual(progress.toSorted((one, other) => one - other));
    expect(sockets.map(({ status }) => status)).toEqual(expect.arrayContaining(['downloading', 'installing']));
    await lapwing.runs(NEXT);
    expect(await lapwing.current()).toBe(NEXT);
    await eventually(async () => {
      const [mine, others] = (await history()).filter(({ action }) => action === 'update').toSorted(byStatus);
      expect(mine).toMatchObject({ version: `v${NEXT}`, versionFrom: `v${N}`, status: 'success' });
      expect(others).toMatchObject({ version: `v${NEXT}`, status: 'failed', error: 'an update is under way' });
    });
    expect(await lapwing.ask('GET', '/api/updates/status')).toMatchObject({ status: 'completed', progress: 100 });
    const { entries } = await lapwing.ask<{ entries: { type: string; action: string; target: string }[] }>(
      'GET',
      '/api/v1/audit?type=update',
    );
    expect(entries.map(({ action, target }) => `${action} ${target}`)).toEqual(
      expect.arrayContaining([`started ${NEXT}`, `success ${NEXT}`]),
    );
    // Samples were taken all the time on the other host, and every one of them is stored.
    await eventually(async () => {
      const { hours, gaps } = await ledger();
      const sum = (of: 'taken' | 'stored' | 'lost') => hours.reduce((all, hour) => all + hour[of], 0);
      expect([gaps, sum('lost')]).toEqual([[], 0]);
      expect(hours.reduce((all, hour) => all + hour.pending, 0)).toBeLessThan(5);
      expect(sum('taken')).toBeGreaterThan(20);
    }, 60_000);
    const { data } = await lapwing.ask<{ data: { timestamp: string }[] }>(
      'GET',
      '/api/v1/history?agent_id=host-a&resolution=raw',
    );
    const times = data.map(({ timestamp }) => Date.parse(timestamp));
    const longest = Math.max(...times.slice(1).map((time, at) => time - (times[at] ?? time)));
    expect(longest).toBeLessThanOrEqual(2000);
  }, 150_000);

  it('goes back by itself within 60 s from an N+2 that does not become ready, and says why', async () => {
    await offer(BAD);
    await lapwing.ask('POST', '/api/v1/system/updates');
    const check = await lapwing.ask<{ downloadUrl: string; latestVersion: string }>('GET', '/api/updates/check');
    const { downloadUrl, latestVersion } = check;
    expect(latestVersion).toBe(`v${BAD}`);
    const started = await lapwing.ask<{ status: string; id: string }>('POST', '/api/updates/apply', { downloadUrl });
    expect(started.status).toBe('started');
    await eventually(async () => expect((await lapwing.journal())['phase']).toBe('trial'), 60_000);
    const begun = performance.now();
    await eventually(async () => expect((await lapwing.journal())['phase']).not.toBe('trial'), 70_000);
    await lapwing.runs(NEXT);
    const seconds = (performance.now() - begun) / 1000;
    process.stdout.write(`rolled back after ${seconds.toFixed(1)} s\n`);
    expect(seconds).toBeLessThan(60);
    const entry = await eventually(async () => {
      const found = await lapwing.ask<Entry>('GET', `/api/updates/history/entry?id=${started.id}`);
      expect(found.status).not.toBe('in_progress');
      return found;
    }, 30_000);
    expect(entry).toMatchObject({ status: 'rolled_back', version: `v${BAD}`, versionFrom: `v${NEXT}` });
    expect(entry.error).toMatch(new RegExp(`^version ${BAD} was not ready after ${TRIAL_S} s: `));
    expect(await lapwing.ask('GET', '/api/updates/status')).toMatchObject({ status: 'error', error: entry.error });
    await eventually(async () => expect((await ledger()).hours.reduce((all, hour) => all + hour.lost, 0)).toBe(0));
  }, 180_000);

  it.each(['unpacking', 'restarting', 'watching'])(
    'starts after a power cut while %s, and history tells the truth',
    async (step) => {
      const { downloadUrl } = await lapwing.ask<{ downloadUrl: string }>('GET', '/api/updates/check');
      const { id } = await lapwing.ask<{ id: string }>('POST', '/api/updates/apply', { downloadUrl });
      const entry = () => lapwing.ask<Entry>('GET', `/api/updates/history/entry?id=${id}`);
      if (step === 'watching')
        await eventually(async () => expect((await lapwing.journal())['phase']).toBe('trial'), 60_000);
      else await eventually(async () => expect((await entry()).step).toBe(step), 60_000);
      await lapwing.powerCut();
      await lapwing.runs(NEXT, 150_000);
      const { status, error } = await eventually(async () => {
        const found = await entry();
        expect(found.status).not.toBe('in_progress');
        return found;
      }, 90_000);
      const expected = { unpacking: /^failed$/, restarting: /^(failed|rolled_back)$/, watching: /^rolled_back$/ }[step];
      expect(status).toMatch(expected ?? '');
      expect(error).toMatch(status === 'failed' ? /^interrupted while/ : /not ready|never ready/);
      expect(await lapwing.current()).toBe(NEXT);
    },
    300_000,
  );

  it('goes back when it is told to', async () => {
    const { id } = await lapwing.ask<{ id: string }>('POST', '/api/updates/apply', {
      action: 'rollback',
      version: `v${N}`,
    });
    await lapwing.runs(N, 90_000);
    const entry = await eventually(async () => {
      const found = await lapwing.ask<Entry>('GET', `/api/updates/history/entry?id=${id}`);
      expect(found.status).toBe('success');
      return found;
    }, 30_000);
    expect(entry).toMatchObject({ action: 'rollback', version: `v${N}`, versionFrom: `v${NEXT}` });
  }, 120_000);

  it('is checked ten times an hour at most, on both doors together; what is remembered is free', async () => {
    const statuses: number[] = [];
    for (let at = 0; at < 11; at++) statuses.push((await lapwing.fetch('POST', '/api/v1/system/updates')).status);
    expect(statuses).toContain(429);
    const refused = await lapwing.fetch('GET', '/api/updates/check');
    expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true]);
    expect((await lapwing.fetch('GET', '/api/v1/system/updates')).status).toBe(200);
  });
});
