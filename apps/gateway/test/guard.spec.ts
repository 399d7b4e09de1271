import { auditOccurred, principalsChanged } from '@lapwing/contracts';
import { eventually, hostSample } from '@lapwing/testing';
import { Controller, Get, Post } from '@nestjs/common';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Public } from '../src/http/access';
import { hashOf } from '../src/http/credential';
import { routesOf } from '../src/http/route-list';
import { controllers } from '../src/routes/registry';
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
    await gateway.settle();
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
