import { auditOccurred, principalsChanged } from '@lapwing/contracts';
import { eventually, hostSample } from '@lapwing/testing';
import { Controller, Get, Post } from '@nestjs/common';
import { once } from 'node:events';
import { connect } from 'node:net';
import cookiePlugin from '@fastify/cookie';
import fastify from 'fastify';
import { loadConfig } from '../src/config';
import { Public, type Access } from '../src/http/access';
import { hashOf } from '../src/http/credential';
import { toErrorAnswer } from '../src/http/errors';
import { Guard } from '../src/http/guard';
import { routesOf, type Route } from '../src/http/route-list';
import { controllers } from '../src/routes/registry';
import { AuditService } from '../src/services/audit.service';
import { LimitsService } from '../src/services/limits.service';
import { PrincipalsService } from '../src/services/principals.service';
import { ADMIN_TOKEN, Follower, Harness, principal } from './harness';

const KILL = ['/api/v1/processes/77/signal', { signal: 15 }] as const;
type Headers = Record<string, string>;
const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });

describe('the guard', () => {
  let gateway: Harness;

  beforeAll(async () => {
    gateway = await Harness.start({
      TRUSTED_PROXIES: '198.51.100.0/24',
      CORS_ORIGINS: 'https://dashboard.example.com',
      GATEWAY_ALLOWED_HOSTS: 'lapwing.example.com',
    });
    await gateway.sample(hostSample(1, Date.now()));
    await eventually(async () => expect((await gateway.get('/api/v1/system/resources')).status).toBe(200));
  });
  afterAll(() => gateway.stop());
  beforeEach(() => {
    const { behind } = gateway;
    behind.asked = [];
    behind.authAway = false;
    behind.security = { ...behind.security, users: true, tokens: true, recoveryUntil: null };
  });

  const as = (token: string, permissions: string[], more = {}): Record<string, string> => {
    gateway.behind.principals.set(hashOf(token), principal(permissions, more));
    return bearer(token);
  };

  it('keeps handlers of refused requests from running at all', async () => {
    for (const headers of [{}, bearer('wrong'), as('viewer', ['processes:view'])]) {
      const answer = await gateway.post(...KILL, headers);
      expect([401, 403]).toContain(answer.status);
    }
    await new Promise((resolve) => setTimeout(resolve, 100)); // what must not happen has no condition to wait for
    expect(gateway.behind.asked).toEqual([]);
  });

  it.each(['authorization', 'x-api-token', 'x-api-key'])('takes a token in %s', async (header) => {
    const value = header === 'authorization' ? `bearer ${ADMIN_TOKEN}` : ADMIN_TOKEN;
    expect((await gateway.get('/api/v1/history', { [header]: value })).status).toBe(200);
  });

  it('takes ?token= on the stream alone', async () => {
    const follower = await Follower.open(`${gateway.url}/api/v1/stream?token=${ADMIN_TOKEN}`, {});
    follower.close();
    expect((await gateway.get(`/api/v1/history?token=${ADMIN_TOKEN}`, {})).status).toBe(401);
  });

  it('lets a wrong credential that was sent on purpose win over a good cookie', async () => {
    as('good', ['*'], { kind: 'session', csrfHash: hashOf('csrf') });
    const cookie = 'pulse_session=good';
    expect((await gateway.get('/api/v1/history', { cookie })).status).toBe(200);
    const wrong: Headers[] = [bearer('wrong'), { 'x-api-token': 'wrong' }, { 'x-api-key': 'wrong' }];
    for (const sent of wrong) expect((await gateway.get('/api/v1/history', { cookie, ...sent })).status).toBe(401);
  });

  it('wants the CSRF token for writes with a cookie, and for those alone', async () => {
    const token = 'session-with-csrf';
    as(token, ['*'], { kind: 'session', csrfHash: hashOf('right') });
    const cookie = `pulse_session=${token}; pulse_csrf=right`;
    const wrong: Headers[] = [{}, { 'x-csrf-token': 'wrong' }, { 'x-csrf-token': '' }];
    for (const sent of wrong)
      expect(await gateway.post(...KILL, { cookie, ...sent })).toMatchObject({
        status: 403,
        body: { code: 'CSRF_INVALID' },
      });
    expect(gateway.behind.asked).toEqual([]);
    expect((await gateway.post(...KILL, { cookie, 'x-csrf-token': 'right' })).status).toBe(200);
    expect((await gateway.post(...KILL, bearer(token))).status).toBe(200);
    expect((await gateway.get('/api/v1/history', { cookie })).status).toBe(200);
  });

  it('says 403 to whoever is known and may not, and tells the audit trail', async () => {
    const told: string[] = [];
    gateway.bus.listen(auditOccurred, '*', ({ type, action, target }) => told.push(`${type} ${action} ${target}`));
    await gateway.bus.connection.link().connection.flush();
    const answer = await gateway.post(...KILL, as('auditor', ['processes:view'], { name: 'auditor' }));
    expect(answer).toMatchObject({ status: 403, body: { error: 'this wants the permission "processes:signal"' } });
    await eventually(() => expect(told).toContain('access denied POST /api/v1/processes/:pid/signal'));
    await gateway.post(...KILL);
    await eventually(() => expect(told).toContain('process signalled 77'));
  });

  it('never says yes when nobody can tell: 503, and 401 without a credential', async () => {
    const headers = as('known-for-seconds', ['*']);
    expect((await gateway.get('/api/v1/history', headers)).status).toBe(200);
    gateway.behind.authAway = true;
    expect((await gateway.get('/api/v1/history', headers)).status).toBe(200); // remembered, for some seconds
    const unknown = await gateway.get('/api/v1/history', bearer('not-seen-before'));
    expect([unknown.status, unknown.headers.get('retry-after')]).toEqual([503, '5']);
    expect((await gateway.get('/api/v1/history', {})).status).toBe(401);
    expect((await gateway.get('/health', {})).status).toBe(200);
    await eventually(async () => expect((await gateway.get('/api/v1/history', headers)).status).toBe(503), 6000);
  });

  it('forgets a principal within five seconds, and ends its stream', async () => {
    const headers = as('to-be-revoked', ['*']);
    const follower = await Follower.open(`${gateway.url}/api/v1/stream`, headers);
    gateway.behind.principals.delete(hashOf('to-be-revoked')); // nobody says so: only looking again can tell
    const begun = Date.now();
    await eventually(() => expect(follower.ended).toBe(true), 8000);
    expect(Date.now() - begun).toBeLessThan(5000);
    expect(follower.events.at(-1)?.event).toBe('error');
    expect((await gateway.get('/api/v1/history', headers)).status).toBe(401);
  });

  it('forgets it at once when it is told, and when a permission is gone', async () => {
    const headers = as('told', ['dashboard:view']);
    const follower = await Follower.open(`${gateway.url}/api/v1/stream`, headers);
    as('told', ['logs:view']);
    gateway.bus.announce(principalsChanged, 'all', { reason: 'test' });
    await eventually(() => expect(follower.ended).toBe(true), 2000);
    expect((await gateway.get('/api/v1/history', headers)).status).toBe(403);
  });

  it('does not take a principal whose time is over', async () => {
    const headers = as('short', ['*'], { expiresAt: Date.now() + 400 });
    expect((await gateway.get('/api/v1/history', headers)).status).toBe(200);
    await eventually(async () => expect((await gateway.get('/api/v1/history', headers)).status).toBe(401), 2000);
  });

  it('sends headers that keep browsers safe, also with a stream', async () => {
    const { headers } = await gateway.get('/health');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(/script-src[^;]*unsafe/.test(policy)).toBe(false);
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('strict-transport-security')).toBeNull();
    const stream = await fetch(`${gateway.url}/api/v1/stream`, { headers: bearer(ADMIN_TOKEN) });
    expect(stream.headers.get('content-security-policy')).toBe(policy);
    await stream.body?.cancel();
  });

  it('is closed to pages of other origins, but for those that are set', async () => {
    const ask = (origin: string, method = 'GET') =>
      fetch(`${gateway.url}/health`, {
        method,
        headers: { origin, 'access-control-request-method': 'POST' },
      });
    const allowed = await ask('https://dashboard.example.com', 'OPTIONS');
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://dashboard.example.com');
    const foreign = await ask('https://evil.example', 'OPTIONS');
    expect(foreign.headers.get('access-control-allow-origin')).not.toBe('https://evil.example');
  });

  it('checks the Host of a listener on this machine', async () => {
    expect((await gateway.raw('/health', { host: 'evil.example' })).status).toBe(403);
    expect((await gateway.raw('/health', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await gateway.raw('/health', { host: 'localhost:1', origin: 'http://127.0.0.1:3000' })).status).toBe(200);
    expect((await gateway.raw('/health', { host: 'Lapwing.example.com' })).status).toBe(200);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx'])(
    'takes no body of %s, which a page of another site could send',
    async (type) => {
      const headers = { ...bearer(ADMIN_TOKEN), 'content-type': type };
      expect((await gateway.post('/api/v1/settings/refresh', 'interval=5', headers)).status).toBe(415);
      expect((await gateway.post('/api/login', 'username=a&password=b', { 'content-type': type })).status).toBe(415);
    },
  );

  it('survives odd headers and cookies', async () => {
    const odd: Headers[] = [
      { authorization: 'Bearer' },
      { authorization: `Bearer ${'x'.repeat(8000)}` },
      { authorization: 'Basic YWRtaW46YWRtaW4=' },
      { cookie: 'pulse_session=' },
      { cookie: 'pulse_session=%E0%A4%A' },
      { cookie: '__proto__=x; pulse_session=__proto__' },
      { 'x-api-token': '' },
      { 'x-api-key': "' OR 1=1 --" },
    ];
    for (const headers of odd) expect((await gateway.get('/api/v1/history', headers)).status).toBe(401);
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET /api/v1/history HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${'x'.repeat(20_000)}\r\n\r\n`,
    );
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toMatch(/^HTTP\/1\.1 431 /);
    socket.destroy();
    expect((await gateway.raw('/api/v1/history', bearer(ADMIN_TOKEN), 'TRACE')).status).toBe(404);
    expect((await gateway.raw('/api/v1/history', {}, 'HEAD')).status).toBe(401);
  });

  it.each([
    '/api/v1//history',
    '/api/v1/history/',
    '/API/v1/history',
    '/api/v1/%68istory',
    '/api/v1/history;x',
    '//api/v1/history',
  ])('is not walked around with %s', async (path) => {
    expect([401, 404]).toContain((await gateway.raw(path, {})).status);
  });
});

describe('the guard, set otherwise', () => {
  let gateway: Harness;
  afterEach(() => gateway.stop());

  it('counts requests, tells how many are left, and refuses with Retry-After', async () => {
    gateway = await Harness.start({ RATE_LIMIT_PER_MINUTE: '20', COLLECTOR_AGENT_ID: 'limits' });
    const token = `limited-${Date.now()}`;
    const id = `limited-${Date.now()}`;
    gateway.behind.principals.set(hashOf(token), principal(['*'], { id }));
    const answers = [];
    for (let index = 0; index < 25; index++) answers.push(await gateway.get('/api/v1/history', bearer(token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
    const left = answers.map(({ headers }) => Number(headers.get('x-ratelimit-remaining')));
    expect([left[0], left[19], answers[0]?.headers.get('x-ratelimit-limit')]).toEqual([19, 0, '20']);
    const refused = answers[24];
    expect(refused?.body).toMatchObject({ code: 'RATE_LIMITED', details: { limit: 20, remaining: 0 } });
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await gateway.get('/health', {})).status).toBe(200);
  });

  it('counts and forgets together with its replicas', async () => {
    const settings = { RATE_LIMIT_PER_MINUTE: '30' };
    gateway = await Harness.start(settings);
    const urls = [gateway.url, await gateway.replica(settings)];
    const [counted, revoked] = [`counted-${Date.now()}`, `revoked-${Date.now()}`];
    for (const token of [counted, revoked])
      gateway.behind.principals.set(hashOf(token), principal(['*'], { id: `id of ${token}` }));
    const ask = async (index: number, token: string): Promise<number> =>
      (await fetch(`${urls[index % 2]}/api/v1/auth/me`, { headers: bearer(token) })).status;
    await eventually(async () => expect(await ask(1, revoked)).toBe(200));
    const statuses = [];
    for (let index = 0; index < 40; index++) statuses.push(await ask(index, counted));
    expect(statuses.filter((status) => status === 200)).toHaveLength(30);
    const streams = await Promise.all(urls.map((url) => Follower.open(`${url}/api/v1/stream`, bearer(revoked))));
    const begun = Date.now();
    gateway.revoke(revoked);
    await eventually(() => expect(streams.map(({ ended }) => ended)).toEqual([true, true]), 5000);
    for (const index of [0, 1]) expect(await ask(index, revoked)).toBe(401);
    expect(Date.now() - begun).toBeLessThan(5000);
  });

  it('believes X-Forwarded-For of trusted proxies alone', async () => {
    const ip = async (headers: Record<string, string>) =>
      ((await gateway.get('/api/security/status', headers)).body as { clientIP: string }).clientIP;
    gateway = await Harness.start();
    expect(await ip({ 'x-forwarded-for': '192.0.2.1' })).toBe('127.0.0.1');
    await gateway.stop();
    gateway = await Harness.start({ TRUSTED_PROXIES: '127.0.0.1' });
    expect(await ip({ 'x-forwarded-for': '203.0.113.9, 192.0.2.1' })).toBe('192.0.2.1');
    const https = await gateway.get('/api/security/status', { 'x-forwarded-proto': 'https' });
    expect(https.headers.get('strict-transport-security')).toContain('max-age=');
    expect(https.body).toMatchObject({ hasHTTPS: true });
  });

  it('in API-only mode: reads that are marked so need no token, everything else does', async () => {
    gateway = await Harness.start();
    const { app, behind } = gateway;
    // No route of ours is marked yet: Pulse's state is still to come.
    const route = (method: string, path: string, access: Access): Route => ({
      method,
      path,
      access,
      audit: 'auth',
      controller: 'Test',
    });
    const marked = { needs: 'dashboard:view', inApiOnlyMode: true };
    const routes = [
      route('GET', '/api/state', marked),
      route('POST', '/api/state', marked),
      route('GET', '/api/secrets', { needs: 'security:manage', inApiOnlyMode: true }),
      route('GET', '/api/v1/state', { needs: 'dashboard:view' }),
    ];
    const [principals, limits, audit] = [app.get(PrincipalsService), app.get(LimitsService), app.get(AuditService)];
    const guard = new Guard({ principals, limits, audit }, loadConfig({}), routes);
    const server = fastify();
    await server.register(cookiePlugin);
    server.decorateRequest('caller', null);
    server.addHook('onRequest', (request, reply) => guard.pass(request, reply));
    server.setErrorHandler((error, request, reply) => reply.send(toErrorAnswer(error, request.url).body));
    for (const { method, path } of routes) server.route({ method, url: path, handler: () => ({ code: 'PASSED' }) });
    const ask = async (method: 'GET' | 'POST', url: string) =>
      (await server.inject({ method, url, headers: { host: '127.0.0.1' } })).json<{ code: string }>().code;
    for (const [users, expected] of [
      [false, ['PASSED', 'UNAUTHENTICATED', 'FORBIDDEN', 'UNAUTHENTICATED']],
      [true, ['UNAUTHENTICATED', 'UNAUTHENTICATED', 'UNAUTHENTICATED', 'UNAUTHENTICATED']],
    ] as const) {
      behind.security = { ...behind.security, users, tokens: true };
      gateway.bus.announce(principalsChanged, 'all', { reason: 'test' });
      await eventually(async () => expect((await principals.state()).users).toBe(users));
      const found = [];
      for (const { method, path } of routes) found.push(await ask(method as 'GET', path));
      expect(found).toEqual(expected);
    }
    await server.close();
  });

  it('in recovery mode: callers on the server itself need no credential, others and proxies do', async () => {
    gateway = await Harness.start({ TRUSTED_PROXIES: '198.51.100.1' });
    gateway.behind.security = { ...gateway.behind.security, recoveryUntil: Date.now() + 60_000 };
    expect((await gateway.get('/api/v1/history', {})).status).toBe(200);
    expect((await gateway.get('/api/v1/auth/me', {})).body).toMatchObject({ username: 'recovery' });
    expect((await gateway.get('/api/v1/history', { 'x-forwarded-for': '127.0.0.1' })).status).toBe(401);
    expect((await gateway.raw('/api/v1/history', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await gateway.get('/api/v1/history', bearer('wrong'))).status).toBe(401);
    for (const header of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'])
      expect((await gateway.get('/api/security/recovery', { [header]: '127.0.0.1' })).status).toBe(403);
    expect((await gateway.get('/api/security/recovery', {})).body).toMatchObject({ recovery_mode: true });
  });

  it('has no recovery mode on Kubernetes, unless it is wanted', async () => {
    gateway = await Harness.start({ KUBERNETES_SERVICE_HOST: '10.0.0.1' });
    expect((await gateway.get('/api/security/recovery', {})).status).toBe(403);
    expect((await gateway.post('/api/security/recovery', { action: 'disable_auth' }, {})).status).toBe(403);
    await gateway.stop();
    gateway = await Harness.start({ KUBERNETES_SERVICE_HOST: '10.0.0.1', ENABLE_RECOVERY: 'true' });
    expect((await gateway.get('/api/security/recovery', {})).status).toBe(200);
  });

  it('open to all with AUTH_DISABLED, but not to pages of other sites', async () => {
    gateway = await Harness.start({ AUTH_DISABLED: 'true' });
    expect((await gateway.get('/api/v1/history', {})).status).toBe(200);
    expect((await gateway.raw('/api/v1/history', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await gateway.get('/api/security/status', {})).body).toMatchObject({ disabled: true, requiresAuth: false });
  });

  it('closes home-security reads where that is wanted', async () => {
    gateway = await Harness.start();
    await gateway.sample(hostSample(1, Date.now()));
    await eventually(async () => expect((await gateway.get('/api/system/gpu', {})).status).toBe(200));
    await gateway.stop();
    gateway = await Harness.start({ HSI_READS_REQUIRE_AUTH: 'true' });
    expect((await gateway.get('/api/system/gpu', {})).status).toBe(401);
    expect((await gateway.get('/api/system/health/ready', {})).status).toBe(200);
  });

  it('works without Redis: limits count in the process, tokens still hold', async () => {
    gateway = await Harness.start();
    const { Redis } = await import('@lapwing/redis');
    gateway.app.get(Redis, { strict: false }).onApplicationShutdown();
    expect((await gateway.get('/api/v1/history')).status).toBe(200);
    expect((await gateway.post('/api/v1/auth/register', { username: 'a', password: 'long enough' }, {})).status).toBe(
      503,
    );
  });
});

describe('routes', () => {
  it('must say who may use them', () => {
    @Controller('x')
    class Silent {
      @Get()
      get(): void {}
    }
    expect(() => routesOf([Silent])).toThrow('Silent.get declares no access');
  });

  it('must say how a change is audited', () => {
    @Controller('x')
    class Unaudited {
      @Post()
      @Public()
      post(): void {}
    }
    expect(() => routesOf([Unaudited])).toThrow('Unaudited.post changes something');
  });

  it('of ours all do', () => expect(routesOf(controllers).length).toBeGreaterThan(50));
});
