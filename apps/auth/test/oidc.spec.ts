import { auditList, oidcBegin, oidcFinish, totpBegin, userList, userUpdate } from '@lapwing/contracts';
import { Browser, OidcProvider } from '@lapwing/testing';
import { Harness, newAddress } from './harness';

const REDIRECT = 'http://127.0.0.1:9/api/oidc/callback';

/** Goes to the provider as somebody; returns what it sends the browser back with. */
async function visit(url: string, who: string): Promise<string> {
  const browser = new Browser();
  browser.setCookie(url, 'who', who);
  return (await browser.follow(url, REDIRECT)).replace(/^[^?]*\?/, '');
}

describe('login at an OpenID provider', () => {
  let auth: Harness;
  let provider: OidcProvider;

  beforeAll(async () => {
    provider = await OidcProvider.start(REDIRECT, {
      'sub-1': { preferred_username: 'ada', email: 'ada@example.com', email_verified: true, groups: ['ops', 'all'] },
      'sub-2': { preferred_username: 'bob', groups: ['nobodies'] },
      'sub-3': { preferred_username: 'admin', groups: ['root'] },
    });
    auth = await Harness.start({
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: 'lapwing',
      OIDC_CLIENT_SECRET: 'secret-of-lapwing',
      OIDC_REDIRECT_URL: REDIRECT,
      OIDC_ROLE_MAP: 'ops=operator, root=admin',
    });
  });
  afterAll(async () => {
    provider.stop();
    await auth.stop();
  });

  const finish = (query: string, binding: string) =>
    auth.bus.request(oidcFinish, { query, binding, address: newAddress() });

  async function logIn(who: string) {
    const { url, binding } = await auth.bus.request(oidcBegin, {});
    return finish(await visit(url, who), binding);
  }

  it('asks with PKCE, state and nonce', async () => {
    const { url } = await auth.bus.request(oidcBegin, {});
    const query = new URL(url).searchParams;
    expect(query.get('code_challenge_method')).toBe('S256');
    for (const name of ['code_challenge', 'state', 'nonce']) expect(query.get(name)?.length).toBeGreaterThan(20);
    expect(query.get('redirect_uri')).toBe(REDIRECT);
    expect(url).not.toContain('secret-of-lapwing');
  });

  it('makes a user at the first login, and knows the user again; roles follow the groups', async () => {
    const first = await logIn('sub-1');
    expect(first.user).toMatchObject({
      username: 'ada',
      email: 'ada@example.com',
      roles: ['operator'],
      authProvider: 'oidc',
    });
    const second = await logIn('sub-1');
    expect(second.user.id).toBe(first.user.id);
    expect(await auth.principal(first.token)).not.toBeNull();
    await provider.say('sub-1', { preferred_username: 'ada-renamed', groups: ['root'] });
    const third = await logIn('sub-1');
    expect(third.user).toMatchObject({ id: first.user.id, username: 'ada', roles: ['admin'] });
    expect(await auth.principal(first.token)).toBeNull();
    expect(await auth.principal(third.token)).toMatchObject({ permissions: ['*'] });
  });

  it('refuses whose groups have no role, and who has the name of another user', async () => {
    await expect(logIn('sub-2')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(logIn('sub-3')).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('another user named "admin"') as string,
    });
    const { users } = await auth.bus.request(userList, {});
    expect(users.map(({ username }) => username)).not.toContain('bob');
  });

  it('takes an answer once, from the browser that began, with the state that was given', async () => {
    const { url, binding } = await auth.bus.request(oidcBegin, {});
    const other = await auth.bus.request(oidcBegin, {});
    const query = await visit(url, 'sub-1');
    const refused = { code: 'INVALID_CREDENTIALS' };
    await expect(finish(query, other.binding)).rejects.toMatchObject(refused);
    await expect(finish(query, binding)).rejects.toMatchObject(refused); // spent by the attempt before
    const again = await auth.bus.request(oidcBegin, {});
    const good = await visit(again.url, 'sub-1');
    const tampered = good.replace(/code=[^&]+/, 'code=stolen');
    await expect(finish(tampered, again.binding)).rejects.toMatchObject(refused);
    await expect(finish('error=access_denied&state=x', again.binding)).rejects.toMatchObject(refused);
    await expect(finish('', '')).rejects.toMatchObject(refused);
  });

  it('does not take the code of one login for another', async () => {
    const [one, two] = [await auth.bus.request(oidcBegin, {}), await auth.bus.request(oidcBegin, {})];
    const stolen = /code=([^&]+)/.exec(await visit(one.url, 'sub-1'))?.[1] ?? '';
    const query = (await visit(two.url, 'sub-1')).replace(/code=[^&]+/, `code=${stolen}`);
    await expect(finish(query, two.binding)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });

  it('keeps disabled users out, and knows no password of theirs', async () => {
    await provider.say('sub-4', { preferred_username: 'eve', groups: ['ops'] });
    const { user } = await logIn('sub-4');
    const actor = await auth.actor((await logIn('sub-4')).token);
    await expect(auth.bus.request(totpBegin, { actor, password: 'x' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    await expect(auth.logIn('eve', '')).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    await auth.bus.request(userUpdate, { actor: await auth.admin(), id: user.id, changes: { disabled: true } });
    await expect(logIn('sub-4')).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    const { entries } = await auth.bus.request(auditList, { limit: 100, type: 'session', user: 'eve' });
    expect(entries.find(({ action }) => action === 'opened')?.details).toEqual({ how: 'oidc' });
  });
});
