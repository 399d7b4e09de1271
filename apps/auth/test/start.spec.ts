import {
  auditList,
  auditVerify,
  passwordChange,
  recoverySet,
  securityStatusGet,
  setupCreate,
} from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import bcrypt from 'bcrypt';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { auditOccurred } from '@lapwing/contracts';
import { loadConfig } from '../src/config';
import { hashOf } from '../src/domain/credentials';
import { AuditStore } from '../src/store/audit.store';
import { Harness, KEY, newAddress } from './harness';

const setup = { username: 'first', password: 'long enough', withToken: true, bootstrapToken: null };

describe('the first start', () => {
  let auth: Harness;
  afterEach(() => auth.stop());

  it('makes the administrator of PULSE_AUTH_USER; a password that was changed since stays changed', async () => {
    auth = await Harness.start({
      LAPWING_ADMIN_PASSWORD: '',
      PULSE_AUTH_USER: 'boss',
      PULSE_AUTH_PASS: 'from the environment',
    });
    const { token, user } = await auth.logIn('boss', 'from the environment');
    expect(user.roles).toEqual(['admin']);
    await auth.bus.request(passwordChange, {
      actor: await auth.actor(token),
      current: 'from the environment',
      next: 'changed since then',
    });
    await auth.serve();
    await auth.logIn('boss', 'changed since then');
    await auth.serve({ PULSE_AUTH_PASS: 'another one from there' });
    expect(await auth.principal(token)).toBeNull();
    await auth.logIn('boss', 'another one from there');
    await expect(auth.logIn('boss', 'changed since then')).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });

  it.each([12, 10])('takes a bcrypt hash of cost %d, also as PHP writes it, and hashes anew', async (cost) => {
    const hash = (await bcrypt.hash('hashed before', cost)).replace('$2b$', '$2y$');
    auth = await Harness.start({ LAPWING_ADMIN_PASSWORD: '', PULSE_AUTH_USER: 'boss', PULSE_AUTH_PASS: hash });
    await auth.logIn('boss', 'hashed before');
    const [row] = await auth.sql<{ password_hash: string }>('SELECT password_hash FROM auth."user"');
    expect(row?.password_hash).toMatch(/^\$2[by]\$12\$/);
    await auth.serve();
    await auth.logIn('boss', 'hashed before');
    await expect(auth.logIn('boss', hash)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });

  it('quick setup: once, for somebody near, or with the bootstrap token', async () => {
    auth = await Harness.start({ LAPWING_ADMIN_PASSWORD: '' });
    const address = newAddress();
    expect(await auth.bus.request(securityStatusGet, {})).toMatchObject({ users: false, tokens: false });
    const ask = (more: object) => auth.bus.request(setupCreate, { ...setup, near: false, address, ...more });
    await expect(ask({})).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(ask({ bootstrapToken: 'guessed' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(ask({ near: true, password: 'short' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: '"password": 8 to 72 bytes',
    });
    const attempts = await Promise.allSettled([1, 2, 3].map((n) => ask({ near: true, username: `first-${n}` })));
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const made = attempts.find((one) => one.status === 'fulfilled') as PromiseFulfilledResult<{ apiToken: string }>;
    expect(await auth.principal(made.value.apiToken)).toMatchObject({ permissions: ['*'] });
    await expect(ask({ near: true })).rejects.toMatchObject({ code: 'ALREADY_CONFIGURED' });
    expect(await auth.sql(`SELECT 1 FROM auth.start WHERE name = 'bootstrap token'`)).toEqual([]);
  });

  it('quick setup from afar, with the token of the log', async () => {
    auth = await Harness.start({ LAPWING_ADMIN_PASSWORD: '' });
    const token = 'known-to-the-test';
    await auth.sql(`UPDATE auth.start SET value = $1 WHERE name = 'bootstrap token'`, [hashOf(token)]);
    await auth.bus.request(setupCreate, { ...setup, near: false, bootstrapToken: token, address: newAddress() });
    expect((await auth.logIn('first', 'long enough')).user.roles).toEqual(['admin']);
  });

  it('refuses to start with another secret key', async () => {
    auth = await Harness.start();
    const child = spawn(process.execPath, [path.join(__dirname, '../dist/main.js')], {
      env: {
        ...process.env,
        NATS_URL: auth.nats.url,
        DATABASE_URL: auth.database.url,
        LAPWING_SECRET_KEY: KEY.replace('0', 'f'),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let printed = '';
    child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(1);
    expect(printed).toContain('LAPWING_SECRET_KEY is not the key that this database was made with');
    expect(printed).not.toContain(KEY.slice(4));
  });

  it.each([
    [{ PULSE_AUTH_USER: 'boss' }, 'PULSE_AUTH_USER and PULSE_AUTH_PASS go together'],
    [{ PULSE_AUTH_USER: 'boss', PULSE_AUTH_PASS: 'short' }, 'PULSE_AUTH_PASS: 8 to 72 bytes'],
    [{ PULSE_AUTH_USER: 'boss', PULSE_AUTH_PASS: `$2b$13$${'a'.repeat(53)}` }, 'cost 4 to 12'],
    [{ OIDC_ISSUER: 'http://id.example.com' }, 'OIDC_ISSUER'],
    [{ OIDC_ISSUER: 'https://id.example.com' }, 'OIDC_CLIENT_ID'],
    [{ OIDC_ROLE_MAP: 'ops' }, 'group=role'],
    [{ LAPWING_ADMIN_PASSWORD: 'hunter2' }, 'LAPWING_ADMIN_PASSWORD: 8 to 72 bytes'],
  ])('says what is wrong with %j, and never the value', async (environment, text) => {
    auth = await Harness.start();
    let told = '';
    try {
      loadConfig(environment);
    } catch (error) {
      told = String(error);
    }
    expect(told).toContain(text);
    expect(told).not.toContain('hunter2');
  });

  it('recovery mode is kept for 15 minutes, and told in the audit trail', async () => {
    auth = await Harness.start();
    const { recoveryUntil } = await auth.bus.request(recoverySet, { on: true, address: '127.0.0.1' });
    expect(Math.abs((recoveryUntil ?? 0) - Date.now() - 900_000)).toBeLessThan(5000);
    expect((await auth.bus.request(securityStatusGet, {})).recoveryUntil).toBe(recoveryUntil);
    await auth.bus.request(recoverySet, { on: false, address: '127.0.0.1' });
    expect((await auth.bus.request(securityStatusGet, {})).recoveryUntil).toBeNull();
    const { entries } = await auth.bus.request(auditList, { limit: 10, type: 'recovery' });
    expect(entries.map(({ action }) => action)).toEqual(['ended', 'started']);
  });
});

describe('the audit trail', () => {
  let auth: Harness;
  beforeEach(async () => {
    auth = await Harness.start();
  });
  afterEach(() => auth.stop());

  const happened = (target: string, eventId: string = randomUUID()) =>
    auth.bus.publish(auditOccurred, 'gateway', {
      type: 'process',
      action: 'signalled',
      target,
      details: { signal: 'SIGTERM' },
      eventId,
      time: Date.now(),
      actor: { name: 'ada\r\n\u001b[31m', userId: null, address: '192.0.2.1' },
    });
  const list = (filter: object = {}) => auth.bus.request(auditList, { limit: 100, ...filter });
  /** Does what the trigger forbids, as somebody who owns the database can. */
  const tamper = (statement: string) =>
    auth.sql(
      `BEGIN; ALTER TABLE auth.audit DISABLE TRIGGER ALL; ${statement}; ALTER TABLE auth.audit ENABLE TRIGGER ALL; COMMIT`,
    );

  it('keeps what happened, once, in a chain; and shows it by page and filter', async () => {
    const eventId = randomUUID();
    await happened('1', eventId);
    await eventually(async () => expect((await list({ type: 'process' })).total).toBe(1));
    await auth
      .get(AuditStore)
      .record(
        { name: 'x', userId: null, address: '' },
        { type: 'process', action: 'signalled', target: '1' },
        { eventId, time: 1 },
      );
    for (let index = 2; index <= 30; index++) await happened(String(index));
    await eventually(async () => expect((await list({ type: 'process' })).total).toBe(30));
    const { entries } = await list({ type: 'process', limit: 10 });
    expect(entries.map(({ target }) => target)).toEqual(Array.from({ length: 10 }, (_, index) => String(30 - index)));
    expect(entries[0]).toMatchObject({ user: 'ada???[31m', details: { signal: 'SIGTERM' }, address: '192.0.2.1' });
    const next = await list({ type: 'process', limit: 10, before: entries[9]?.id });
    expect(next.entries[0]?.target).toBe('20');
    expect((await list({ type: 'process', limit: 5, offset: 28 })).entries).toHaveLength(2);
    expect((await list({ user: 'nobody' })).total).toBe(0);
    expect((await list({ to: Date.now() - 3_600_000 })).total).toBe(0);
    expect((await list({ action: "' OR 1=1 --" })).total).toBe(0);
    expect(await auth.get(AuditStore).verify()).toEqual({ entries: (await list()).total, isEnd: true, fault: null });
  });

  it('grows without a hole, whoever writes at the same time', async () => {
    const store = auth.get(AuditStore);
    const actor = { name: 'x', userId: null, address: '' };
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        store.record(actor, { type: 'test', action: 'done', target: String(index) }),
      ),
    );
    const ids = (await list({ type: 'test' })).entries.map(({ id }) => id);
    expect(ids).toEqual(Array.from({ length: 50 }, (_, index) => (ids[0] ?? 0) - index));
    expect(await store.verify()).toMatchObject({ isEnd: true, fault: null });
  });

  it('is checked a page at a time, as long as there is time', async () => {
    const store = auth.get(AuditStore);
    const actor = { name: 'x', userId: null, address: '' };
    for (let index = 0; index < 1100; index++)
      await store.record(actor, { type: 'test', action: 'done', target: String(index) });
    const first = await store.verify(0, () => false);
    expect(first).toEqual({ entries: 1000, isEnd: false, fault: null });
    const { total } = await list();
    expect(await store.verify(first.entries, () => false)).toEqual({ entries: total, isEnd: true, fault: null });
    const verify = (after: number) => auth.bus.request(auditVerify, { after });
    expect(await verify(0)).toEqual({ valid: true, entries: total, firstBrokenId: null, fault: null, next: null });
    expect(await verify(total + 1)).toMatchObject({ valid: false, firstBrokenId: total + 1, next: null });
    await tamper(`UPDATE auth.audit SET "user" = 'nobody' WHERE id = 1050`);
    expect(await store.verify(0, () => false)).toMatchObject({ entries: 1000, fault: null });
    expect(await verify(1000)).toMatchObject({ valid: false, entries: 1049, firstBrokenId: 1050, next: null });
    expect(await verify(1050)).toMatchObject({ valid: true });
  });

  it.each([['UPDATE auth.audit SET target = $$x$$'], ['DELETE FROM auth.audit'], ['TRUNCATE auth.audit']])(
    'refuses %s',
    async (statement) => {
      await expect(auth.sql(statement)).rejects.toThrow('append-only');
    },
  );

  it.each([
    ['an edited entry', "UPDATE auth.audit SET target = 'somebody else' WHERE id = 3", 'entry 3 was changed'],
    ['edited details', `UPDATE auth.audit SET details = '{}' || details WHERE id = 2`, 'entry 2 was changed'],
    ['a removed entry', 'DELETE FROM auth.audit WHERE id = 3', 'entry 3 is missing'],
    ['entries cut off at the end', 'DELETE FROM auth.audit WHERE id >= 4', 'the trail ends at entry 3'],
    [
      'two entries that changed places',
      'UPDATE auth.audit SET id = -3 WHERE id = 3; UPDATE auth.audit SET id = 3 WHERE id = 4; UPDATE auth.audit SET id = 4 WHERE id = -3',
      'entry 3 was changed',
    ],
    [
      'a head that somebody moved',
      'DELETE FROM auth.audit WHERE id >= 4; UPDATE auth.audit_head SET last_id = 3, hash = (SELECT hash FROM auth.audit WHERE id = 3)',
      'without the key',
    ],
  ])('finds %s', async (_, statement, text) => {
    for (let index = 1; index <= 5; index++) await happened(String(index));
    await eventually(async () => expect((await list({ type: 'process' })).total).toBe(5));
    await tamper(statement);
    expect(await auth.get(AuditStore).verify()).toMatchObject({
      fault: { fault: expect.stringContaining(text) as string },
    });
  });
});
