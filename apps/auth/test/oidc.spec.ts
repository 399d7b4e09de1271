import { auditList, oidcBegin, oidcFinish, userList, userUpdate } from '@lapwing/contracts';
import { freePort } from '@lapwing/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Harness, newAddress } from './harness';

const REDIRECT = 'http://127.0.0.1:9/api/oidc/callback';

/** A browser: it keeps cookies and follows redirects, until it is sent back to Lapwing. */
class Browser {
  readonly #cookies = new Map<string, string>();

  constructor(who: string) {
    this.#cookies.set('who', who);
  }

  async follow(url: string): Promise<string> {
    for (let hops = 0; hops < 10; hops++) {
      if (url.startsWith(REDIRECT)) return url.slice(url.indexOf('?') + 1);
      const cookie = [...this.#cookies].map(([key, value]) => `${key}=${value}`).join('; ');
      const answer = await fetch(url, { redirect: 'manual', headers: { cookie } });
      for (const set of answer.headers.getSetCookie()) {
        const [, key, value] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
        if (key) this.#cookies.set(key, value ?? '');
      }
      const location = answer.headers.get('location');
      if (!location) throw new Error(`${answer.status} at ${url}: ${await answer.text()}`);
      url = new URL(location, url).href;
    }
    throw new Error('too many redirects');
  }
}

describe('login at an OpenID provider', () => {
  let auth: Harness;
  let provider: ChildProcess;
  let issuer: string;

  beforeAll(async () => {
    const port = await freePort();
    issuer = `http://127.0.0.1:${port}`;
    const people = {
      'sub-1': { preferred_username: 'ada', email: 'ada@example.com', email_verified: true, groups: ['ops', 'all'] },
      'sub-2': { preferred_username: 'bob', groups: ['nobodies'] },
      'sub-3': { preferred_username: 'admin', groups: ['root'] },
    };
    provider = spawn(process.execPath, [path.join(__dirname, 'provider.mjs'), String(port), REDIRECT], {
      env: { ...process.env, PEOPLE: JSON.stringify(people), NODE_ENV: 'production' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (provider.stdout) await once(provider.stdout, 'data');
    auth = await Harness.start({
      OIDC_ISSUER: issuer,
      OIDC_CLIENT_ID: 'lapwing',
      OIDC_CLIENT_SECRET: 'secret-of-lapwing',
      OIDC_REDIRECT_URL: REDIRECT,
      OIDC_ROLE_MAP: 'ops=operator, root=admin',
    });
  });
  afterAll(async () => {
    provider.kill('SIGKILL');
    await auth.stop();
  });

  const finish = (query: string, binding: string) =>
    auth.bus.request(oidcFinish, { query, binding, address: newAddress() });

  async function logIn(who: string) {
    const { url, binding } = await auth.bus.request(oidcBegin, {});
    return finish(await new Browser(who).follow(url), binding);
  }

  /** What the provider says of somebody from now on. */
  const say = (sub: string, claims: object) =>
    fetch(`${issuer}/people/${sub}?${encodeURIComponent(JSON.stringify(claims))}`);

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
    await say('sub-1', { preferred_username: 'ada-renamed', groups: ['root'] });
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
    const query = await new Browser('sub-1').follow(url);
    const refused = { code: 'INVALID_CREDENTIALS' };
    await expect(finish(query, other.binding)).rejects.toMatchObject(refused);
    await expect(finish(query, binding)).rejects.toMatchObject(refused); // spent by the attempt before
    const again = await auth.bus.request(oidcBegin, {});
    const good = await new Browser('sub-1').follow(again.url);
    const tampered = good.replace(/code=[^&]+/, 'code=stolen');
    await expect(finish(tampered, again.binding)).rejects.toMatchObject(refused);
    await expect(finish('error=access_denied&state=x', again.binding)).rejects.toMatchObject(refused);
    await expect(finish('', '')).rejects.toMatchObject(refused);
  });

  it('does not take the code of one login for another', async () => {
    const [one, two] = [await auth.bus.request(oidcBegin, {}), await auth.bus.request(oidcBegin, {})];
    const stolen = /code=([^&]+)/.exec(await new Browser('sub-1').follow(one.url))?.[1] ?? '';
    const query = (await new Browser('sub-1').follow(two.url)).replace(/code=[^&]+/, `code=${stolen}`);
    await expect(finish(query, two.binding)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });

  it('keeps disabled users out, and knows no password of theirs', async () => {
    await say('sub-4', { preferred_username: 'eve', groups: ['ops'] });
    const { user } = await logIn('sub-4');
    await expect(auth.logIn('eve', '')).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    await auth.bus.request(userUpdate, { actor: await auth.admin(), id: user.id, changes: { disabled: true } });
    await expect(logIn('sub-4')).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    const { entries } = await auth.bus.request(auditList, { limit: 100, type: 'session', user: 'eve' });
    expect(entries.find(({ action }) => action === 'opened')?.details).toEqual({ how: 'oidc' });
  });
});
