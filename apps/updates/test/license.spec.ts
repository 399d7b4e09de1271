import { LapwingError, issuedlicenseCheck, issuedlicenseList, issuedlicenseRevoke } from '@lapwing/contracts';
import { Migrations, Postgres, Schema } from '@lapwing/postgres';
import { SecretKey } from '@lapwing/service';
import { makeKeys } from '@lapwing/signing';
import { WebhookReceiver, eventually } from '@lapwing/testing';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { LicenseRenewalService } from '../src/services/license-renewal.service';
import { LicenseServer } from '../src/services/license-server';
import { LicenseStore } from '../src/store/license.store';
import { DAY_MS, EMAIL, Licensing, actor } from './license-harness';

const INVALID = 'INVALID_LICENSE: Invalid license key';
const EXPIRED = 'UPDATES_EXPIRED: Updates expired. Please renew your license.';
const NONE = { valid: false, email: null, updatesExpireAt: null, updatesActive: false, source: null };
const UNKNOWN = 'AAAA-BBBB-CCCC-DDDD';

let licensing: Licensing;
beforeAll(async () => {
  licensing = await Licensing.start();
}, 60_000);
beforeEach(() => licensing.forget());
afterAll(() => licensing.stop());

describe('a licence that was issued here', () => {
  beforeAll(() => licensing.serve());

  it('is held once it was checked, whatever the case of its letters', async () => {
    expect(await licensing.get()).toEqual(NONE);
    const { license, licenseKey } = await licensing.issue(30);
    expect(license).toMatchObject({ email: EMAIL, prefix: licenseKey.slice(0, 4), issuedBy: 'admin', revokedAt: null });
    const { updatesExpireAt } = license;
    const held = { valid: true, email: EMAIL, updatesExpireAt, updatesActive: true, source: 'issued' };
    expect(await licensing.validate(licenseKey.toLowerCase(), 'Ada@EXAMPLE.com')).toEqual(held);
    expect(await licensing.get()).toEqual(held);
    const listed = await licensing.bus.request(issuedlicenseList, {});
    expect(listed.licenses[0]).toEqual(license);
  });

  it('is refused with the same words whatever was wrong', async () => {
    const { licenseKey } = await licensing.issue(30);
    const revoked = await licensing.issue(30);
    await licensing.bus.request(issuedlicenseRevoke, { actor, id: revoked.license.id });
    expect(await licensing.validate(UNKNOWN)).toBe(INVALID);
    expect(await licensing.validate(licenseKey, 'bob@example.com')).toBe(INVALID);
    expect(await licensing.validate(revoked.licenseKey)).toBe(INVALID);
    expect(await licensing.validate('AAAA-BBBB')).toMatch('INVALID_INPUT');
    expect(await licensing.validate(licenseKey, 'nobody')).toMatch('INVALID_INPUT');
    expect(await licensing.get()).toEqual(NONE);
  });

  it('does not take the place of the one that is held when it is wrong', async () => {
    const { licenseKey, license } = await licensing.issue(30);
    await licensing.validate(licenseKey);
    expect(await licensing.validate(UNKNOWN)).toBe(INVALID);
    expect(await licensing.get()).toMatchObject({ valid: true, updatesExpireAt: license.updatesExpireAt });
  });

  it('counts no more as soon as it is taken back', async () => {
    const { licenseKey, license } = await licensing.issue(30);
    await licensing.validate(licenseKey);
    expect(await licensing.gate()).toBe('may');
    const first = await licensing.bus.request(issuedlicenseRevoke, { actor, id: license.id });
    expect(await licensing.get()).toMatchObject({ valid: false, email: EMAIL, updatesActive: false });
    expect(await licensing.gate()).toMatch('taken back');
    const again = await licensing.bus.request(issuedlicenseRevoke, { actor, id: license.id });
    expect(again).toEqual(first);
    const id = '018f3c1e-7d2a-4c3b-9a54-0123456789ab';
    const missing = licensing.bus.request(issuedlicenseRevoke, { actor, id });
    await expect(missing).rejects.toThrow(new LapwingError('NOT_FOUND', 'no such licence'));
  });

  it('can be checked for others, and is not held for that', async () => {
    const { licenseKey, license } = await licensing.issue(30);
    const check = (key: string, email = EMAIL) => licensing.bus.request(issuedlicenseCheck, { email, licenseKey: key });
    expect(await check(licenseKey)).toEqual({ updatesExpireAt: license.updatesExpireAt });
    expect(await licensing.get()).toEqual(NONE);
    await licensing.bus.request(issuedlicenseRevoke, { actor, id: license.id });
    const invalid = new LapwingError('INVALID_LICENSE');
    await expect(check(licenseKey)).rejects.toThrow(invalid);
    await expect(check(UNKNOWN)).rejects.toThrow(invalid);
    await expect(check((await licensing.issue(30)).licenseKey, 'bob@example.com')).rejects.toThrow(invalid);
  });

  it('must have an end that is to come', async () => {
    await expect(licensing.issue(-1)).rejects.toThrow('must lie in the future');
  });

  it('leaves its key nowhere in the database', async () => {
    const { licenseKey } = await licensing.issue(30);
    await licensing.validate(licenseKey);
    const rows = await licensing.sql<{ text: string }>(
      'SELECT l::text AS text FROM updates.license l UNION ALL SELECT i::text FROM updates.issued_license i',
    );
    expect(rows.length).toBeGreaterThan(1);
    expect(rows.map(({ text }) => text).join('\n')).not.toContain(licenseKey);
  });
});

