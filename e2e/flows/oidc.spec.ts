import { Browser, OidcProvider } from '@lapwing/testing';
import { Lapwing } from '../src/lapwing';

describe('a browser that logs in at an OpenID provider', () => {
  let lapwing: Lapwing;
  let provider: OidcProvider;

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    const callback = `${lapwing.url}/api/oidc/callback`;
    provider = await OidcProvider.start(callback, {
      'sub-1': { preferred_username: 'ada', email: 'ada@example.com', groups: ['ops'] },
      'sub-2': { preferred_username: 'bob', groups: [] },
    });
    await lapwing.start([], {
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: 'lapwing',
      OIDC_CLIENT_SECRET: 'secret-of-lapwing',
      OIDC_REDIRECT_URL: callback,
      OIDC_ROLE_MAP: 'ops=operator',
    });
  }, 180_000);
  afterAll(async () => {
    provider.stop();
    await lapwing.remove();
  }, 60_000);

  const visitor = (who: string): Browser => {
    const browser = new Browser();
    browser.setCookie(provider.issuer, 'who', who);
    return browser;
  };
  const login = (): string => `${lapwing.url}/api/oidc/login`;

  it('comes back with a session, and the cookie of the login is gone', async () => {
    const browser = visitor('sub-1');
    expect(await browser.follow(login(), `${lapwing.url}/?`)).toBe(`${lapwing.url}/`);
    const cookie = browser.cookies(lapwing.url);
    expect(cookie).toMatch(/pulse_session=[\w-]{43}/);
    expect(cookie).not.toContain('lapwing_oidc');
    const { body } = await lapwing.ask('GET', '/api/v1/auth/me', { cookie });
    expect(body).toMatchObject({ username: 'ada', roles: ['operator'], auth_provider: 'oidc' });
    const { body: status } = await lapwing.ask('GET', '/api/security/status');
    expect(status).toMatchObject({ oidcEnabled: true });
  });

  it('is refused when its groups have no role', async () => {
    const browser = visitor('sub-2');
    const stranded = await browser.follow(login(), `${lapwing.url}/?`);
    expect(stranded).toContain('/api/oidc/callback?');
    expect(browser.cookies(lapwing.url)).not.toContain('pulse_session');
  });

  it('can not be made to log in as somebody else with an answer that another browser got', async () => {
    const attacker = visitor('sub-1');
    const answer = await attacker.follow(login(), `${lapwing.url}/api/oidc/callback`);
    const victim = visitor('sub-2');
    const { status } = await victim.get(answer);
    expect(status).toBe(401);
    expect(victim.cookies(lapwing.url)).toBe('');
  });
});
