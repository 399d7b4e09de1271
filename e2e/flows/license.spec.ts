import { makeKeys, signEnvelope } from '@lapwing/signing';
import { eventually, freePort } from '@lapwing/testing';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Lapwing } from '../src/lapwing';

const root = path.resolve(__dirname, '../..');
const EMAIL = 'ada@example.com';
const UNKNOWN = 'AAAA-BBBB-CCCC-DDDD';
const STATUS = '/api/v1/license/status';
const VALIDATE = '/api/v1/license/validate';
const NONE = { valid: false, email: null, updatesExpireAt: null, updatesActive: false };
const INVALID = { success: false, error: 'Invalid license key', code: 'INVALID_LICENSE', details: {} };

interface Issued {
  license: { id: string; email: string };
  licenseKey: string;
}

describe('licences', () => {
  const keys = makeKeys();
  const folder = mkdtempSync(path.join(tmpdir(), 'lapwing-licenses-'));
  const file = (name: string) => path.join(folder, name);
  let lapwing: Lapwing;
  let token: string;
  let issued: Issued;

  /** A token of its own for each purpose: the checks of one are counted. */
  async function tokenFor(permissions: string[]): Promise<string> {
    const draft = { name: 'for licences', permissions };
    const { body } = await lapwing.ask<{ token: string }>('POST', '/api/security/tokens', lapwing.credentials, draft);
    return body.token;
  }
  const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
  const validate = (licenseKey: string, email = EMAIL, by = token) =>
    lapwing.ask('POST', VALIDATE, bearer(by), { email, licenseKey });
  const status = async () => (await lapwing.ask('GET', STATUS, bearer(token))).body;

  async function cli(args: string[], environment: Record<string, string> = { LAPWING_TOKEN: token }) {
    const { LAPWING_TOKEN: _token, ...inherited } = process.env;
    const env = { ...inherited, LAPWING_URL: lapwing.url, ...environment };
    const child = spawn(process.execPath, [path.join(root, 'apps/cli/dist/main.js'), ...args], { env });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, out, err };
  }
  const issue = async (until = '2099-01-31') => {
    const { code, out, err } = await cli(['license', 'issue', '--email', EMAIL, '--until', until, '--json']);
    expect([code, err]).toEqual([0, '']);
    return JSON.parse(out) as Issued;
  };

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    const environment = { LICENSE_FILE: file('license.json'), LICENSE_TRUSTED_KEYS: keys.publicKey };
    await lapwing.start([], environment);
    token = await tokenFor(['system:write', 'security:manage']);
    const viewer = { username: 'viewer', password: 'long enough', roles: ['viewer'] };
    expect((await lapwing.ask('POST', '/api/v1/users', lapwing.credentials, viewer)).status).toBe(201);
  }, 180_000);
  afterAll(async () => {
    await lapwing.remove();
    rmSync(folder, { recursive: true });
  }, 60_000);

  it('are none at first, and shown to whoever is known', async () => {
    const viewer = await lapwing.credentialsOf('viewer', 'long enough');
    expect(await lapwing.ask('GET', STATUS, viewer)).toMatchObject({ status: 200, body: NONE });
    const body = { email: EMAIL, licenseKey: UNKNOWN };
    expect(await lapwing.ask('POST', VALIDATE, viewer, body)).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
    const anonymous = { status: 401, body: { code: 'UNAUTHENTICATED' } };
    expect(await lapwing.ask('GET', STATUS)).toMatchObject(anonymous);
    expect(await lapwing.ask('POST', VALIDATE, {}, body)).toMatchObject(anonymous);
    expect(await lapwing.ask('GET', '/api/v1/license/issued')).toMatchObject(anonymous);
  });

  it('are issued at the command line, validated and held', async () => {
    issued = await issue();
    expect(issued.licenseKey).toMatch(/^[A-HJ-NP-Z2-9]{4}(-[A-HJ-NP-Z2-9]{4}){3}$/);
    const { status: code, body } = await validate(issued.licenseKey.toLowerCase(), 'Ada@Example.com');
    const updatesExpireAt = '2099-01-31T23:59:59Z';
    expect([code, body]).toEqual([200, { valid: true, message: 'License validated', updatesExpireAt }]);
    expect(await status()).toEqual({ valid: true, email: EMAIL, updatesExpireAt, updatesActive: true });
    const shown = await cli(['license', 'status']);
    expect(shown.out).toMatch(
      /valid +yes\nemail +ada@example.com\nupdates until +2099-01-31T23:59:59Z\nupdates active +yes/,
    );
    const listed = await cli(['license', 'list']);
    expect(listed.out.split('\n')[1]).toMatch(`${issued.license.id}  ${EMAIL}  ${issued.licenseKey.slice(0, 4)}-…`);
    expect(listed.out).not.toContain(issued.licenseKey);
  });

  it('are refused in the words of the document, whatever was wrong', async () => {
    const wrong = await Promise.all([validate(UNKNOWN), validate(issued.licenseKey, 'bob@example.com')]);
    for (const answer of wrong) expect([answer.status, answer.body]).toEqual([401, INVALID]);
    for (const answer of [await validate('AAAA-BBBB'), await validate(issued.licenseKey, 'nobody')]) {
      expect(answer).toMatchObject({ status: 400, body: { success: false, code: 'INVALID_INPUT' } });
      expect(JSON.stringify(answer.body)).not.toContain(issued.licenseKey);
    }
    expect(await status()).toMatchObject({ valid: true });
  });

  it('can be checked by the servers of others, and nothing is held for that', async () => {
    const other = await issue('2098-01-01T12:00:00+02:00');
    const by = bearer(await tokenFor(['licenses:check']));
    const check = (licenseKey: string) =>
      lapwing.ask('POST', '/api/v1/license/check', by, { email: EMAIL, licenseKey });
    const yes = await check(other.licenseKey);
    const answer = { valid: true, message: 'License validated', updatesExpireAt: '2098-01-01T10:00:00Z' };
    expect([yes.status, yes.body]).toEqual([200, answer]);
    const no = await check(UNKNOWN);
    expect([no.status, no.body]).toEqual([401, INVALID]);
    expect(await status()).toMatchObject({ updatesExpireAt: '2099-01-31T23:59:59Z' });
    expect((await lapwing.ask('POST', VALIDATE, by, { email: EMAIL, licenseKey: UNKNOWN })).status).toBe(403);
  });

  it('count no more as soon as they are taken back', async () => {
    expect((await cli(['license', 'revoke', issued.license.id])).code).toBe(0);
    expect(await status()).toMatchObject({ valid: false, email: EMAIL, updatesActive: false });
    expect(await validate(issued.licenseKey)).toMatchObject({ status: 401, body: INVALID });
    const unknown = await cli(['license', 'revoke', '018f3c1e-7d2a-4c3b-9a54-0123456789ab']);
    expect([unknown.code, unknown.out, unknown.err]).toEqual([1, '', 'lapwing: no such licence (NOT_FOUND)\n']);
  });

  it('come signed in a file, too', async () => {
    const keyFile = file('key.pem');
    writeFileSync(keyFile, keys.privateKey, { mode: 0o644 });
    const draft = [
      '--email',
      EMAIL,
      '--until',
      '2099-12-31',
      '--key',
      keyFile,
      '--out',
      file('license.json'),
      '--json',
    ];
    const open = await cli(['license', 'sign', ...draft], {});
    expect([open.code, open.err]).toEqual([2, `lapwing: ${keyFile} may be read by others; make it mode 600\n`]);
    chmodSync(keyFile, 0o600);
    expect(existsSync(file('license.json'))).toBe(false);
    const { code, out } = await cli(['license', 'sign', ...draft], {});
    const signed = JSON.parse(out) as { licenseKey: string; publicKey: string };
    expect([code, signed.publicKey]).toEqual([0, keys.publicKey]);
    expect(readFileSync(file('license.json'), 'utf8')).not.toContain(signed.licenseKey);
    const updatesExpireAt = '2099-12-31T23:59:59Z';
    expect(await status()).toEqual({ valid: true, email: EMAIL, updatesExpireAt, updatesActive: true });
    expect((await validate(signed.licenseKey)).status).toBe(200);
    expect(await cli(['license', 'sign', ...draft], {})).toMatchObject({ code: 2 });
  });

  it('that are forged stop nothing, and health says it', async () => {
    const forged = signEnvelope('application/vnd.lapwing.license+json', {}, [makeKeys().privateKey]);
    writeFileSync(file('license.json'), JSON.stringify(forged));
    const health = await lapwing.ask<{ services: Record<string, unknown> }>(
      'GET',
      '/api/system/health',
      lapwing.credentials,
    );
    expect(health.body.services['updates']).toMatchObject({ status: 'degraded' });
    const taken = async () => JSON.stringify((await lapwing.get('/api/v1/system/resources')).body);
    const before = await taken();
    await eventually(async () => expect(await taken()).not.toBe(before));
    expect((await lapwing.get('/api/alerts/active')).status).toBe(200);
    const logs = spawnSync('grep', ['-rhc', 'the licence file is ignored', path.join(lapwing.folder, 'logs')]);
    const said = logs.stdout.toString().split('\n').map(Number);
    // Once when there was none, once when it was forged.
    expect(said.reduce((sum, count) => sum + count, 0)).toBe(2);
  });

  it('are checked ten times a minute', async () => {
    const by = await tokenFor(['system:write']);
    const answers: number[] = [];
    for (let attempt = 0; attempt < 12; attempt++) answers.push((await validate(UNKNOWN, EMAIL, by)).status);
    expect(answers).toEqual([...Array<number>(10).fill(401), 429, 429]);
    expect(await validate(UNKNOWN, EMAIL, by)).toMatchObject({ body: { code: 'RATE_LIMITED' } });
  });

  it('leave their keys in no log, no database and no audit trail', async () => {
    const trail = await eventually(async () => {
      const text = JSON.stringify((await lapwing.get('/api/v1/audit?limit=100')).body);
      for (const action of ['validated', 'issued', 'revoked']) expect(text).toContain(`"${action}"`);
      return text;
    });
    expect(trail).toContain(EMAIL);
    expect(trail).not.toContain(issued.licenseKey);
    for (const key of [issued.licenseKey, issued.licenseKey.toLowerCase()]) {
      const found = spawnSync('grep', ['-rlF', '-e', key, lapwing.folder], { encoding: 'utf8' });
      expect([found.status, found.stdout]).toEqual([1, '']);
    }
  });

  it('the command line says by its exit code what went wrong', async () => {
    const refused = await cli(['license', 'list'], {});
    expect([refused.code, refused.err]).toEqual([1, 'lapwing: log in, or send an API token (UNAUTHENTICATED)\n']);
    writeFileSync(file('token'), `${token}\n`);
    expect(await cli(['license', 'list', '--token-file', file('token')], {})).toMatchObject({ code: 0, err: '' });
    const past = await cli(['license', 'issue', '--email', EMAIL, '--until', '2020-01-01']);
    expect([past.code, past.err]).toEqual([1, expect.stringContaining('(INVALID_INPUT)')]);
    for (const wrong of [['--until', 'soon'], ['--until', '2027-02-31'], [], ['--unknown']])
      expect((await cli(['license', 'issue', '--email', EMAIL, ...wrong])).code).toBe(2);
    expect((await cli(['license', 'status', '--token-file', file('none')])).code).toBe(2);
    const away = await cli(['license', 'status', '--url', `http://127.0.0.1:${await freePort()}`]);
    expect([away.code, away.err]).toEqual([3, expect.stringContaining('ECONNREFUSED')]);
  });
});
