import {
  profileUpdate,
  roleCreate,
  roleDelete,
  roleList,
  roleUpdate,
  tokenCreate,
  tokenDelete,
  tokenList,
  tokenRegenerate,
  userCreate,
  userGet,
  userList,
  userRegister,
  userUpdate,
  passwordReset,
  totpDisable,
  type Actor,
} from '@lapwing/contracts';
import { randomUUID } from 'node:crypto';
import { Harness, newAddress } from './harness';

const name = (): string => `user-${randomUUID().slice(0, 8)}`;

describe('users, roles and tokens', () => {
  let auth: Harness;
  let admin: Actor;

  beforeAll(async () => {
    auth = await Harness.start({ API_TOKENS: 'token-a,token-b', API_TOKEN: 'legacy-token' });
    admin = await auth.admin();
  });
  afterAll(() => auth.stop());

  /** A user who may care for users, roles and security, and look at dashboards, but not more. */
  async function deputy(): Promise<Actor> {
    const role = { name: name(), permissions: ['users:*', 'roles:*', 'security:*', 'dashboard:view', 'alerts:view'] };
    const { id } = await auth.bus.request(roleCreate, { actor: admin, role });
    const user = await auth.user(name(), [id]);
    return auth.actor((await auth.logIn(user.username, 'long enough')).token);
  }

  describe('users', () => {
    it('are made, found, changed, disabled and enabled again', async () => {
      const username = name();
      const user = await auth.bus.request(userCreate, {
        actor: admin,
        username,
        password: 'password123',
        email: 'a@example.com',
        roles: ['viewer', 'viewer'],
      });
      expect(user).toMatchObject({ username, roles: ['viewer'], lastLogin: null, disabled: false });
      const change = (changes: object) => auth.bus.request(userUpdate, { actor: admin, id: user.id, changes });
      expect(await change({ roles: ['operator'], email: '' })).toMatchObject({ roles: ['operator'], email: '' });
      expect(await change({ disabled: true })).toMatchObject({ disabled: true, roles: ['operator'] });
      await expect(auth.logIn(username, 'password123')).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
      expect(await change({ disabled: false })).toMatchObject({ disabled: false });
      await auth.logIn(username, 'password123');
      const { users } = await auth.bus.request(userList, {});
      expect(users.find(({ id }) => id === user.id)).toMatchObject({ disabled: false });
      expect(JSON.stringify(users)).not.toContain('$2b$');
      await expect(auth.bus.request(userGet, { id: randomUUID() })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('have one name each, whatever its case', async () => {
      const { username } = await auth.user(name(), []);
      for (const again of [username, username.toUpperCase()])
        await expect(auth.user(again, [])).rejects.toMatchObject({ code: 'USERNAME_TAKEN' });
    });

    it.each([
      [{ password: 'short' }, /8 to 72 bytes/],
      [{ password: 'x'.repeat(73) }, /8 to 72 bytes/],
      [{ password: 'ä'.repeat(37) }, /8 to 72 bytes/],
      [{ password: 'with\0nul-inside' }, /NUL/],
      [{ username: '' }, /1 to 64/],
      [{ username: 'with space' }, /1 to 64/],
      [{ username: "x'; DROP TABLE auth.user; --" }, /1 to 64/],
      [{ email: 'nonsense' }, /email address/],
      [{ roles: ['emperor'] }, /there is no role "emperor"; there are/],
      [{ roles: 'admin' }, /expected array/],
    ])('are not made with %j', async (fault, text) => {
      const good = { actor: admin, username: name(), password: 'long enough', roles: ['viewer'] };
      const before = (await auth.bus.request(userList, {})).users.length;
      await expect(auth.bus.request(userCreate, { ...good, ...fault } as never)).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        message: expect.stringMatching(text) as string,
      });
      expect((await auth.bus.request(userList, {})).users).toHaveLength(before);
    });

    it('keep an administrator: the last one is neither disabled nor demoted', async () => {
      const id = admin.userId ?? '';
      const second = await auth.user(name(), ['admin']);
      const actor = await auth.actor((await auth.logIn(second.username, 'long enough')).token);
      await auth.bus.request(userUpdate, { actor: admin, id: second.id, changes: { roles: ['viewer'] } });
      for (const changes of [{ disabled: true }, { roles: ['operator'] }, { roles: [] }])
        await expect(auth.bus.request(userUpdate, { actor, id, changes })).rejects.toMatchObject({
          code: 'LAST_ADMIN',
        });
      await expect(
        auth.bus.request(userUpdate, { actor: admin, id, changes: { disabled: true } }),
      ).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    });

    it('can not lift themselves up: who may care for users cannot touch those who may more', async () => {
      const actor = await deputy();
      const id = admin.userId ?? '';
      const refused = { code: 'FORBIDDEN' };
      const own = actor.userId ?? '';
      const attempts = [
        () => auth.bus.request(passwordReset, { actor, id, next: 'taken over' }),
        () => auth.bus.request(userUpdate, { actor, id, changes: { email: 'x@example.com' } }),
        () => auth.bus.request(totpDisable, { actor, of: { userId: id } }),
        () => auth.bus.request(userUpdate, { actor, id: own, changes: { roles: ['admin'] } }),
        () => auth.bus.request(userCreate, { actor, username: name(), password: 'long enough', roles: ['operator'] }),
        () => auth.bus.request(roleCreate, { actor, role: { name: name(), permissions: ['*'] } }),
        () => auth.bus.request(tokenCreate, { actor, name: 'x', permissions: ['system:write'] }),
        () => auth.bus.request(tokenRegenerate, { actor }),
      ];
      for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject(refused);
    });

    it('change their own address, and nothing else of themselves', async () => {
      const user = await auth.user(name(), ['viewer']);
      const actor = await auth.actor((await auth.logIn(user.username, 'long enough')).token);
      expect(await auth.bus.request(profileUpdate, { actor, email: 'me@example.com' })).toMatchObject({
        email: 'me@example.com',
        roles: ['viewer'],
      });
    });

    it('do not register themselves, unless that is switched on', async () => {
      const registration = { username: name(), password: 'long enough', address: newAddress() };
      await expect(auth.bus.request(userRegister, registration)).rejects.toMatchObject({
        code: 'REGISTRATION_DISABLED',
      });
      await auth.serve({ ALLOW_REGISTRATION: 'true' });
      expect(await auth.bus.request(userRegister, registration)).toMatchObject({ roles: ['viewer'] });
      await expect(auth.bus.request(userRegister, registration)).rejects.toMatchObject({ code: 'USERNAME_TAKEN' });
    });
  });

  describe('roles', () => {
    it('are made, changed and deleted; holders follow', async () => {
      const role = {
        name: `Night shift ${randomUUID().slice(0, 8)}`,
        description: 'at night',
        permissions: ['alerts:view'],
      };
      const made = await auth.bus.request(roleCreate, { actor: admin, role });
      expect(made.id).toMatch(/^night-shift-[0-9a-f]{8}$/);
      const user = await auth.user(name(), [made.id]);
      const { token } = await auth.logIn(user.username, 'long enough');
      expect((await auth.principal(token))?.permissions).toEqual(['alerts:view']);
      const changes = { permissions: ['alerts:*', 'logs:view'] };
      expect(await auth.bus.request(roleUpdate, { actor: admin, id: made.id, changes })).toMatchObject({
        ...changes,
        description: 'at night',
      });
      expect((await auth.principal(token))?.permissions).toEqual(['alerts:*', 'logs:view']);
      await auth.bus.request(roleDelete, { actor: admin, id: made.id });
      expect((await auth.principal(token))?.permissions).toEqual([]);
      await expect(auth.bus.request(roleDelete, { actor: admin, id: made.id })).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
    });

    it('of the system are fixed', async () => {
      const { roles } = await auth.bus.request(roleList, {});
      expect(roles.filter(({ isSystem }) => isSystem).map(({ id }) => id)).toEqual(['admin', 'operator', 'viewer']);
      for (const id of ['admin', 'operator', 'viewer']) {
        await expect(
          auth.bus.request(roleUpdate, { actor: admin, id, changes: { permissions: [] } }),
        ).rejects.toMatchObject({ code: 'SYSTEM_ROLE' });
        await expect(auth.bus.request(roleDelete, { actor: admin, id })).rejects.toMatchObject({ code: 'SYSTEM_ROLE' });
      }
    });

    it.each([
      [{ name: 'Admin' }, 'ROLE_EXISTS'],
      [{ name: 'ad.min', permissions: ['everything'] }, 'INVALID_INPUT'],
      [{ name: '' }, 'INVALID_INPUT'],
      [{ name: '<script>' }, 'INVALID_INPUT'],
      [{ description: 'x'.repeat(501) }, 'INVALID_INPUT'],
    ])('are not made with %j', async (fault, code) => {
      const role = { name: name(), permissions: ['alerts:view'], ...fault };
      await expect(auth.bus.request(roleCreate, { actor: admin, role })).rejects.toMatchObject({ code });
    });
  });

  describe('API tokens', () => {
    it('are shown once, kept as a hash, and used within their permissions', async () => {
      const { token, record } = await auth.bus.request(tokenCreate, {
        actor: admin,
        name: 'grafana',
        permissions: ['dashboard:view'],
      });
      expect(token).toMatch(/^pulse_[0-9a-f]{48}$/);
      expect(record).toMatchObject({ prefix: token.slice(0, 10), suffix: token.slice(-4), lastUsedAt: null });
      expect(await auth.principal(token)).toMatchObject({
        kind: 'token',
        name: 'token:grafana',
        user: null,
        permissions: ['dashboard:view'],
        csrfHash: null,
      });
      const { tokens } = await auth.bus.request(tokenList, {});
      expect(tokens.find(({ id }) => id === record.id)?.lastUsedAt).toBeGreaterThan(Date.now() - 5000);
      const stored = await auth.sql<{ row: string }>('SELECT t::text AS row FROM auth.api_token t');
      expect(JSON.stringify(stored)).not.toContain(token.slice(10, -4));
      await auth.bus.request(tokenDelete, { actor: admin, id: record.id });
      expect(await auth.principal(token)).toBeNull();
    });

    it('expire', async () => {
      const expiresAt = Date.now() + 60_000;
      const { token } = await auth.bus.request(tokenCreate, { actor: admin, name: 'short', expiresAt });
      expect(await auth.principal(token)).toMatchObject({ expiresAt, permissions: ['*'] });
      auth.ahead = 61_000;
      expect(await auth.principal(token)).toBeNull();
      auth.ahead = 0;
      await expect(
        auth.bus.request(tokenCreate, { actor: admin, name: 'late', expiresAt: Date.now() - 1 }),
      ).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    });

    it('can do no more than the user who made them, and end with that user', async () => {
      const user = await auth.user(name(), ['admin']);
      const actor = await auth.actor((await auth.logIn(user.username, 'long enough')).token);
      const { token } = await auth.bus.request(tokenCreate, { actor, name: 'of a user' });
      expect((await auth.principal(token))?.permissions).toEqual(['*']);
      await auth.bus.request(userUpdate, { actor: admin, id: user.id, changes: { roles: ['viewer'] } });
      expect((await auth.principal(token))?.permissions).not.toContain('*');
      expect((await auth.principal(token))?.permissions).toContain('dashboard:view');
      await auth.bus.request(userUpdate, { actor: admin, id: user.id, changes: { disabled: true } });
      expect(await auth.principal(token)).toBeNull();
      await auth.bus.request(userUpdate, { actor: admin, id: user.id, changes: { disabled: false } });
      expect(await auth.principal(token)).toBeNull();
    });

    it('of the environment hold as long as they stand there; the newest is the last of API_TOKENS', async () => {
      for (const token of ['token-a', 'token-b', 'legacy-token'])
        expect(await auth.principal(token)).toMatchObject({ permissions: ['*'], userId: null });
      const { tokens } = await auth.bus.request(tokenList, {});
      const own = tokens.filter(({ fromEnvironment }) => fromEnvironment);
      expect(own.map(({ name: label }) => label)).toEqual(['environment 3', 'environment 2', 'environment 1']);
      await expect(auth.bus.request(tokenDelete, { actor: admin, id: own[0]?.id ?? '' })).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        message: expect.stringContaining('API_TOKENS') as string,
      });
      await auth.serve({ API_TOKENS: 'token-b', API_TOKEN: '' });
      expect(await auth.principal('token-a')).toBeNull();
      expect(await auth.principal('legacy-token')).toBeNull();
      expect(await auth.principal('token-b')).not.toBeNull();
    });

    it('are replaced all at once; those of the environment stay, and that is told', async () => {
      const { token: old } = await auth.bus.request(tokenCreate, { actor: admin, name: 'old' });
      const made = await auth.bus.request(tokenRegenerate, { actor: admin });
      expect(made.environmentTokens).toBe(1);
      expect(await auth.principal(old)).toBeNull();
      expect(await auth.principal(made.token)).toMatchObject({ permissions: ['*'] });
      expect((await auth.bus.request(tokenList, {})).tokens).toHaveLength(2);
    });

    it.each([
      [{ name: '' }, /1 to 100/],
      [{ name: 'x'.repeat(101) }, /1 to 100/],
      [{ name: 'a\r\nb' }, /control/],
      [{ permissions: [] }, /at least one/],
      [{ permissions: ['nonsense'] }, /is no permission/],
    ])('are not made with %j', async (fault, text) => {
      const attempt = auth.bus.request(tokenCreate, { actor: admin, name: 'x', ...fault });
      await expect(attempt).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        message: expect.stringMatching(text) as string,
      });
    });
  });
});