describe('new releases', () => {
  beforeAll(() => licensing.serve());

  it('end with the licence, and come back with another one', async () => {
    await licensing.validate((await licensing.issue(30)).licenseKey);
    licensing.ahead = 29 * DAY_MS;
    expect(await licensing.gate()).toBe('may');
    licensing.ahead = 31 * DAY_MS;
    expect(await licensing.gate()).toMatch(EXPIRED);
    expect(await licensing.get()).toMatchObject({ valid: true, updatesActive: false });
    await licensing.validate((await licensing.issue(30)).licenseKey);
    expect(await licensing.gate()).toBe('may');
    licensing.ahead = 0;
  });

  it('do not come back with a clock that is set back', async () => {
    const { licenseKey } = await licensing.issue(30);
    await licensing.validate(licenseKey);
    await licensing.sql(
      `INSERT INTO updates.feed (channel, sequence, digest, issued_at, document, checked_at)
       VALUES ('stable', 7, 'x', to_timestamp($1::float8 / 1000), '{}', now())`,
      [Date.now() + 31 * DAY_MS],
    );
    licensing.ahead = -365 * DAY_MS;
    expect(await licensing.gate()).toMatch(EXPIRED);
    expect(await licensing.get()).toMatchObject({ valid: true, updatesActive: false });
    expect(await licensing.validate(licenseKey)).toMatchObject({ updatesActive: false });
    licensing.ahead = 0;
  });

  it('are open to everybody, unless a licence is wanted', async () => {
    expect(await licensing.gate()).toBe('may');
    await licensing.serve({ LICENSE_REQUIRED: 'true' });
    expect(await licensing.gate()).toMatch(EXPIRED);
    await licensing.validate((await licensing.issue(1)).licenseKey);
    expect(await licensing.gate()).toBe('may');
  });
});

