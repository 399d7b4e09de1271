import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Lapwing } from '../src/lapwing';

const root = path.resolve(__dirname, '../..');

const routes = readFileSync(path.join(root, 'apps/gateway/routes.txt'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(/\s+/) as [method: string, path: string]);

/** Every field that some route reads. */
const fields =
  'username password email roles name description permissions identifier action currentPassword newPassword current_password new_password code totp_code totpCode interval signal pid agent_id expiresAt generateApiToken disabled id publicKey machine time signature hostname architecture os version token fingerprint refreshInterval sources logSources agent host containers timestamp hostId status message type user tokenName tokenValue caCertificate verifySSL backupPerms serverName setupCode consoleUrl customUrl notes tags enabled config pollingInterval discoverySubnets alertId alertIds ids guestDefaults hostDefaults storageDefault dockerDefaults pmgThresholds pmgDefaults overrides timeThresholds metricTimeThresholds schedule aggregation flapping cpu memory disk matchers starts_at ends_at comment timezone from to metrics resource_ids limit webhooks cooldown grouping provider server port tls url method headers service template customFields secret webhookId logRules log_rules source source_name levels query pattern count critical_count window_seconds level retention_days batch_window_seconds batch_idle_timeout_seconds detection_confidence_threshold retentionDays backupPollingInterval connectionTimeout discoveryEnabled updateChannel theme logLevel apiKeyEnabled dashboardLayout display passphrase data'.split(
    ' ',
  );

const hostile: unknown[] = [
  "' OR '1'='1",
  'x\'); DROP TABLE auth."user"; --',
  '$(reboot)`reboot`',
  '../../../../etc/passwd',
  { $ne: null },
  { $gt: '' },
  ['*', { $where: 'sleep(1000)' }],
  '__proto__',
  { __proto__: { admin: true }, constructor: { prototype: { admin: true } } },
  'a\0b',
  '\ud800',
  '\u202e\r\nSet-Cookie: x=y',
  '%00%0a',
  'x'.repeat(10_000),
  '🦆'.repeat(30),
  -1,
  1e308,
  Number.MAX_SAFE_INTEGER + 1,
  null,
  true,
  [],
  {},
  [[[[[[[[]]]]]]]],
];

describe('hostile input', () => {
  let lapwing: Lapwing;
  let credentials: Record<string, string> = {};
  const logIn = async (): Promise<void> => {
    await lapwing.ask('POST', '/api/security/reset-lockout', lapwing.credentials, { identifier: 'fuzz' });
    credentials = await lapwing.credentialsOf('fuzz', 'long enough');
  };

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    await lapwing.start([], { TRUSTED_PROXIES: '127.0.0.1', ALLOW_REGISTRATION: 'true' });
    const user = { username: 'fuzz', password: 'long enough', roles: ['admin'] };
    expect((await lapwing.ask('POST', '/api/v1/users', lapwing.credentials, user)).status).toBe(201);
    await logIn();
  }, 180_000);
  afterAll(() => lapwing.remove(), 60_000);

  /** Asks; what came back must be an answer, and no fault of ours. */
  async function probe(method: string, route: string, body?: unknown): Promise<void> {
    const ask = () => lapwing.ask(method, route, { ...credentials, ...lapwing.elsewhere() }, body);
    let answer = await ask();
    if (answer.status === 401) {
      // A probe before has logged us out: that is right.
      await logIn();
      answer = await ask();
    }
    const found = { method, route, body, status: answer.status, answer: answer.body };
    expect(found).not.toMatchObject({ status: 500 });
    // Engine.IO says in its own way what it does not like.
    if (answer.status >= 400 && !route.startsWith('/socket.io'))
      expect(found).toMatchObject({ answer: { success: false, code: expect.any(String) as string } });
  }

  const writes = routes.filter(([method]) => method !== 'GET');
  it.each(writes)(
    'in every field of the body of %s %s',
    async (method, template) => {
      const route = template.replace(':pid', '4000000').replace(':id', '018f3c1e-7d2a-4c3b-9a54-0123456789ab');
      for (const value of hostile) {
        await probe(method, route, Object.fromEntries(fields.map((field) => [field, value])));
        await probe(method, route, value);
      }
    },
    120_000,
  );

  it('inside a report of a Docker host', async () => {
    for (const value of hostile) {
      const container = {
        id: 'c1',
        name: value,
        image: value,
        labels: { [String(value)]: value },
        restartCount: value,
      };
      for (const report of [
        { agent: { id: value }, host: { hostname: 'h' } },
        { agent: { version: value }, host: { hostname: value, machineId: value, os: value } },
        { agent: {}, host: { hostname: 'h' }, containers: [container, { id: value, name: 'n' }] },
        { agent: {}, host: { hostname: 'h' }, containers: [{ ...container, restartCount: 1 }] },
        { agent: {}, host: { hostname: 'h' }, timestamp: value },
      ])
        await probe('POST', '/api/agents/docker/report', report);
    }
  }, 60_000);

  it.each(routes.filter(([, template]) => template.includes(':')))(
    'in the path of %s %s',
    async (method, template) => {
      for (const value of hostile.filter((one): one is string => typeof one === 'string' && one !== '\ud800')) {
        const route = template.replace(/:(pid|id)/, encodeURIComponent(value.slice(0, 400)));
        await probe(method, route, method === 'GET' ? undefined : {});
      }
    },
    60_000,
  );

  it.each(routes.filter(([method, template]) => method === 'GET' && !template.endsWith('/stream')))(
    'in the query of %s %s',
    async (method, route) => {
      const names =
        'agent_id limit offset type user action from to before hours interval resolution since format sortBy processes state code severity level startTime endTime resourceId resource_id channel status alert_id min_score source source_name q pattern stream after step lines process'.split(
          ' ',
        );
      for (const value of hostile.filter((one): one is string => typeof one === 'string' && one !== '\ud800'))
        for (const name of names) await probe(method, `${route}?${name}=${encodeURIComponent(value.slice(0, 1000))}`);
    },
    60_000,
  );

  it('left nothing behind: the administrator is who he was, the prototype of all objects too', async () => {
    const { body } = await lapwing.ask('GET', '/api/v1/auth/me', lapwing.credentials);
    expect(body).toMatchObject({ username: 'admin', roles: ['admin'], permissions: ['*'] });
    expect((await lapwing.ask('GET', '/api/v1/users', {})).status).toBe(401);
    expect((await lapwing.get('/api/system/health/ready')).status).toBe(200);
    const log = readFileSync(path.join(lapwing.folder, 'logs/standalone-out.log'), 'utf8');
    expect(
      log.split('\n').filter((line) => line.includes('"level":"error"') || line.includes('"level":"fatal"')),
    ).toEqual([]);
  });
});
