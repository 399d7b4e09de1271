import { WebhookReceiver, eventually, startCluster, type ProxmoxServer } from '@lapwing/testing';
import { createHmac } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { Lapwing } from '../src/lapwing';

type Fields = Record<string, unknown>;
const PASSPHRASE = 'carried away and back';
const SECRETS = ['token-secret', 'mail-secret', 'shared-secret', 'header-secret', PASSPHRASE];
const environment = { ALERTING_PRIVATE_NETWORKS: '127.0.0.1/32' };

/** All that the API shows of the configuration, without what is of the moment. */
async function configurationOf(lapwing: Lapwing): Promise<Fields> {
  const read = async (route: string): Promise<unknown> => {
    const { status, body } = await lapwing.get<unknown>(route);
    if (status !== 200) throw new Error(`${route} is answered with ${status}`);
    return body;
  };
  const moment =
    /^(status|error|version|isCluster|clusterName|clusterEndpoints|nextAt|next_at|active_until|activeUntil|revision)$/;
  const routes = [
    '/api/config/nodes',
    '/api/guests/metadata',
    '/api/alerts',
    '/api/v1/maintenance-windows',
    '/api/notifications/email',
    '/api/notifications/webhooks',
    '/api/system/settings',
  ];
  const found = await Promise.all(routes.map(async (route) => [route, await read(route)] as const));
  const text = JSON.stringify(Object.fromEntries(found));
  return JSON.parse(text, (name, value: unknown) => (moment.test(name) ? undefined : value)) as Fields;
}

describe('a configuration that is carried from one Lapwing to another', () => {
  const servers: ProxmoxServer[] = [];
  let receiver: WebhookReceiver;
  let from: Lapwing;
  let to: Lapwing;

  beforeAll(async () => {
    servers.push(...(await startCluster({ nodes: 2, guests: 6, first: 40 })));
    receiver = await WebhookReceiver.start();
    from = await Lapwing.create();
    to = await Lapwing.create();
    await from.start([], environment);
  }, 240_000);
  afterAll(async () => {
    await Promise.all([from, to].map((lapwing) => lapwing.remove()));
    receiver.stop();
    for (const server of servers) await server.stop();
  }, 60_000);

  const good = async (lapwing: Lapwing, method: string, route: string, body: unknown): Promise<Fields> => {
    const answer = await lapwing.ask(method, route, lapwing.credentials, body);
    if (answer.status >= 300) throw new Error(`${route}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };

  async function fill(): Promise<void> {
    const [server] = servers;
    const token = { tokenName: 'pulse-monitor@pam!lapwing', tokenValue: 'token-secret' };
    const node = { type: 'pve', name: 'lab', host: server?.url, fingerprint: server?.fingerprint, ...token };
    await good(from, 'POST', '/api/config/nodes', { ...node, monitorBackups: false });
    await good(from, 'PUT', '/api/guests/metadata/pve1/100', { notes: 'the wiki', tags: ['web', 'häuslich'] });
    await good(from, 'POST', '/api/alerts', {
      hostDefaults: { cpu: { trigger: 71, clear: 66 } },
      overrides: { 'lab-pve1-100': { memory: 99 } },
      logRules: [{ name: 'Errors', query: 'error', count: 5 }],
    });
    await good(from, 'POST', '/api/v1/maintenance-windows', {
      name: 'Patches',
      matchers: [{ name: 'node', op: '=', value: 'pve1' }],
      timezone: 'Europe/Berlin',
      schedule: { kind: 'monthly', day: 1, start: '02:00', duration_minutes: 60 },
    });
    const mail = { enabled: true, server: 'mail.example.com', from: 'lapwing@example.com', to: ['ops@example.com'] };
    await good(from, 'PUT', '/api/notifications/email', { ...mail, username: 'lapwing', password: 'mail-secret' });
    await good(from, 'POST', '/api/notifications/webhooks', {
      name: 'Ops',
      url: `${receiver.url}/hook`,
      secret: 'shared-secret',
      headers: { Authorization: 'Bearer header-secret' },
    });
    await good(from, 'POST', '/api/system/settings/update', { pollingInterval: 5, theme: 'dark' });
  }

  it('is the same there, field by field, and in use at once', async () => {
    await fill();
    const before = await configurationOf(from);
    const { data } = (await good(from, 'POST', '/api/config/export', { passphrase: PASSPHRASE })) as { data: string };
    // What is open alone: the header of the file.
    const open = Buffer.from(data, 'base64').toString('latin1');
    for (const secret of SECRETS) expect(open).not.toContain(secret);
    await from.stop();

    await to.start([], environment);
    expect(await configurationOf(to)).not.toEqual(before);
    // From this very machine nobody needs a credential.
    const wrong = await to.ask('POST', '/api/config/import', {}, { passphrase: 'not this pass phrase', data });
    expect([wrong.status, wrong.body]).toMatchObject([400, { code: 'EXPORT_UNREADABLE' }]);
    const { status, body } = await to.ask('POST', '/api/config/import', {}, { passphrase: PASSPHRASE, data });
    expect([status, body]).toMatchObject([
      200,
      {
        status: 'success',
        sections: { nodes: 1, guestMetadata: 1, alerts: 1, maintenance: 1, email: 1, webhooks: 1, system: 1 },
      },
    ]);
    expect(await configurationOf(to)).toEqual(before);
  }, 240_000);

  it('polls with the secrets of the file, and signs with them', async () => {
    const guests = async (): Promise<unknown[]> => {
      const { vms, containers } = (await to.get<{ vms: unknown[]; containers: unknown[] }>('/api/state')).body;
      return [...vms, ...containers];
    };
    await eventually(async () => expect(await guests()).toHaveLength(6), 60_000);
    await good(to, 'POST', '/api/notifications/test', { method: 'webhook' });
    const { headers, body } = await eventually(() => receiver.last);
    const at = headers['x-lapwing-timestamp'];
    const signature = createHmac('sha256', 'shared-secret').update(`${at}.${body}`).digest('hex');
    expect([headers['authorization'], headers['x-lapwing-signature']]).toEqual([
      'Bearer header-secret',
      `v1=${signature}`,
    ]);
  }, 90_000);

  it('is in the audit trail, and no secret is in any log', async () => {
    const { body } = await to.get<{ entries: Fields[] }>('/api/v1/audit?type=configuration');
    expect(body.entries).toMatchObject([
      { action: 'imported', user: 'private network', details: { sections: { nodes: 1 } } },
    ]);
    for (const lapwing of [from, to]) {
      const folder = path.join(lapwing.folder, 'logs');
      const logs = await Promise.all((await readdir(folder)).map((file) => readFile(path.join(folder, file), 'utf8')));
      for (const secret of SECRETS) expect(logs.join('')).not.toContain(secret);
    }
  });
});
