import { principalsChanged, setupCreate } from '@lapwing/contracts';
import { eventually, hostSample } from '@lapwing/testing';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import cookiePlugin from '@fastify/cookie';
import fastify from 'fastify';
import { loadConfig } from '../src/config';
import type { Access } from '../src/http/access';
import { hashOf } from '../src/http/credential';
import { toErrorAnswer } from '../src/http/errors';
import { Guard } from '../src/http/guard';
import type { Route } from '../src/http/route-list';
import { AuditService } from '../src/services/audit.service';
import { LimitsService } from '../src/services/limits.service';
import { OpenWritesService } from '../src/services/open-writes.service';
import { PrincipalsService } from '../src/services/principals.service';
import { Follower, Harness, principal } from './harness';

type Headers = Record<string, string>;
const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });

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

  it('counts those who are refused, and paths that are not there', async () => {
    gateway = await Harness.start({ RATE_LIMIT_PER_MINUTE: '20', TRUSTED_PROXIES: '127.0.0.1' });
    const [one, other] = [
      `2001:db8:${Date.now().toString(16).slice(-4)}:1::1`,
      `2001:db8:${Date.now().toString(16).slice(-4)}:2::1`,
    ];
    const statuses = async (path: string, address: string) => {
      const found = [];
      for (let index = 0; index < 25; index++)
        found.push((await gateway.get(path, { 'x-forwarded-for': address })).status);
      return found;
    };
    expect(await statuses('/api/v1/history', one)).toEqual([
      ...Array<number>(20).fill(401),
      ...Array<number>(5).fill(429),
    ]);
    expect(await statuses('/nonsense', other)).toEqual([...Array<number>(20).fill(404), ...Array<number>(5).fill(429)]);
    expect((await gateway.get('/nonsense', { 'x-forwarded-for': other.replace('::1', '::abcd') })).status).toBe(429);
  });

  it('counts and forgets together with its replicas', async () => {
    const settings = { RATE_LIMIT_PER_MINUTE: '30', TRUSTED_PROXIES: '127.0.0.1' };
    const from = { 'x-forwarded-for': `2001:db8:${Date.now().toString(16).slice(-4)}:3::1` };
    gateway = await Harness.start(settings);
    const urls = [gateway.url, await gateway.replica(settings)];
    const [counted, revoked] = [`counted-${Date.now()}`, `revoked-${Date.now()}`];
    for (const token of [counted, revoked])
      gateway.behind.principals.set(hashOf(token), principal(['*'], { id: `id of ${token}` }));
    const ask = async (index: number, token: string): Promise<number> =>
      (await fetch(`${urls[index % 2]}/api/v1/auth/me`, { headers: { ...bearer(token), ...from } })).status;
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
    const openWrites = app.get(OpenWritesService);
    const guard = new Guard({ principals, limits, audit, openWrites }, loadConfig({}), routes);
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

  it.each([
    ['192.168.1.5', '10.0.0.2:8080', true],
    ['10.200.0.1', 'localhost', true],
    ['172.16.3.4', '[fd00::1]:8080', true],
    ['172.17.0.1', '10.0.0.2', false],
    ['203.0.113.1', '10.0.0.2', false],
    ['192.168.1.5', 'lapwing.evil.example', false],
    ['192.168.1.5', 'lapwing.example.com', true],
  ])('makes the first user for %s at %s: %s', async (address, host, near) => {
    gateway = await Harness.start({
      HOST: '0.0.0.0',
      TRUSTED_PROXIES: '127.0.0.1',
      GATEWAY_ALLOWED_HOSTS: 'lapwing.example.com',
    });
    const asked: boolean[] = [];
    await gateway.respond(setupCreate, (input) => {
      asked.push(input.near);
      return Promise.resolve({ apiToken: null });
    });
    const { hostname, port } = new URL(gateway.url);
    const body = JSON.stringify({ username: 'first', password: 'long enough' });
    const headers = {
      host,
      'x-forwarded-for': address,
      'content-type': 'application/json',
      'content-length': body.length,
    };
    const call = httpRequest({ hostname, port, method: 'POST', path: '/api/security/quick-setup', headers }).end(body);
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    expect([answer.statusCode, asked]).toEqual([200, [near]]);
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
