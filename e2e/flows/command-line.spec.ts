import { eventually, runCommand } from '@lapwing/testing';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { ADMIN_PASSWORD, Lapwing } from '../src/lapwing';

const root = path.resolve(__dirname, '../..');

interface Host {
  id: string;
  kind: string;
  status: string;
  cpu: number | null;
  memory: { total: number } | null;
}

describe('the command line at a real server', () => {
  const home = mkdtempSync(path.join(tmpdir(), 'lapwing-command-line-'));
  const file = (name: string) => path.join(home, name);
  const all: Lapwing[] = [];
  let lapwing: Lapwing;

  async function cli(...args: string[]) {
    const { LAPWING_TOKEN: _token, ...inherited } = process.env;
    const env = { ...inherited, LAPWING_URL: lapwing.url, XDG_CONFIG_HOME: file('config') };
    return runCommand([path.join(root, 'apps/cli/dist/main.js'), ...args], { env, input: `${ADMIN_PASSWORD}\n` });
  }
  async function json<T>(...args: string[]): Promise<T> {
    const { code, out, err } = await cli(...args, '--json');
    expect([code, err]).toEqual([0, '']);
    return JSON.parse(out) as T;
  }
  async function script(name: string, dataDir: string, ...args: string[]) {
    const { DATABASE_URL: _database, LAPWING_QUIET: _quiet, ...inherited } = process.env;
    const env = { ...inherited, LAPWING_DATA_DIR: dataDir };
    const { code, out, err } = await runCommand([path.join(root, `deploy/${name}.mjs`), ...args], { env, cwd: root });
    return { code, text: out + err };
  }
  async function create(): Promise<Lapwing> {
    const one = await Lapwing.create();
    all.push(one);
    return one;
  }
  async function sql(text: string): Promise<void> {
    const client = new pg.Client({ connectionString: await lapwing.databaseUrl() });
    await client.connect();
    try {
      await client.query(text);
    } finally {
      await client.end();
    }
  }

  beforeAll(async () => {
    lapwing = await create();
    await lapwing.start();
  }, 180_000);
  afterAll(async () => {
    for (const one of all) await one.remove();
    rmSync(home, { recursive: true });
  }, 60_000);

  it('logs in, and knows who that is', async () => {
    const stranger = await cli('whoami');
    expect([stranger.code, stranger.err]).toEqual([1, 'lapwing: log in, or send an API token (UNAUTHENTICATED)\n']);
    expect(await json('login', '--user', 'admin', '--password-stdin')).toMatchObject({
      user: 'admin',
      url: lapwing.url,
    });
    expect(await json('whoami')).toMatchObject({ username: 'admin', roles: ['admin'] });
  });

  it('shows the system, and this machine as a host', async () => {
    await eventually(async () => expect((await cli('status')).code).toBe(0), 60_000);
    const { alerts } = await json<{ alerts: object }>('status');
    expect(alerts).not.toBeNull();
    const host = await eventually(async () => {
      const { hosts } = await json<{ hosts: Host[] }>('hosts');
      const found = hosts.find(({ kind, cpu }) => kind === 'agent' && cpu !== null);
      if (!found) throw new Error(JSON.stringify(hosts));
      return found;
    }, 60_000);
    expect([host.status, (host.memory?.total ?? 0) > 2 ** 20]).toEqual(['online', true]);
    expect((await cli('hosts')).out).toMatch(new RegExp(`NAME +KIND +STATE[^]*agent +online +\\d+% +\\d+% of`));
    expect(await json('hosts', '--offline')).toEqual({ hosts: [] });
  }, 120_000);

  it('makes and revokes tokens', async () => {
    const { token, record } = await json<{ token: string; record: { id: string; permissions: string[] } }>(
      'tokens',
      'create',
      '--name',
      'for a script',
      '--permission',
      'alerts:view',
    );
    expect(record.permissions).toEqual(['alerts:view']);
    writeFileSync(file('token'), token, { mode: 0o600 });
    expect((await cli('alerts', 'list', '--token-file', file('token'))).code).toBe(0);
    expect(await cli('tokens', 'list', '--token-file', file('token'))).toMatchObject({ code: 1 });
    const { tokens } = await json<{ tokens: { id: string }[] }>('tokens', 'list');
    expect(tokens.map(({ id }) => id)).toContain(record.id);
    await json('tokens', 'revoke', record.id);
    await eventually(async () => expect((await cli('alerts', 'list', '--token-file', file('token'))).code).toBe(1));
  });

  it('lists and acknowledges alerts', async () => {
    // Some memory is always in use.
    const config = { memory: { warning: 0.1, critical: 100 } };
    const changed = await lapwing.ask('PUT', '/api/v1/alerts/config', lapwing.credentials, config);
    expect(changed.status).toBe(200);
    const id = await eventually(async () => {
      const { alerts } = await json<{ alerts: { id: string; type: string }[] }>('alerts', 'list', '--level', 'warning');
      const found = alerts.find(({ type }) => type === 'memory');
      if (!found) throw new Error('no alert yet');
      return found.id;
    }, 120_000);
    const both = await cli('alerts', 'ack', id, 'no-such-alert', '--json');
    expect([both.code, JSON.parse(both.out)]).toEqual([
      1,
      {
        results: [
          { id, ok: true, error: null },
          { id: 'no-such-alert', ok: false, error: expect.any(String) },
        ],
      },
    ]);
    expect((await cli('alerts', 'list')).out).toContain('acknowledged by admin');
    expect((await cli('alerts', 'unack', id)).code).toBe(0);
    const { alerts } = await json<{ alerts: { id: string }[] }>('alerts', 'list', '--history');
    expect(alerts.map((one) => one.id)).toContain(id);
    expect((await cli('alerts', 'list', '--level', 'loud')).code).toBe(2);
  }, 180_000);

  let before: { entries: number };
  it('verifies the audit trail, from wherever it is told', async () => {
    before = await json<{ entries: number }>('audit', 'verify');
    expect(before).toMatchObject({ valid: true, firstBrokenId: null, fault: null });
    expect(before.entries).toBeGreaterThan(3);
    const listed = await json<{ total: number }>('audit', 'list', '--limit', '2');
    expect(listed.total).toBeGreaterThanOrEqual(before.entries);
    expect((await lapwing.ask('GET', '/api/v1/audit/verify')).status).toBe(401);
    expect((await lapwing.get('/api/v1/audit/verify?after=-1')).status).toBe(400);
    expect(await lapwing.get('/api/v1/audit/verify?after=2')).toMatchObject({ status: 200, body: { valid: true } });
  });

  it('is saved while it runs, and put back elsewhere: users, keys, trail and agent', async () => {
    const saved = await script('backup/backup', lapwing.folder, file('running'));
    expect([saved.code, saved.text]).toEqual([0, expect.stringContaining('saved')]);
    const used = await script('backup/restore', lapwing.folder, file('running'), '--force');
    expect([used.code, used.text]).toEqual([1, expect.stringContaining('Lapwing uses this database')]);
    await lapwing.stop();

    const again = await script('backup/backup', lapwing.folder, file('stopped'));
    expect([again.code, again.text]).toEqual([0, expect.stringContaining('saved')]);
    expect(readdirSync(file('stopped/keys')).toSorted()).toEqual(readdirSync(file('running/keys')).toSorted());
    expect(readdirSync(file('stopped/keys/nats')).toSorted()).toEqual([
      'auth.conf',
      'authority.json',
      'credentials',
      'root',
    ]);

    const old = lapwing;
    lapwing = await create();
    const put = await script('backup/restore', lapwing.folder, file('running'));
    expect([put.code, put.text]).toEqual([0, expect.stringContaining('done')]);
    const key = (one: Lapwing) => readFileSync(path.join(one.folder, 'secret.key'), 'utf8');
    expect(key(lapwing)).toBe(key(old));
    await lapwing.start();
    await json('login', '--user', 'admin', '--password-stdin');
    const after = await json<{ entries: number; valid: boolean }>('audit', 'verify');
    expect([after.valid, after.entries > before.entries]).toEqual([true, true]);
    await eventually(async () => {
      const { hosts } = await json<{ hosts: Host[] }>('hosts', '--kind', 'agent');
      expect(hosts.map(({ status }) => status)).toEqual(['online']);
    }, 60_000);
  }, 300_000);

  it('finds a trail that somebody has changed', async () => {
    await sql(`ALTER TABLE auth.audit DISABLE TRIGGER audit_append_only`);
    await sql(`UPDATE auth.audit SET target = 'nobody' WHERE id = 2`);
    const found = await cli('audit', 'verify', '--json');
    expect([found.code, JSON.parse(found.out)]).toEqual([
      6,
      { valid: false, entries: 1, firstBrokenId: 2, fault: expect.stringContaining('entry 2 was changed') },
    ]);
    // What comes behind it follows what it was, and is right.
    expect(await lapwing.get('/api/v1/audit/verify?after=2')).toMatchObject({ body: { valid: true, next: null } });
  });

  it('logs out', async () => {
    const kept = JSON.parse(readFileSync(file('config/lapwing/credentials.json'), 'utf8')) as {
      sessions: Record<string, { token: string }>;
    };
    const token = kept.sessions[lapwing.url]?.token ?? '';
    expect((await cli('logout')).code).toBe(0);
    expect((await cli('whoami')).code).toBe(1);
    const me = await lapwing.ask('GET', '/api/v1/auth/me', { authorization: `Bearer ${token}` });
    expect(me.status).toBe(401);
  });
});