describe('a licence in a file', () => {
  const KEY = 'ABCD-EFGH-JKMN-PQRS';
  const IGNORED = 'the licence file is ignored: ';
  const ok = { status: 'healthy', message: 'nothing is wrong with licences' };
  const put = async (text: string) => {
    await writeFile(`${licensing.file}.new`, text);
    await rename(`${licensing.file}.new`, licensing.file);
  };
  beforeAll(() => licensing.serve({ LICENSE_FILE: licensing.file, LICENSE_REQUIRED: 'true' }));
  afterEach(() => rm(licensing.file, { recursive: true, force: true }));

  it('counts by itself, and its key can be checked', async () => {
    expect(await licensing.gate()).toMatch('there is no licence');
    await put(licensing.signed(KEY));
    expect(await licensing.get()).toMatchObject({ valid: true, email: EMAIL, updatesActive: true, source: 'file' });
    expect(await licensing.gate()).toBe('may');
    expect(await licensing.health()).toEqual(ok);
    expect(await licensing.validate(UNKNOWN)).toBe(INVALID);
    expect(await licensing.validate(KEY, 'bob@example.com')).toBe(INVALID);
    expect(await licensing.validate(KEY.toLowerCase())).toMatchObject({ valid: true, source: 'file' });
  });

  it('counts beside another one where it lasts longer', async () => {
    const { license, licenseKey } = await licensing.issue(60);
    await licensing.validate(licenseKey);
    await put(licensing.signed(KEY));
    expect(await licensing.get()).toMatchObject({ source: 'issued', updatesExpireAt: license.updatesExpireAt });
    await put(licensing.signed(KEY, { updatesExpireAt: new Date(Date.now() + 90 * DAY_MS).toISOString() }));
    expect(await licensing.get()).toMatchObject({ source: 'file', updatesActive: true });
  });

  it('ends when it says so', async () => {
    await put(licensing.signed(KEY));
    licensing.ahead = 31 * DAY_MS;
    expect(await licensing.get()).toMatchObject({ valid: true, updatesActive: false });
    expect(await licensing.gate()).toMatch(EXPIRED);
    licensing.ahead = 0;
  });

  it.each<[string, () => string, string]>([
    ['of another key', () => licensing.signed(KEY, { by: makeKeys().privateKey }), 'no key that is trusted'],
    ['cut in half', () => licensing.signed(KEY).slice(0, 300), 'no signed statement'],
    ['of another kind', () => licensing.signed(KEY, { type: 'application/vnd.lapwing.feed+json' }), 'of another kind'],
    ['of 1 MB', () => licensing.signed(KEY).padEnd(2 ** 20), 'larger than 64 KiB'],
    ['empty', () => '', 'no signed statement'],
    ['signed, but malformed', () => licensing.signed(KEY, { email: 'nobody' }), 'malformed'],
    ['changed', () => licensing.signed(KEY).replace('"payload":"ey', '"payload":"eY'), 'no key that is trusted'],
  ])('that is %s is ignored, and health says why', async (_, text, reason) => {
    const { licenseKey } = await licensing.issue(5);
    await licensing.validate(licenseKey);
    await put(text());
    expect(await licensing.health()).toEqual({
      status: 'degraded',
      message: expect.stringMatching(`${IGNORED}.*${reason}`) as string,
    });
    expect(await licensing.get()).toMatchObject({ valid: true, source: 'issued', updatesActive: true });
    expect(await licensing.gate()).toBe('may');
    expect(await licensing.validate(KEY)).toBe(INVALID);
    await put(licensing.signed(KEY));
    expect(await licensing.health()).toEqual(ok);
  });

  it('that is missing, or a folder, is ignored too', async () => {
    expect(await licensing.health()).toEqual({ status: 'degraded', message: `${IGNORED}there is no such file` });
    await mkdir(licensing.file);
    expect(await licensing.health()).toEqual({ status: 'degraded', message: `${IGNORED}it is no plain file` });
    expect(await licensing.get()).toEqual(NONE);
  });
});

