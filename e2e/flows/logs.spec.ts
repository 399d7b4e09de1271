import { WebhookReceiver, eventually } from '@lapwing/testing';
import { appendFile, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Lapwing } from '../src/lapwing';

interface Entry {
  id: string;
  timestamp: string;
  agent_id: string;
  source: string;
  source_name: string;
  level: string;
  message: string;
  fields: Record<string, string>;
}
interface Page {
  entries: Entry[];
  total: number;
  total_is_estimate: boolean;
  next_cursor: string | null;
}
interface ServiceLogs {
  logs: { timestamp: string; type: string; process: string; message: string }[];
  processes: string[];
}

const AGENT = 'logs-host';

describe('logs, as their users meet them', () => {
  let lapwing: Lapwing;
  let receiver: WebhookReceiver;
  let folder: string;
  let file: string;

  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
    lapwing = await Lapwing.create();
    folder = path.join(lapwing.folder, 'app-logs');
    file = path.join(folder, 'shop.log');
    await mkdir(folder);
    await lapwing.start([], {
      COLLECTOR_AGENT_ID: AGENT,
      COLLECTOR_LOG_FOLDERS: folder,
      ALERTING_PRIVATE_NETWORKS: '127.0.0.1/32',
    });
  }, 180_000);
  afterAll(async () => {
    await lapwing.remove();
    receiver.stop();
  });

  const ask = (method: 'GET' | 'PATCH' | 'POST' | 'PUT' | 'DELETE', route: string, body?: unknown) =>
    lapwing.ask(method, route, lapwing.credentials, body);
  const search = async (query: Record<string, string>): Promise<Page> => {
    const { status, body } = await lapwing.get<Page>(`/api/v1/logs?${new URLSearchParams(query)}`);
    expect([status, body]).toEqual([200, expect.objectContaining({ entries: expect.any(Array) })]);
    return body;
  };
  const messages = async (query: Record<string, string>): Promise<string[]> =>
    (await search(query)).entries.map(({ message }) => message);
  const follow = async (sources: unknown[]): Promise<{ logSources: unknown[]; unsupported: string[] }> => {
    // The agent may not be let in yet.
    await eventually(async () =>
      expect((await ask('PATCH', `/api/v1/agents/${AGENT}/settings`, { logSources: sources })).status).toBe(200),
    );
    return eventually(async () => {
      const { body } = await lapwing.get<{ running?: { logSources: unknown[]; unsupported: string[] } }>(
        `/api/v1/agents/${AGENT}`,
      );
      if (!body.running || body.running.logSources.length === 0) throw new Error('no log is read');
      // What it says may still be from before the change.
      const said = JSON.stringify(body.running);
      const unsaid = (sources as { path?: string }[]).find((source) => !said.includes(source.path ?? ''));
      if (unsaid) throw new Error(`nothing is said of ${unsaid.path}`);
      return body.running;
    }, 40_000);
  };

  it('are read as far as the host allows it', async () => {
    await symlink('/etc/passwd', path.join(folder, 'passwd.log'));
    const sources = [
      { kind: 'service' },
      { kind: 'file', path: path.join(folder, '*.log'), entryStart: '^\\[' },
      { kind: 'file', path: '/etc/hosts' },
    ];
    const running = await follow(sources);
    expect(running.unsupported.join(' ')).toContain('/etc/hosts');
    await writeFile(
      file,
      [
        '[info] order 4711 was paid by Jürgen',
        '[error] payment refused: card expired',
        'Traceback (most recent call last):',
        '  at pay (shop.py:42)',
        '[warning] \u001B[31mslow\u001B[0m query took 2300ms',
        '[info] end',
        '',
      ].join('\n'),
    );
    await eventually(async () => expect((await search({ source: 'file' })).total).toBe(4), 30_000);
    expect(await messages({ source: 'file' })).toEqual([
      '[info] end',
      '[warning] slow query took 2300ms',
      '[error] payment refused: card expired\nTraceback (most recent call last):\n  at pay (shop.py:42)',
      '[info] order 4711 was paid by Jürgen',
    ]);
    expect(JSON.stringify(await search({ limit: '1000' }))).not.toContain('root:x:0');
  }, 120_000);

  it('are found by words, parts, levels, names, patterns and time', async () => {
    const [error] = (await search({ q: 'refused payment', level: 'error,critical' })).entries;
    expect(error).toMatchObject({
      agent_id: AGENT,
      source: 'file',
      source_name: file,
      level: 'error',
      fields: {},
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(await messages({ q: 'ORDER 47' })).toEqual(['[info] order 4711 was paid by Jürgen']);
    expect(await messages({ q: '"card expired" -jürgen', source_name: file })).toHaveLength(1);
    expect(await messages({ pattern: 'took \\d+ms', source: 'file' })).toEqual(['[warning] slow query took 2300ms']);
    expect((await search({ source: 'file', level: 'info' })).total).toBe(2);
    expect((await search({ source: 'file', to: '2020-01-01T00:00:00Z' })).total).toBe(0);
    const first = await search({ source: 'file', limit: '3' });
    expect(first).toMatchObject({ total: 4, total_is_estimate: false, next_cursor: first.entries[2]?.id });
    expect(await messages({ source: 'file', after: first.next_cursor ?? '' })).toEqual([
      '[info] order 4711 was paid by Jürgen',
    ]);
  });

  it.each([
    ['limit=1000000000', /limit/],
    ['offset=-1', /offset/],
    ['offset=99999', /after/],
    ['from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', /from/],
    ['level=loud', /debug, info, notice, warning, error, critical/],
    ['source=nowhere', /journal/],
    ['pattern=(a)%5C1', /pattern/],
    ['pattern=((', /pattern/],
    [`q=${'x'.repeat(1500)}`, /1000/],
    ['after=nonsense', /after/],
  ])('refuse %s with a sentence', async (query, sentence) => {
    for (const route of ['/api/v1/logs', '/api/v1/logs/stream']) {
      const { status, body } = await ask('GET', `${route}?${query}`);
      if (route.endsWith('stream') && query.startsWith('after')) continue;
      expect([route, status, JSON.stringify(body)]).toEqual([route, 400, expect.stringMatching(sentence)]);
    }
  });

  it('survive a query of 1 MB and a pattern that hangs other engines', async () => {
    const big = await fetch(`${lapwing.url}/api/v1/logs?q=${'x'.repeat(2 ** 20)}`, { headers: lapwing.credentials });
    expect(big.status).toBeGreaterThanOrEqual(400);
    expect(big.status).toBeLessThan(500);
    await appendFile(file, `[info] ${'a'.repeat(10_000)}!\n[info] after\n`);
    await eventually(async () => expect(await messages({ q: 'after' })).toContain('[info] after'), 30_000);
    expect(await messages({ pattern: '(a+)+$', source: 'file' })).not.toContain('[info] after');
  }, 60_000);

  it('come live, and again from where a client stood', async () => {
    const read = async (lastId?: string) => {
      const stop = new AbortController();
      const answer = await fetch(`${lapwing.url}/api/v1/logs/stream?q=live&source=file`, {
        headers: { ...lapwing.credentials, ...(lastId && { 'last-event-id': lastId }) },
        signal: stop.signal,
      });
      expect(answer.headers.get('content-type')).toContain('text/event-stream');
      const heard = { text: '', stop };
      void (async () => {
        for await (const chunk of answer.body ?? []) heard.text += Buffer.from(chunk as Uint8Array).toString();
      })().catch(() => {});
      return heard;
    };
    const first = await read();
    await eventually(async () => {
      await appendFile(file, '[error] live one\n[info] nothing to see\n[notice] done\n');
      expect(first.text).toContain('[error] live one');
    });
    first.stop.abort();
    expect(first.text).not.toContain('nothing to see');
    const [, lastId] = /id: (\S+)\nevent: log\ndata: /.exec(first.text) ?? [];
    await appendFile(file, '[error] live two, while nobody looked\n[info] end\n');
    await eventually(async () => expect(await messages({ q: 'while nobody looked' })).toHaveLength(1), 30_000);
    const second = await read(lastId);
    await eventually(() => expect(second.text).toContain('live two, while nobody looked'));
    second.stop.abort();
  }, 90_000);

  it('are rotated and cut, and nothing is missed', async () => {
    await appendFile(file, '[info] before the rotation\n');
    await rename(file, `${file}.1`);
    await writeFile(file, `[info] after the rotation ${'z'.repeat(10_000_000)}\n[info] short again\n[info] end\n`);
    await eventually(async () => expect(await messages({ q: 'short again' })).toHaveLength(1), 60_000);
    expect(await messages({ q: '"before the rotation"' })).toHaveLength(1);
    const [long] = (await search({ q: '"after the rotation"' })).entries;
    expect(long?.message.length).toBeLessThanOrEqual(16_384);
    expect(long?.fields).toMatchObject({ truncated: 'true', original_length: expect.stringMatching(/^1000\d{4}$/) });
    expect((await search({ source_name: `${file}.1` })).total).toBe(0);
  }, 90_000);

  it('make a histogram that adds up', async () => {
    const { total } = await search({ source: 'file' });
    const { body } = await lapwing.get<{ buckets: { total: number; error: number }[] }>(
      '/api/v1/logs/volume?source=file&step=60',
    );
    expect(body.buckets.reduce((sum, bucket) => sum + bucket.total, 0)).toBe(total);
    expect(body.buckets.reduce((sum, { error }) => sum + error, 0)).toBe(
      (await search({ source: 'file', level: 'error' })).total,
    );
  });

  it('of processes are shown and flushed as Supascale has it', async () => {
    const shown = await eventually(async () => {
      const { body } = await lapwing.get<ServiceLogs>('/api/v1/system/logs?lines=5');
      expect(body.processes).toContain('gateway');
      return body;
    }, 30_000);
    expect(shown.logs.length).toBeLessThanOrEqual(5);
    for (const { type, process, message, timestamp } of shown.logs)
      expect([
        ['out', 'err'].includes(type),
        typeof process,
        typeof message,
        Number.isNaN(Date.parse(timestamp)),
      ]).toEqual([true, 'string', 'string', false]);
    expect((await ask('DELETE', '/api/v1/system/logs?process=nobody')).status).toBe(404);
    const { status, body } = await ask('DELETE', '/api/v1/system/logs');
    expect([status, body]).toEqual([200, { success: true, message: 'Logs flushed' }]);
    expect((await search({ source: 'file' })).total).toBeGreaterThan(5);
    const { body: trail } = await lapwing.get<unknown>('/api/v1/audit');
    expect(JSON.stringify(trail)).toMatch(/flush/);
  }, 60_000);

  it('tell somebody when too much goes wrong', async () => {
    const quiet = {
      hostDefaults: { cpu: -1, disk: -1, temperature: -1, memory: -1 },
      aggregation: { windowSeconds: 0 },
    };
    expect((await ask('PUT', '/api/alerts/config', quiet)).status).toBe(200);
    const hook = { name: 'Hook', url: `${receiver.url}/x`, service: 'generic' };
    expect((await ask('POST', '/api/notifications/webhooks', hook)).status).toBe(200);
    const rule = {
      id: 'disk',
      name: 'Disk trouble',
      source: 'file',
      query: 'zzdisk failed',
      count: 3,
      windowSeconds: 60,
      level: 'critical',
    };
    expect((await ask('PUT', '/api/alerts/config', { logRules: [rule] })).status).toBe(200);
    await appendFile(file, `${'[error] zzdisk sda failed\n'.repeat(4)}[info] end\n`);
    await eventually(() => expect(receiver.requests.map(({ body }) => body).join()).toContain('Disk trouble'), 60_000);
    expect(receiver.requests.map(({ body }) => body).join()).toContain('zzdisk sda failed');
  }, 90_000);
});
