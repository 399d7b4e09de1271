import { Migrations, Postgres } from '@lapwing/postgres';
import { SecretKey } from '@lapwing/service';
import { createDatabase } from '@lapwing/testing';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { AuditStore } from '../apps/auth/src/store/audit.store';
import { Database } from '../apps/auth/src/store/database';
import { serviceSchemas } from '../apps/updates/src/domain/schemas';

const root = path.resolve(__dirname, '..');
const SCHEMAS = ['lapwing', ...serviceSchemas.map(({ schema }) => schema)];
const KEY = randomBytes(32).toString('hex');
const SECRET = 'token of a node';
const key = new SecretKey(Buffer.from(KEY, 'hex'));
const nobody = { name: 'admin', userId: null, address: '192.0.2.1' };

/** A database with every migration of every service. */
async function migrate(postgres: Postgres): Promise<void> {
  for (const { app, schema } of serviceSchemas)
    await new Migrations(postgres, schema, pathToFileURL(`${path.join(root, 'apps', app, 'migrations')}/`)).run();
}

/** The audit trail's store, on tables that are up to date. */
async function audit(postgres: Postgres): Promise<AuditStore> {
  const folder = pathToFileURL(`${path.join(root, 'apps/auth/migrations')}/`);
  const migrations = new Migrations(postgres, 'auth', folder);
  await migrations.run();
  return new AuditStore(new Database(postgres, migrations), key, Date.now);
}

/** Rows in every schema, with values that are easily spoilt on the way. */
async function fill(postgres: Postgres): Promise<void> {
  const run = (text: string, values: unknown[] = []) => postgres.query('fill', text, values);
  const trail = await audit(postgres);
  for (let index = 0; index < 12; index++)
    await trail.record(nobody, { type: 'user', action: 'created', target: `user ${index}`, details: { index } });
  await run(`INSERT INTO metrics.resource (kind, agent_id, name)
    SELECT 'host', 'host-' || i, '' FROM generate_series(1, 3) AS i`);
  await run(`SELECT lapwing.ensure_partitions('metrics.host_sample', now() - interval '5 days', now())`);
  await run(`INSERT INTO metrics.host_sample (resource_id, time, seq, cpu, memory_total)
    SELECT r, now() - i * interval '40 minutes', i, i * 7, 1::bigint << 40 FROM generate_series(1, 3) r, generate_series(0, 170) i`);
  await run(`SELECT lapwing.refresh_rollup('metrics.host_sample_1m')`);
  await run(`INSERT INTO logs.stream (agent_id, source, name, last_at) VALUES ('host-1', 'journal', 'sshd', now())`);
  const line =
    'INSERT INTO logs.entry (time, seq, stream_id, line, level, message, fields) VALUES (now(), $1, 1, 0, 6, $2, $3)';
  await run(line, [1, 'tab\t, line\nfeed, \\N and \\. – 🐦', '{"a": null}']);
  await run(`SELECT logs.close_partition(name) FROM logs.partition WHERE ends = 'infinity'`);
  await run(line, [2, '', 'null']);
  await run(line, [3, 'nothing beside', null]);
  await run(
    `INSERT INTO alerting.incident (instance, opened_at, last_at, score) VALUES ('host-1', now(), 'infinity', 50)`,
  );
  await run(`INSERT INTO alerting.alert (alert_id, partition, scope, signal, level, score, resource, resource_id, instance, message, detail, why,
      value, threshold, clear_threshold, unit, track, started_at, fired_at, last_seen_at, incident_id, escalated_at)
    SELECT 'a' || i, 0, 'host', 'cpu', 'warning', 10, '{}', 'host-1', 'host-1', 'm', 'd', 'w', v, 0.1, 1e-300, '%', '{}', now(), now(), now(), 1,
      ARRAY[now(), '-infinity'::timestamptz] FROM unnest(ARRAY['NaN'::float8, 0.1 + 0.2::float8, '-Infinity']) WITH ORDINALITY AS t (v, i)`);
  await run(`INSERT INTO alerting.change (occurrence, kind, at) SELECT occurrence, 'fired', now() FROM alerting.alert`);
  await run(
    `INSERT INTO fleet.node VALUES ('pve-1', 'pve', 'pve', 'https://192.0.2.9:8006', 'root@pam', 't', $1, false, true, '', '', true, '{}', 'api', now(), now())`,
    [key.seal('node pve-1', SECRET)],
  );
  await run(`INSERT INTO settings.setting (name, value) VALUES ('a', '"x"'), ('b', 'null') ON CONFLICT DO NOTHING`);
  await run(`INSERT INTO updates.issued_license VALUES ($1, 'h', 'ABCD', 'ada@example.com', now(), now(), 'admin')`, [
    '018f3c1e-7d2a-4c3b-9a54-0123456789ab',
  ]);
}

