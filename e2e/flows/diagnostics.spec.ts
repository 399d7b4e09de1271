import { WebhookReceiver, eventually, freePort } from '@lapwing/testing';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ADMIN_PASSWORD, Lapwing } from '../src/lapwing';

interface Report {
  version: string;
  nodes: { name: string; connected: boolean; error: string | null; failures: number }[];
  services: Record<string, { status: string; replicas: { version: string; checks: { name: string }[] }[] }>;
  errors: { time: string; level: string; service: string; component: string; message: string; count: number }[];
  queue: { streams: { stream: string; bytes: number }[]; consumers: { consumer: string; pending: number }[] };
  breakers: { kind: string; name: string; failures: number }[];
  performance: { requests: { count: number } };
}

const SECRETS = {
  nodePassword: 'pw-of-the-node-4711',
  tokenValue: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeee4712',
  hookToken: 'xoxb-token-of-the-hook-4713',
  hookSecret: 'secret-of-the-hook-4714',
  environmentToken: 'token-of-the-environment-4715',
  guessed: 'guessed-password-4716',
};

describe('diagnostics', () => {
  let lapwing: Lapwing;
  let receiver: WebhookReceiver;
  const secrets: string[] = [ADMIN_PASSWORD, ...Object.values(SECRETS)];

  const post = (route: string, body: unknown) => lapwing.ask('POST', route, lapwing.credentials, body);

  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
    receiver.answer = () => ({ status: 500 });
    lapwing = await Lapwing.create();
    await lapwing.start([], { API_TOKENS: SECRETS.environmentToken, ALERTING_PRIVATE_NETWORKS: '127.0.0.1/32' });
    const password = await readFile(path.join(lapwing.folder, 'postgres/password'), 'utf8');
    secrets.push(password.trim(), lapwing.credentials.authorization.replace('Bearer ', ''));
  }, 180_000);
  afterAll(async () => {
    await lapwing.remove();
    receiver.stop();
  }, 60_000);

  it('tell what is wrong, and none of the secrets that the system was given', async () => {
    const { body: made } = await lapwing.ask<{ token: string }>('POST', '/api/security/tokens', lapwing.credentials, {
      name: 'told',
      permissions: ['logs:view'],
    });
    secrets.push(made.token);
    const port = await freePort();
    const node = { type: 'pve', host: `https://127.0.0.1:${port}`, verifySSL: false };
    const byPassword = { ...node, name: 'by password', user: 'root@pam', password: SECRETS.nodePassword };
    const byToken = { ...node, name: 'by token', tokenName: 'a@pam!b', tokenValue: SECRETS.tokenValue };
    await post('/api/system/settings/update', { pollingInterval: 2 });
    expect((await post('/api/config/nodes', byPassword)).status).toBe(200);
    const other = { ...byToken, host: `https://127.0.0.1:${await freePort()}` };
    expect((await post('/api/config/nodes', other)).status).toBe(200);
    const url = `${receiver.url}/services/${SECRETS.hookToken}?token=${SECRETS.hookToken}`;
    const hook = { name: 'Hook', url, service: 'generic', secret: SECRETS.hookSecret };
    expect((await post('/api/notifications/webhooks', hook)).status).toBe(200);
    await post('/api/notifications/test', {});
    await lapwing.ask('POST', '/api/v1/auth/login', {}, { username: 'admin', password: SECRETS.guessed });
    await lapwing.ask('GET', `/api/v1/alerts?token=${SECRETS.guessed}`, { 'x-api-token': SECRETS.guessed });
    // The report is made once in a while: it shall be made when there is something to tell.
    await eventually(async () => {
      const { body } = await lapwing.get<{ status: string }[]>('/api/config/nodes');
      expect(body.map(({ status }) => status)).toEqual(['disconnected', 'disconnected']);
    }, 60_000);
    const { status, headers, body } = await lapwing.ask<Report>('GET', '/api/diagnostics', lapwing.credentials);
    expect([status, body.version]).toEqual([200, expect.stringMatching(/^v\d/)]);
    expect(Date.parse(headers.get('x-diagnostics-cached-at') ?? '')).toBeGreaterThan(0);
    expect(body.nodes.map(({ name, connected }) => [name, connected])).toEqual([
      ['by password', false],
      ['by token', false],
    ]);
    const services = ['settings', 'auth', 'metrics-store', 'log-store', 'fleet', 'alerting', 'updates', 'poller'];
    for (const service of services) expect(body.services[service]?.replicas.length).toBe(1);
    expect(body.errors).toContainEqual(
      expect.objectContaining({ service: 'poller', component: 'target', level: 'warn', message: 'not reached' }),
    );
    expect(body.queue.streams.map(({ stream }) => stream)).toContain('SAMPLES');
    expect(body.queue.consumers.map(({ consumer }) => consumer)).toContain('metrics-store');
    expect(body.performance.requests.count).toBeGreaterThan(0);
    const text = JSON.stringify([body, Object.fromEntries(headers)]);
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(8);
      expect(text).not.toContain(secret);
      expect(text).not.toContain(encodeURIComponent(secret));
      expect(text).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/, ''));
    }
    // What follows the door to the database, and whatever has a name and a password in its address.
    expect(text).not.toMatch(/postgres(ql)?:\/\/|:\/\/[^"/]*@/);
    expect(text.length).toBeLessThan(200_000);
  }, 120_000);

  it('are for nobody without the permission, also not without a credential', async () => {
    expect((await lapwing.ask('GET', '/api/diagnostics')).status).toBe(401);
    const { body } = await lapwing.ask<{ token: string }>('POST', '/api/security/tokens', lapwing.credentials, {
      name: 'other',
      permissions: ['logs:view'],
    });
    expect((await lapwing.ask('GET', '/api/diagnostics', { 'x-api-token': body.token })).status).toBe(403);
  });
});