describe('a licence of a server', () => {
  const KEY = 'ABCD-EFGH-JKMN-PQRS';
  const until = Math.floor(Date.now() / 1000) * 1000 + 300 * DAY_MS;
  const yes = (time = until) => ({
    body: JSON.stringify({ valid: true, updatesExpireAt: new Date(time).toISOString() }),
  });
  const no = { status: 401, body: JSON.stringify({ success: false, error: 'Invalid license key' }) };
  let server: WebhookReceiver;
  const renew = () => licensing.part(LicenseRenewalService).renew();
  const held = { valid: true, email: EMAIL, updatesExpireAt: until, updatesActive: true, source: 'server' };

  beforeAll(async () => {
    server = await WebhookReceiver.start();
    const environment = { LICENSE_SERVER_URL: `${server.url}/validate`, LICENSE_SERVER_TOKEN: 'token-of-ours' };
    await licensing.serve(environment);
  });
  beforeEach(() => {
    server.requests.length = 0;
    server.answer = yes();
    licensing.ahead = 0;
  });
  afterAll(() => server.stop());

  it('is asked for where nobody else vouches, and held sealed', async () => {
    const { licenseKey } = await licensing.issue(30);
    expect(await licensing.validate(licenseKey)).toMatchObject({ source: 'issued' });
    expect(server.requests).toEqual([]);
    expect(await licensing.validate(KEY)).toEqual(held);
    expect(server.last).toMatchObject({ method: 'POST', url: '/validate' });
    expect(server.last.headers).toMatchObject({
      authorization: 'Bearer token-of-ours',
      'content-type': 'application/json',
    });
    expect(JSON.parse(server.last.body)).toEqual({ email: EMAIL, licenseKey: KEY });
    const [row] = await licensing.sql<{ sealed_key: Buffer }>('SELECT sealed_key FROM updates.license');
    expect(row?.sealed_key.length).toBeGreaterThan(0);
    expect(row?.sealed_key.toString('latin1')).not.toContain(KEY);
  });

  it('is refused when the server refuses it, and put off while the server says nothing', async () => {
    server.answer = no;
    expect(await licensing.validate(UNKNOWN)).toBe(INVALID);
    server.answer = { body: '<!doctype html><title>Welcome</title>' };
    expect(await licensing.validate(KEY)).toMatch('UNAVAILABLE: the licence server neither says yes nor no');
    expect(await licensing.get()).toEqual(NONE);
  });

  it('is asked for again once a day', async () => {
    await licensing.validate(KEY);
    await renew();
    expect(server.requests).toHaveLength(1);
    licensing.ahead = DAY_MS;
    server.answer = yes(until + DAY_MS);
    await renew();
    await renew();
    expect(server.requests).toHaveLength(2);
    expect(await licensing.get()).toEqual({ ...held, updatesExpireAt: until + DAY_MS });
    licensing.ahead = -30 * DAY_MS;
    await renew();
    expect(server.requests).toHaveLength(3);
  });

  it('is asked for by itself, as long as the service runs', async () => {
    await licensing.validate(KEY);
    licensing.ahead = DAY_MS;
    const store = new LicenseStore(new Schema(licensing.part(Postgres), licensing.part(Migrations)));
    const key = new SecretKey(Buffer.from('ab'.repeat(32), 'hex'));
    const asked = new LicenseServer(server.url, undefined);
    const renewal = new LicenseRenewalService({ store, server: asked, key, clock: () => licensing.now }, 10);
    renewal.onApplicationBootstrap();
    await eventually(() => expect(server.requests).toHaveLength(2));
    renewal.onModuleDestroy();
    expect(JSON.parse(server.last.body)).toEqual({ email: EMAIL, licenseKey: KEY });
  });

  it('holds while the server is away, however long, and health says since when', async () => {
    await licensing.validate(KEY);
    const since = new Date(Date.now()).toISOString().slice(0, 13);
    server.answer = { hang: 'cut' };
    for (let day = 1; day <= 30; day++) {
      licensing.ahead = day * DAY_MS;
      await renew();
    }
    expect(server.requests).toHaveLength(31);
    expect(licensing.part(LicenseRenewalService).pauseMs).toBe(3_600_000);
    expect(await licensing.get()).toEqual(held);
    expect(await licensing.gate()).toBe('may');
    const { status, message } = await licensing.health();
    expect([status, message]).toEqual(['degraded', expect.stringMatching(`closed the connection.*holds, of ${since}`)]);
    server.answer = yes();
    await renew();
    expect(await licensing.health()).toMatchObject({ status: 'healthy' });
    expect(licensing.part(LicenseRenewalService).pauseMs).toBe(600_000);
  });

  it('ends at its own end while the server is away', async () => {
    await licensing.validate(KEY);
    server.answer = { status: 503 };
    licensing.ahead = 301 * DAY_MS;
    await renew();
    expect(await licensing.get()).toMatchObject({ valid: true, updatesActive: false });
    expect(await licensing.gate()).toMatch(EXPIRED);
  });

  it('counts no more once the server says so, and again when it has thought better of it', async () => {
    await licensing.validate(KEY);
    server.answer = no;
    licensing.ahead = DAY_MS;
    await renew();
    expect(await licensing.get()).toEqual({ ...held, valid: false, updatesActive: false });
    expect(await licensing.gate()).toMatch('taken back');
    server.answer = yes();
    licensing.ahead = 2 * DAY_MS;
    await renew();
    expect(await licensing.get()).toEqual(held);
  });

  it('does not end because a token of ours did', async () => {
    await licensing.validate(KEY);
    server.answer = {
      status: 401,
      body: '{"success":false,"error":"this token is not valid","code":"UNAUTHENTICATED"}',
    };
    licensing.ahead = DAY_MS;
    await renew();
    expect(await licensing.get()).toEqual(held);
    expect((await licensing.health()).message).toMatch('is LICENSE_SERVER_TOKEN right?');
  });

  it('holds under another secret key, too, and health says what to do', async () => {
    await licensing.validate(KEY);
    const url = `${server.url}/validate`;
    await licensing.serve({ LICENSE_SERVER_URL: url, LAPWING_SECRET_KEY: 'cd'.repeat(32) });
    licensing.ahead = DAY_MS;
    await renew();
    expect(await licensing.get()).toEqual(held);
    expect((await licensing.health()).message).toMatch('validate it again');
  });
});
