import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ADMIN_PASSWORD, Lapwing } from '../src/lapwing';

const root = path.resolve(__dirname, '../..');

interface Route {
  method: string;
  path: string;
  needs: string;
}

/** Every route of the gateway, as it is listed. */
const routes: Route[] = readFileSync(path.join(root, 'apps/gateway/routes.txt'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => {
    const [method = '', route = '', needs = ''] = line.split(/\s+/);
    return { method, path: route, needs };
  });

/** What each role may do; written down once more, so that a slip in the code shows. */
const may: Record<string, (needs: string) => boolean> = {
  admin: () => true,
  operator: (needs) =>
    [
      'dashboard:view',
      'agents:view',
      'nodes:view',
      'guests:manage',
      'logs:view',
      'settings:view',
      'notifications:view',
      'system:read',
    ].includes(needs) || /^(alerts|processes):/.test(needs),
  viewer: (needs) =>
    [
      'dashboard:view',
      'alerts:view',
      'agents:view',
      'nodes:view',
      'processes:view',
      'logs:view',
      'notifications:view',
    ].includes(needs),
  'token for logs': (needs) => needs === 'logs:view',
};

describe('role × route', () => {
  let lapwing: Lapwing;
  const credentials: Record<string, Record<string, string>> = {};

  async function logInAll(): Promise<void> {
    for (const role of ['operator', 'viewer']) credentials[role] = await lapwing.credentialsOf(role, 'long enough');
    credentials['admin'] = await lapwing.credentialsOf('admin', ADMIN_PASSWORD);
    const token = { name: 'for logs', permissions: ['logs:view'] };
    const by = credentials['admin'];
    const { body } = await lapwing.ask<{ token: string }>('POST', '/api/security/tokens', by, token);
    credentials['token for logs'] = { 'x-api-token': body.token };
  }

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    await lapwing.start([], { TRUSTED_PROXIES: '127.0.0.1' });
    for (const role of ['operator', 'viewer']) {
      const user = { username: role, password: 'long enough', roles: [role] };
      expect((await lapwing.ask('POST', '/api/v1/users', lapwing.credentials, user)).status).toBe(201);
    }
    await logInAll();
  }, 180_000);
  afterAll(() => lapwing.remove(), 60_000);

  // What ends the caller's own credential comes last.
  const last = ['/api/v1/auth/logout', '/api/security/regenerate-token', '/api/logout'];
  const ordered = [
    ...routes.filter(({ path: route }) => !last.includes(route)),
    ...routes.filter(({ path: route }) => last.includes(route)),
  ];
  const concrete = (route: string): string =>
    route.replace(':pid', '4000000').replace(':id', '018f3c1e-7d2a-4c3b-9a54-0123456789ab');
  const known = Object.keys(may);
  // The administrator comes last: he alone can end what the others come with.
  const principals = ['anonymous', ...known.toReversed()];

  it.each(ordered.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s',
    async (_, { method, path: route, needs }) => {
      if (last.includes(route)) await logInAll();
      for (const who of principals) {
        const from = needs === 'loopback' ? {} : lapwing.elsewhere();
        const headers = { ...from, ...(who === 'anonymous' ? {} : credentials[who]) };
        const { status, body } = await lapwing.ask(method, concrete(route), headers, method === 'GET' ? undefined : {});
        const isOpen = needs === 'public' || needs.endsWith('(public)') || needs === 'loopback';
        const isApiToken = who.startsWith('token');
        const allowed = isOpen || (who !== 'anonymous' && (needs === 'self' || (may[who]?.(needs) ?? false)));
        const found = `${who}: ${status} ${String(body['code'])}`;
        if (allowed && needs === 'self' && isApiToken) expect([200, 400, 403]).toContain(status);
        else if (allowed)
          expect(found).not.toMatch(/: (401|403|500) (UNAUTHENTICATED|FORBIDDEN|CSRF_INVALID|INTERNAL)/);
        else expect(found).toBe(who === 'anonymous' ? 'anonymous: 401 UNAUTHENTICATED' : `${who}: 403 FORBIDDEN`);
      }
    },
  );

  it('is known for every role', () =>
    expect(known.toSorted()).toEqual(['admin', 'operator', 'token for logs', 'viewer']));
});
