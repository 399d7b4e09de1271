import {
  lockoutReset,
  passwordChange,
  passwordReset,
  sessionEnd,
  totpBegin,
  totpDisable,
  totpEnable,
  totpGet,
  userUpdate,
} from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { randomUUID } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import { hashOf } from '../src/domain/credentials';
import { LockoutStore } from '../src/store/lockout.store';
import { ADMIN_PASSWORD, Harness, newAddress } from './harness';

const DAY_MS = 86_400_000;
const name = (): string => `user-${randomUUID().slice(0, 8)}`;

describe('logins', () => {
  let auth: Harness;
  beforeAll(async () => {
    auth = await Harness.start();
  });
  afterAll(() => auth.stop());
  afterEach(() => {
    auth.ahead = 0;
  });

  it('open a session for 24 hours, known by the hash of its token alone', async () => {
    const username = name();
    const user = await auth.user(username, ['operator']);
    const session = await auth.logIn(username.toUpperCase(), 'long enough');
    expect(session.user).toMatchObject({ id: user.id, roles: ['operator'], authProvider: 'local', disabled: false });
    expect(session.user.lastLogin).toBeGreaterThan(Date.now() - 5000);
    expect(Math.abs(session.expiresAt - Date.now() - DAY_MS)).toBeLessThan(5000);
    expect(await auth.principal(session.token)).toMatchObject({
      kind: 'session',
      name: username,
      csrfHash: hashOf(session.csrf),
    });
    expect(await auth.principal(hashOf(session.token))).toBeNull();
    auth.ahead = DAY_MS + 1000;
    expect(await auth.principal(session.token)).toBeNull();
  });

  it('hash with bcrypt at cost 12, off the event loop', async () => {
    const username = name();
    await auth.user(username, []);
    const [row] = await auth.sql<{ password_hash: string }>(
      'SELECT password_hash FROM auth."user" WHERE username = $1',
      [username],
    );
    expect(row?.password_hash).toMatch(/^\$2b\$12\$/);
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 10);
    const begun = performance.now();
    await Promise.all([1, 2, 3, 4].map(() => auth.logIn(username, 'long enough')));
    const elapsed = performance.now() - begun;
    clearInterval(ticking);
    // On the event loop there would be a tick or two between the hashes.
    expect(ticks).toBeGreaterThan((0.3 * elapsed) / 10);
  });

  it('end at a logout', async () => {
    const { token } = await auth.logIn('admin', ADMIN_PASSWORD);
    await auth.bus.request(sessionEnd, { hash: hashOf(token), address: newAddress() });
    expect(await auth.principal(token)).toBeNull();
    await auth.bus.request(sessionEnd, { hash: hashOf(token), address: newAddress() });
  });

  it('end at a password change, but for the one that changes it; the old password no longer opens', async () => {
    const username = name();
    await auth.user(username, ['viewer']);
    const [one, other] = [await auth.logIn(username, 'long enough'), await auth.logIn(username, 'long enough')];
    const actor = await auth.actor(one.token);
    const change = (current: string) =>
      auth.bus.request(passwordChange, { actor: { ...actor, address: newAddress() }, current, next: 'even longer' });
    await expect(change('wrong')).rejects.toMatchObject({
      code: 'INVALID_CURRENT_PASSWORD',
      details: { remaining: 4 },
    });
    await change('long enough');
    expect(await auth.principal(one.token)).toMatchObject({ name: username });
    expect(await auth.principal(other.token)).toBeNull();
    await expect(auth.logIn(username, 'long enough')).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    await auth.logIn(username, 'even longer');
  });

  it.each([
    ['roles change', { roles: ['operator'] }],
    ['the user is disabled', { disabled: true }],
  ])('end when %s', async (_, changes) => {
    const user = await auth.user(name(), ['viewer']);
    const { token } = await auth.logIn(user.username, 'long enough');
    await auth.bus.request(userUpdate, { actor: await auth.admin(), id: user.id, changes: { email: 'a@example.com' } });
    expect(await auth.principal(token)).not.toBeNull();
    await auth.bus.request(userUpdate, { actor: await auth.admin(), id: user.id, changes });
    expect(await auth.principal(token)).toBeNull();
  });

  it('end when an administrator sets the password, which lifts the lock', async () => {
    const user = await auth.user(name(), ['viewer']);
    const { token } = await auth.logIn(user.username, 'long enough');
    for (let tries = 0; tries < 5; tries++) await auth.logIn(user.username, 'wrong').catch(() => {});
    await expect(auth.logIn(user.username, 'long enough')).rejects.toMatchObject({ code: 'ACCOUNT_LOCKED' });
    await auth.bus.request(passwordReset, { actor: await auth.admin(), id: user.id, next: 'brand new pw' });
    expect(await auth.principal(token)).toBeNull();
    await auth.logIn(user.username, 'brand new pw');
  });

  it('lock the name after five failures, from wherever they came, and say so', async () => {
    const user = await auth.user(name(), []);
    const told = [];
    for (let tries = 0; tries < 5; tries++)
      told.push(await auth.logIn(user.username, 'wrong').catch((error: unknown) => error));
    expect(told).toMatchObject(
      [4, 3, 2, 1]
        .map((remaining) => ({
          code: 'INVALID_CREDENTIALS',
          details: { attempts: 5 - remaining, remaining, maxAttempts: 5 },
        }))
        .concat([{ code: 'INVALID_CREDENTIALS', details: { attempts: 5, remaining: 0, locked: true } } as never]),
    );
    await expect(auth.logIn(user.username, 'long enough')).rejects.toMatchObject({
      code: 'ACCOUNT_LOCKED',
      details: { locked: true, remainingMinutes: 15, lockedUntil: expect.stringMatching(/Z$/) as string },
    });
    await auth.bus.request(lockoutReset, { actor: await auth.admin(), identifier: user.username });
    await auth.logIn(user.username, 'long enough');
  });

  it('lock the address after five failures, for whatever names', async () => {
    const address = newAddress();
    for (let tries = 0; tries < 5; tries++) await auth.logIn(name(), 'wrong', { address }).catch(() => {});
    await expect(auth.logIn('admin', ADMIN_PASSWORD, { address })).rejects.toMatchObject({ code: 'ACCOUNT_LOCKED' });
    await auth.logIn('admin', ADMIN_PASSWORD);
    await auth.bus.request(lockoutReset, { actor: await auth.admin(), identifier: address });
    await auth.logIn('admin', ADMIN_PASSWORD, { address });
  });

  it('forget failures at a success', async () => {
    const user = await auth.user(name(), []);
    const address = newAddress();
    for (let tries = 0; tries < 4; tries++) await auth.logIn(user.username, 'wrong', { address }).catch(() => {});
    await auth.logIn(user.username, 'long enough', { address });
    await expect(auth.logIn(user.username, 'wrong', { address })).rejects.toMatchObject({ details: { remaining: 4 } });
  });

  it('let no more than five guesses through, however many come at once', async () => {
    const user = await auth.user(name(), []);
    const lockouts = auth.get(LockoutStore);
    const attempts = await Promise.all(Array.from({ length: 100 }, () => lockouts.begin(user.username, newAddress())));
    expect(attempts.filter(({ state }) => state === 'open')).toHaveLength(5);
  });

  it('are limited to ten a minute from an address', async () => {
    const address = newAddress();
    for (let tries = 0; tries < 10; tries++) await auth.logIn('admin', ADMIN_PASSWORD, { address });
    await expect(auth.logIn('admin', ADMIN_PASSWORD, { address })).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      details: { limit: 10, remaining: 0 },
    });
  });

  it('tell nobody whether a user exists: same words, same code', async () => {
    const disabled = [await auth.user(name(), []), await auth.user(name(), [])] as const;
    for (const { id } of disabled)
      await auth.bus.request(userUpdate, { actor: await auth.admin(), id, changes: { disabled: true } });
    const refusals = [];
    for (const [username, password] of [
      ['nobody-at-all', 'wrong'],
      [(await auth.user(name(), [])).username, 'wrong'],
      [disabled[0].username, 'long enough'],
      [disabled[1].username, 'wrong'],
    ] as const)
      refusals.push(
        await auth.logIn(username, password).catch((error: unknown) => (error as { toWire(): unknown }).toWire()),
      );
    expect(new Set(refusals.map((refusal) => JSON.stringify(refusal))).size).toBe(1);
  });

  it('take as long for a user who does not exist: medians of 200 tries within noise', async () => {
    const user = await auth.user(name(), []);
    const times: Record<'there' | 'missing', number[]> = { there: [], missing: [] };
    const lockouts = auth.get(LockoutStore);
    for (let tries = 0; tries < 200; tries++)
      for (const which of ['there', 'missing'] as const) {
        const username = which === 'there' ? user.username : `missing-${tries}`;
        const begun = performance.now();
        await auth.logIn(username, 'wrong').catch(() => {});
        times[which].push(performance.now() - begun);
        await lockouts.reset(username);
      }
    const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length / 2] ?? 0;
    const spread = (values: number[]): number => {
      const sorted = values.toSorted((a, b) => a - b);
      return (sorted[Math.floor(sorted.length * 0.75)] ?? 0) - (sorted[Math.floor(sorted.length * 0.25)] ?? 0);
    };
    const difference = Math.abs(median(times.there) - median(times.missing));
    expect(median(times.missing)).toBeGreaterThan(20);
    expect(difference).toBeLessThan(Math.max(spread(times.there), spread(times.missing), 0.03 * median(times.there)));
  }, 240_000);

  it.each(["admin' OR '1'='1", '{"$ne":null}', '__proto__', 'admin\0', '\ud800', 'ä'.repeat(100), '*)(uid=*'])(
    'take %j for a name that nobody has',
    async (username) => {
      await expect(auth.logIn(username, 'x')).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    },
  );

  it('look at all of a password: what bcrypt would cut off counts', async () => {
    const password = 'x'.repeat(72);
    const user = await auth.user(name(), [], password);
    await auth.logIn(user.username, password);
    await expect(auth.logIn(user.username, `${password}y`)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });

  describe('with a second factor', () => {
    async function enrolled() {
      const user = await auth.user(name(), ['viewer']);
      const { token } = await auth.logIn(user.username, 'long enough');
      const actor = await auth.actor(token);
      const { secret, uri } = await auth.bus.request(totpBegin, { actor, password: 'long enough' });
      expect(uri).toContain('otpauth://totp/Lapwing:');
      const app = new TOTP({ secret: Secret.fromBase32(secret) });
      const code = (): string => app.generate({ timestamp: Date.now() + auth.ahead });
      const { recoveryCodes } = await auth.bus.request(totpEnable, { actor, code: code() });
      auth.ahead += 30_000;
      return { user, actor, code, recoveryCodes };
    }

    it('want a code, each once', async () => {
      const { user, code } = await enrolled();
      const username = user.username;
      await expect(auth.logIn(username, 'long enough')).rejects.toMatchObject({ code: 'TOTP_REQUIRED' });
      await expect(auth.logIn(username, 'wrong', { code: code() })).rejects.toMatchObject({
        code: 'INVALID_CREDENTIALS',
      });
      await expect(auth.logIn(username, 'long enough', { code: '000000' })).rejects.toMatchObject({
        code: 'INVALID_CREDENTIALS',
        details: { attempts: 2 },
      });
      const used = code();
      await auth.logIn(username, 'long enough', { code: used });
      await expect(auth.logIn(username, 'long enough', { code: used })).rejects.toMatchObject({
        code: 'INVALID_CREDENTIALS',
      });
      auth.ahead += 30_000;
      await auth.logIn(username, 'long enough', { code: ` ${code().slice(0, 3)} ${code().slice(3)}` });
    });

    it('take each recovery code once', async () => {
      const { user, actor, recoveryCodes } = await enrolled();
      expect(new Set(recoveryCodes).size).toBe(10);
      const [first = ''] = recoveryCodes;
      await auth.logIn(user.username, 'long enough', { code: first.toUpperCase() });
      await expect(auth.logIn(user.username, 'long enough', { code: first })).rejects.toMatchObject({
        code: 'INVALID_CREDENTIALS',
      });
      expect(await auth.bus.request(totpGet, { actor })).toEqual({ enabled: true, recoveryCodesLeft: 9 });
    });

    it('can do without it again, with the password, or by an administrator', async () => {
      const { user, actor } = await enrolled();
      await expect(
        auth.bus.request(totpDisable, { actor: { ...actor, address: newAddress() }, of: { password: 'wrong' } }),
      ).rejects.toMatchObject({ code: 'INVALID_CURRENT_PASSWORD' });
      await auth.bus.request(totpDisable, { actor, of: { password: 'long enough' } });
      await auth.logIn(user.username, 'long enough');
      const other = await enrolled();
      await auth.bus.request(totpDisable, { actor: await auth.admin(), of: { userId: other.user.id } });
      await auth.logIn(other.user.username, 'long enough');
    });

    it('keep the secret sealed', async () => {
      const { user } = await enrolled();
      const [row] = await auth.sql<{ totp_secret: Buffer }>('SELECT totp_secret FROM auth."user" WHERE id = $1', [
        user.id,
      ]);
      expect(row?.totp_secret.length).toBe(12 + 32 + 16);
      expect(row?.totp_secret.toString('latin1')).not.toMatch(/[A-Z2-7]{32}/);
    });
  });

  it('are refused while Redis is away, and tokens go on', async () => {
    const lonely = await Harness.start({ REDIS_URL: 'redis://127.0.0.1:1', API_TOKENS: 'token-of-the-environment' });
    await expect(lonely.logIn('admin', ADMIN_PASSWORD)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await eventually(async () =>
      expect(await lonely.principal('token-of-the-environment')).toMatchObject({ permissions: ['*'] }),
    );
    await expect(lonely.principal('some-session')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await lonely.stop();
  });
});