/** A checksum over the rows of each table, in an order of their own. */
async function checksums(postgres: Postgres): Promise<Record<string, { rows: number; md5: string }>> {
  const { rows: tables } = await postgres.query<{ name: string }>(
    'tables',
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = ANY ($1) ORDER BY 1`,
    [SCHEMAS],
  );
  const found: Record<string, { rows: number; md5: string }> = {};
  for (const { name } of tables) {
    const { rows } = await postgres.query<{ rows: number; md5: string }>(
      'sum',
      `SELECT count(*) AS rows, md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) AS md5 FROM ${name} AS t`,
    );
    if (rows[0]) found[name] = rows[0];
  }
  return found;
}

describe('backup and restore', () => {
  const home = mkdtempSync(path.join(tmpdir(), 'lapwing-backup-'));
  const at = (...names: string[]) => path.join(home, ...names);
  const open: Postgres[] = [];
  const drops: (() => Promise<void>)[] = [];
  let source: { url: string; postgres: Postgres };

  async function database() {
    const { url, drop } = await createDatabase();
    drops.push(drop);
    const postgres = new Postgres({ service: 'kept', url, poolSize: 2 });
    open.push(postgres);
    return { url, postgres };
  }
  /** Connections of the tests would count as services that run. */
  async function close(...which: Postgres[]): Promise<void> {
    for (const one of which) {
      open.splice(open.indexOf(one), 1);
      await one.onApplicationShutdown();
    }
  }
  function run(script: 'backup' | 'restore', args: string[], environment: Record<string, string>, killAfter?: RegExp) {
    const { NATS_URL: _nats, LAPWING_SECRET_KEY_FILE: _file, LAPWING_SECRET_KEY: _key, ...inherited } = process.env;
    const env = { ...inherited, LAPWING_QUIET: '0', ...environment };
    const child = spawn(process.execPath, [path.join(root, `deploy/backup/${script}.mjs`), ...args], {
      env,
      cwd: root,
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (!child.killed && killAfter?.test(text)) child.kill('SIGTERM');
      });
    return new Promise<{ code: number | null; text: string }>((resolve) =>
      child.on('close', (code) => resolve({ code, text })),
    );
  }
  const from = (name = 'old') => ({ DATABASE_URL: source.url, LAPWING_DATA_DIR: at(name) });

  beforeAll(async () => {
    source = await database();
    await migrate(source.postgres);
    await fill(source.postgres);
    mkdirSync(at('old/nats/keys/credentials'), { recursive: true });
    mkdirSync(at('old/collector'));
    writeFileSync(at('old/secret.key'), KEY, { mode: 0o600 });
    writeFileSync(at('old/admin-password'), 'swordfish');
    writeFileSync(at('old/collector/identity.json'), '{"seed":"S"}');
    writeFileSync(at('old/nats/keys/authority.json'), '{"account":"A"}');
    writeFileSync(at('old/nats/keys/credentials/fleet.creds'), 'creds');
    const made = await run('backup', [at('kept/first')], from());
    expect([made.code, made.text]).toEqual([0, expect.stringContaining('saved')]);
  }, 120_000);
  afterAll(async () => {
    await close(...open);
    for (const drop of drops) await drop();
    rmSync(home, { recursive: true });
  });

  it('a backup is for its owner alone, and no half of it is left', () => {
    expect(readdirSync(at('kept'))).toEqual(['first']);
    for (const entry of readdirSync(at('kept/first'), { recursive: true, withFileTypes: true })) {
      const { mode } = statSync(path.join(entry.parentPath, entry.name));
      expect([entry.name, mode & 0o777]).toEqual([entry.name, entry.isDirectory() ? 0o700 : 0o600]);
    }
    expect(statSync(at('kept/first')).mode & 0o777).toBe(0o700);
  });

  it('comes back row by row, with keys, secrets, the trail and parts that can be written', async () => {
    const before = await checksums(source.postgres);
    const target = await database();
    await close(target.postgres);
    const put = await run('restore', [at('kept/first')], { DATABASE_URL: target.url, LAPWING_DATA_DIR: at('new') });
    expect([put.code, put.text]).toEqual([0, expect.stringContaining('done')]);

    const postgres = new Postgres({ service: 'kept', url: target.url });
    open.push(postgres);
    expect(await checksums(postgres)).toEqual(before);
    const filled = Object.keys(before).filter((name) => (before[name]?.rows ?? 0) > 0);
    for (const schema of SCHEMAS)
      expect(filled.filter((name) => name.startsWith(`${schema}.`)).length).toBeGreaterThan(1);
    expect(filled.filter((name) => name.startsWith('metrics.host_sample_p')).length).toBeGreaterThan(1);
    expect(filled.filter((name) => name.startsWith('logs.entry_'))).toHaveLength(2);

    expect(await (await audit(postgres)).verify()).toEqual({ entries: 12, isEnd: true, fault: null });
    const { rows } = await postgres.query<{ sealed: Buffer }>('node', 'SELECT sealed FROM fleet.node');
    const restored = new SecretKey(Buffer.from(readFileSync(at('new/secret.key'), 'utf8'), 'hex'));
    expect(restored.open('node pve-1', rows[0]?.sealed ?? Buffer.alloc(0))).toBe(SECRET);
    for (const name of [
      'secret.key',
      'admin-password',
      'collector/identity.json',
      'nats/keys/credentials/fleet.creds',
    ]) {
      expect([name, readFileSync(at('new', name), 'utf8')]).toEqual([name, readFileSync(at('old', name), 'utf8')]);
      expect(statSync(at('new', name)).mode & 0o777).toBe(0o600);
    }

    // Life goes on: migrations find all of theirs, sequences are ahead, series take new samples and roll them up, logs go into the open part.
    await migrate(postgres);
    const id = await postgres.query<{ id: number }>(
      'insert',
      `INSERT INTO metrics.resource (kind, agent_id, name) VALUES ('host', 'new', '') RETURNING id`,
    );
    expect(id.rows).toEqual([{ id: 4 }]);
    await postgres.query(
      'ensure',
      `SELECT lapwing.ensure_partitions('metrics.host_sample', now(), now() + interval '9 days')`,
    );
    await postgres.query('maintain', 'SELECT lapwing.maintain_partitions()');
    await postgres.query(
      'insert',
      `INSERT INTO metrics.host_sample (resource_id, time, seq, cpu) SELECT 4, now() + i * interval '1 day', i, 1 FROM generate_series(0, 8) i`,
    );
    await postgres.query('refresh', `SELECT lapwing.refresh_rollup('metrics.host_sample_1m')`);
    await postgres.query('close', `SELECT logs.close_partition(name) FROM logs.partition WHERE ends = 'infinity'`);
    await postgres.query('log', `INSERT INTO logs.entry VALUES (now() + interval '1 hour', 4, 1, 0, 6, 'later', NULL)`);
    await (await audit(postgres)).record(nobody, { type: 'user', action: 'created', target: 'later' });
    expect(await (await audit(postgres)).verify()).toMatchObject({ entries: 13, fault: null });
    await close(postgres);
  }, 120_000);

  it('refuses a database in use, and one that holds a Lapwing unless it is forced; old keys are kept aside', async () => {
    const target = await database();
    const restore = (...args: string[]) =>
      run('restore', [at('kept/first'), ...args], { DATABASE_URL: target.url, LAPWING_DATA_DIR: at('taken') });
    await target.postgres.query('here', 'SELECT 1');
    expect(await restore('--force')).toMatchObject({
      code: 1,
      text: expect.stringContaining('lapwing-kept') as string,
    });
    await migrate(target.postgres);
    await target.postgres.query('old', `INSERT INTO settings.setting (name, value) VALUES ('old', '1')`);
    const before = await checksums(target.postgres);
    await close(target.postgres);
    expect(await restore()).toMatchObject({ code: 1, text: expect.stringContaining('--force') as string });
    const again = new Postgres({ service: 'kept', url: target.url });
    open.push(again);
    expect(await checksums(again)).toEqual(before);
    await close(again);
    expect(existsSync(at('taken/secret.key'))).toBe(false);

    writeFileSync(at('taken/secret.key'), 'another');
    expect(await restore('--force')).toMatchObject({ code: 0 });
    const [aside = ''] = readdirSync(at('taken')).filter((name) => name.startsWith('replaced-keys-'));
    expect(readFileSync(at('taken', aside, 'secret.key'), 'utf8')).toBe('another');
    expect(readFileSync(at('taken/secret.key'), 'utf8')).toBe(KEY);
    const replaced = new Postgres({ service: 'kept', url: target.url });
    open.push(replaced);
    expect(await checksums(replaced)).toEqual(await checksums(source.postgres));
    await close(replaced);
    const other = { DATABASE_URL: target.url, LAPWING_DATA_DIR: at('taken'), LAPWING_SECRET_KEY: 'ab'.repeat(32) };
    const wrong = await run('restore', [at('kept/first'), '--force'], other);
    expect(wrong).toMatchObject({ code: 1, text: expect.stringContaining('is not the key of this backup') as string });
  }, 120_000);

  it.each([
    ['a table that is shorter', (folder: string) => truncateSync(path.join(folder, 'database/auth.audit.copy.gz'), 20)],
    [
      'a key that was changed',
      (folder: string) => writeFileSync(path.join(folder, 'keys/secret.key'), 'ab'.repeat(32)),
    ],
    ['a file that is missing', (folder: string) => rmSync(path.join(folder, 'database/fleet.node.copy.gz'))],
    ['a manifest that was changed', (folder: string) => append(path.join(folder, 'manifest.json'))],
    ['no manifest', (folder: string) => rmSync(path.join(folder, 'manifest.json'))],
  ])('refuses a backup with %s, before it touches anything', async (_what, spoil) => {
    const folder = at(`spoilt-${randomBytes(4).toString('hex')}`);
    cpSync(at('kept/first'), folder, { recursive: true });
    spoil(folder);
    // Nobody listens there: the database is not even asked.
    const nowhere = { DATABASE_URL: 'postgres://lapwing@127.0.0.1:1/lapwing', LAPWING_DATA_DIR: at('untouched') };
    const { code, text } = await run('restore', [folder], nowhere);
    expect([code, text]).toEqual([1, expect.stringMatching(/is damaged: |is no backup/)]);
    expect(existsSync(at('untouched'))).toBe(false);
  });

  it('refuses a backup of a newer version', async () => {
    const folder = at('newer');
    cpSync(at('kept/first'), folder, { recursive: true });
    const file = path.join(folder, 'manifest.json');
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    writeFileSync(file, JSON.stringify({ ...manifest, version: '99.0.0' }));
    writeFileSync(path.join(folder, 'manifest.sha256'), createHash('sha256').update(readFileSync(file)).digest('hex'));
    const { code, text } = await run('restore', [folder, '--check'], from());
    expect([code, text]).toEqual([1, expect.stringContaining('99.0.0')]);
  });

  it('fills no table that is not Lapwing’s, whatever the backup says', async () => {
    const folder = at('foreign');
    cpSync(at('kept/first'), folder, { recursive: true });
    const file = path.join(folder, 'manifest.json');
    const text = readFileSync(file, 'utf8').replace(/"schema": ?"fleet"/, '"schema":"pg_catalog"');
    expect(text).toContain('"schema":"pg_catalog"');
    writeFileSync(file, text);
    writeFileSync(path.join(folder, 'manifest.sha256'), createHash('sha256').update(readFileSync(file)).digest('hex'));
    const empty = await database();
    const { code, text: said } = await run('restore', [folder], { ...from('foreign-data'), DATABASE_URL: empty.url });
    expect([code, said]).toEqual([1, expect.stringContaining('which is not Lapwing')]);
  });

  it('leaves nothing behind when it is stopped, and writes over nothing', async () => {
    const stopped = await run('backup', [at('kept/second')], from(), /saving the database/);
    expect([stopped.code, stopped.text]).toEqual([1, expect.stringContaining('nothing was saved')]);
    expect(readdirSync(at('kept'))).toEqual(['first']);
    const over = await run('backup', [at('kept/first')], from());
    expect([over.code, over.text]).toEqual([1, expect.stringContaining('is there already')]);
    const empty = await database();
    const nothing = await run('backup', [at('kept/third')], { ...from(), DATABASE_URL: empty.url });
    expect([nothing.code, nothing.text]).toEqual([1, expect.stringContaining('holds no Lapwing')]);
    const keyless = await run('backup', [at('kept/third')], from('keyless'));
    expect([keyless.code, keyless.text]).toEqual([1, expect.stringContaining('there is no secret key')]);
    expect(readdirSync(at('kept'))).toEqual(['first']);
  });

  it('never shows the password of the database', async () => {
    const away = source.url.replace(/:\d+\//, ':1/');
    const { code, text } = await run('backup', [at('kept/none')], { ...from(), DATABASE_URL: away });
    expect([code, text]).toEqual([1, expect.stringContaining('cannot be reached (ECONNREFUSED)')]);
    expect(text).not.toContain(new URL(source.url).password);
  });
});

function append(file: string): void {
  writeFileSync(file, `${readFileSync(file, 'utf8')} `);
}
