import {
  LapwingError,
  MAX_EXPORT_LENGTH,
  configurationExport,
  configurationImport,
  type InputOf,
} from '@lapwing/contracts';
import { randomInt, randomUUID } from 'node:crypto';
import { hashOf } from '../src/http/credential';
import { Harness, principal } from './harness';

type Headers = Record<string, string>;
const PASSPHRASE = 'correct horse battery';
const DATA = 'ZXhwb3J0ZWQ=';
const EXPORT = '/api/config/export';
const IMPORT = '/api/config/import';

describe('export and import over HTTP', () => {
  let gateway: Harness;
  let exports: InputOf<typeof configurationExport>[];
  let imports: InputOf<typeof configurationImport>[];
  let refusal: LapwingError | undefined;

  const start = async (environment: Headers = {}): Promise<void> => {
    gateway = await Harness.start({ TRUSTED_PROXIES: '127.0.0.1', ...environment });
    [exports, imports, refusal] = [[], [], undefined];
    const sections = { nodes: 2, system: 1 };
    await gateway.respond(configurationExport, async (input) => {
      exports.push(input);
      if (refusal) throw refusal;
      return { data: DATA, sections };
    });
    await gateway.respond(configurationImport, async (input) => {
      imports.push(input);
      if (refusal) throw refusal;
      return { importId: randomUUID(), sections };
    });
  };
  afterEach(() => gateway.stop());

  /** An address that was not counted yet. */
  const near = (): Headers => ({ 'x-forwarded-for': `10.${randomInt(256)}.${randomInt(256)}.${randomInt(256)}` });
  const far = (): Headers => ({ 'x-forwarded-for': `203.0.${randomInt(256)}.${randomInt(256)}` });
  const token = (permissions: string[], name: string = randomUUID()): string => {
    gateway.behind.principals.set(hashOf(name), principal(permissions, { id: randomUUID() }));
    return name;
  };
  const bearer = (permissions: string[]): Headers => ({ authorization: `Bearer ${token(permissions)}`, ...far() });
  const exportWith = (headers: Headers, body: unknown = { passphrase: PASSPHRASE }, path = EXPORT) =>
    gateway.post(path, body, headers);
  const importWith = (headers: Headers, body: unknown = { passphrase: PASSPHRASE, data: DATA }) =>
    gateway.post(IMPORT, body, headers);
  const statuses = async (headers: () => Headers): Promise<number[]> => [
    (await exportWith(headers())).status,
    (await importWith(headers())).status,
  ];

  it('exports and imports for holders of the permissions, and says who', async () => {
    await start();
    expect(await exportWith(bearer(['config:export']))).toEqual({
      status: 200,
      body: { status: 'success', data: DATA },
    });
    expect(exports[0]).toMatchObject({ passphrase: PASSPHRASE, actor: { name: 'token:test' } });
    const { status, body } = await importWith(bearer(['config:import']));
    expect([status, body]).toEqual([
      200,
      {
        status: 'success',
        message: expect.stringContaining('nodes (2), system (1)'),
        sections: { nodes: 2, system: 1 },
      },
    ]);
    expect(imports[0]).toMatchObject({ data: DATA, passphrase: PASSPHRASE });
    expect((await exportWith(bearer(['config:import']))).status).toBe(403);
    expect((await importWith(bearer(['config:export', 'settings:manage']))).status).toBe(403);
    expect(await statuses(() => bearer(['dashboard:view']))).toEqual([403, 403]);
  });

  it('takes the token from the query, and a wrong one is wrong from anywhere', async () => {
    await start();
    expect((await exportWith(far(), {}, `${EXPORT}?token=${token(['config:export'])}`)).status).toBe(400);
    const body = { passphrase: PASSPHRASE };
    expect((await exportWith(far(), body, `${EXPORT}?token=${token(['config:export'])}`)).status).toBe(200);
    expect((await exportWith(near(), body, `${EXPORT}?token=wrong`)).status).toBe(401);
    expect(await statuses(() => ({ ...near(), 'x-api-token': 'wrong' }))).toEqual([401, 401]);
  });

  it.each(['10.1.2.3', '192.168.7.8', '172.16.9.10', '127.0.0.1'])('asks %s for no credential', async (address) => {
    await start();
    const last = randomInt(200) + 10;
    const from =
      address === '127.0.0.1'
        ? `127.7.${randomInt(256)}.${last}`
        : address.replace(/\d+\.\d+$/, `${randomInt(256)}.${last}`);
    expect(await statuses(() => ({ 'x-forwarded-for': from }))).toEqual([200, 200]);
    expect(exports[0]?.actor).toMatchObject({
      name: 'private network',
      address: from,
      permissions: ['config:export', 'config:import'],
    });
  });

  it.each(['172.17.0.2', '172.15.0.2', '11.0.0.1', '192.169.0.1', '203.0.113.9', 'fd00::1'])(
    'asks %s for one',
    async (address) => {
      await start();
      expect(await statuses(() => ({ 'x-forwarded-for': address }))).toEqual([401, 401]);
      expect([exports, imports]).toEqual([[], []]);
    },
  );

  it('asks whoever hides behind a proxy that nobody trusts for one', async () => {
    await start({ TRUSTED_PROXIES: '192.0.2.1' });
    for (const header of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'])
      expect((await exportWith({ [header]: '10.0.0.1' })).status).toBe(401);
  });

  it('can be closed to private networks, and opened to public ones', async () => {
    await start({ EXPORT_ALLOW_PRIVATE_NETWORK: 'false' });
    expect(await statuses(near)).toEqual([401, 401]);
    const shown = async (headers: Headers): Promise<unknown> =>
      (await gateway.get('/api/security/status', headers)).body;
    expect(await shown(near())).toMatchObject({ exportProtected: true, unprotectedExportAllowed: false });
    await gateway.stop();
    await start({ EXPORT_ALLOW_PRIVATE_NETWORK: 'false', ALLOW_UNPROTECTED_EXPORT: 'true' });
    expect(await statuses(far)).toEqual([200, 200]);
    expect(exports[0]?.actor.name).toBe('anonymous');
    expect(await shown(far())).toMatchObject({ exportProtected: false, unprotectedExportAllowed: true });
    await gateway.stop();
    await start();
    expect(await shown(far())).toMatchObject({ exportProtected: true, unprotectedExportAllowed: false });
    expect(await shown(near())).toMatchObject({ exportProtected: false, unprotectedExportAllowed: true });
  });

  it('gives whoever has no credential nothing else', async () => {
    await start();
    expect((await gateway.get('/api/config/nodes', near())).status).toBe(401);
    expect((await gateway.post('/api/system/settings/update', {}, near())).status).toBe(401);
  });

  const { host } = { host: 'lapwing.example.com' };
  it.each<[string, Headers]>([
    ['an Origin of another site', { origin: 'https://evil.example.com' }],
    ['an Origin of nowhere', { origin: 'null' }],
    ['a Sec-Fetch-Site of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a Sec-Fetch-Site of a sibling', { 'sec-fetch-site': 'same-site' }],
    ['a page of a site that was pointed here', { host: 'evil.example.com', origin: 'http://evil.example.com' }],
    ['a browser at a name that is not ours', { host: 'evil.example.com', 'sec-fetch-site': 'same-origin' }],
  ])('lets no page of another site do it: %s', async (_, headers) => {
    await start({ HOST: '0.0.0.0', LAPWING_PUBLIC_URL: `https://${host}` });
    const passphrase = { 'x-export-passphrase': PASSPHRASE, 'content-type': 'application/json' };
    for (const method of ['GET', 'POST'])
      expect((await gateway.raw('/api/export', { ...near(), ...passphrase, ...headers }, method)).status).toBe(403);
    expect(exports).toEqual([]);
  });

  it.each<[string, Headers]>([
    ['of its own at its address', { host: '192.168.1.5:8080', origin: 'http://192.168.1.5:8080' }],
    ['of its own at its public name', { host, origin: `https://${host}`, 'sec-fetch-site': 'same-origin' }],
    ['of its own at a name that it was told', { host: 'nas.lan:8080', origin: 'http://nas.lan:8080' }],
  ])('lets a page do it %s', async (_, headers) => {
    await start({ HOST: '0.0.0.0', LAPWING_PUBLIC_URL: `https://${host}`, GATEWAY_ALLOWED_HOSTS: 'nas.lan' });
    const passphrase = { 'x-export-passphrase': PASSPHRASE, 'content-type': 'application/json' };
    for (const method of ['GET', 'POST']) {
      const sent = method === 'POST' ? '{}' : undefined;
      const { status } = await gateway.raw('/api/export', { ...near(), ...passphrase, ...headers }, method, sent);
      expect(status).toBe(200);
    }
  });

  it('reads by GET are told by their name in any case: browsers do not always say whose page asks', async () => {
    await start({ HOST: '0.0.0.0' });
    const headers = { 'x-export-passphrase': PASSPHRASE, host: 'evil.example.com' };
    expect((await gateway.raw('/api/export', { ...near(), ...headers })).status).toBe(403);
  });

  it('wants JSON of whoever has no credential', async () => {
    await start();
    const types: Headers[] = [
      {},
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
    ];
    for (const type of types) expect((await gateway.raw(EXPORT, { ...near(), ...type }, 'POST')).status).toBe(415);
  });

  it('takes the pass phrase of the alias from a header, as UTF-8, and never from the query', async () => {
    await start();
    const held = () => bearer(['config:export']);
    for (const path of ['/api/export', `/api/export?passphrase=${encodeURIComponent(PASSPHRASE)}`])
      expect(await gateway.get(path, held())).toMatchObject({
        status: 400,
        body: { code: 'INVALID_INPUT', error: expect.stringContaining('X-Export-Passphrase') },
      });
    expect((await gateway.get('/api/export', { ...held(), 'x-export-passphrase': 'short' })).status).toBe(400);
    const sent = Buffer.from('pass phrase é€').toString('latin1');
    const { status, body } = await gateway.get('/api/export', { ...held(), 'x-export-passphrase': sent });
    expect([status, body]).toEqual([200, { status: 'success', data: DATA }]);
    expect(exports.at(-1)?.passphrase).toBe('pass phrase é€');
    expect(
      (
        await gateway.get(`/api/export?token=${token(['config:export'])}`, {
          ...far(),
          'x-export-passphrase': PASSPHRASE,
        })
      ).status,
    ).toBe(200);
    expect((await gateway.raw('/api/export', { ...held(), 'x-export-passphrase': PASSPHRASE }, 'POST')).status).toBe(
      200,
    );
    expect((await gateway.get('/api/export', { ...far(), 'x-export-passphrase': PASSPHRASE })).status).toBe(401);
  });

  it('counts five a minute, of export and import together, refused ones and the alias too', async () => {
    await start();
    const from = near();
    const passphrase = { 'x-export-passphrase': PASSPHRASE };
    const found = [
      (await exportWith(from)).status,
      (await importWith(from)).status,
      (await gateway.get('/api/export', { ...from, ...passphrase })).status,
      (await exportWith({ ...from, 'x-api-token': 'wrong' })).status,
      (await exportWith(from, {})).status,
    ];
    expect(found).toEqual([200, 200, 200, 401, 400]);
    expect(await importWith(from)).toMatchObject({
      status: 429,
      body: { code: 'RATE_LIMITED', error: 'at most 5 exports and imports a minute' },
    });
    const one = token(['config:*']);
    const with1 = () => ({ ...far(), authorization: `Bearer ${one}` });
    for (let count = 0; count < 5; count++) expect((await exportWith(with1())).status).toBe(200);
    expect((await exportWith(with1())).status).toBe(429);
  });

  it.each<[string, unknown]>([
    ['no pass phrase', { data: DATA }],
    ['a short pass phrase', { passphrase: 'x'.repeat(11), data: DATA }],
    ['a long pass phrase', { passphrase: 'x'.repeat(1025), data: DATA }],
    ['no file', { passphrase: PASSPHRASE }],
    ['an empty file', { passphrase: PASSPHRASE, data: '' }],
    ['a file that is no text', { passphrase: PASSPHRASE, data: { $gt: '' } }],
    ['nothing', undefined],
  ])('refuses %s', async (_, body) => {
    await start();
    const { status } = await gateway.send('POST', IMPORT, body ?? '{', {
      ...near(),
      'content-type': 'application/json',
    });
    expect([status, imports]).toEqual([400, []]);
  });

  it('takes a file as large as any export, whatever the limit of other bodies', async () => {
    await start({ GATEWAY_BODY_LIMIT: '2048' });
    const data = 'A'.repeat(MAX_EXPORT_LENGTH);
    // The bus of the tests carries less than the one that is installed: that it was refused there shows that it came so far.
    expect(await importWith(bearer(['config:import']), { passphrase: PASSPHRASE, data })).toMatchObject({
      status: 413,
      body: { code: 'TOO_LARGE' },
    });
    const over = await importWith(bearer(['config:import']), { passphrase: PASSPHRASE, data: `${data}AAAA` });
    expect(over).toMatchObject({ status: 400, body: { code: 'INVALID_INPUT' } });
    expect(await importWith(bearer(['config:import']), { passphrase: PASSPHRASE, data: data + data })).toMatchObject({
      status: 413,
      body: { code: 'BODY_TOO_LARGE' },
    });
    expect((await gateway.post('/api/config/nodes', { type: 'x'.repeat(3000) })).status).toBe(413);
  });

  it.each<[string, LapwingError, number]>([
    ['a wrong pass phrase', new LapwingError('EXPORT_UNREADABLE', 'cannot be told apart'), 400],
    ['a broken section', new LapwingError('INVALID_INPUT', 'no', { section: 'nodes', field: '0.host' }), 400],
    ['another import', new LapwingError('IMPORT_IN_PROGRESS'), 409],
    ['a service that is away', new LapwingError('UNAVAILABLE', 'decided, being completed', { decided: true }), 503],
  ])('passes on what was wrong: %s', async (_, error, status) => {
    await start();
    refusal = error;
    const { code, message, details } = error;
    expect(await importWith(near())).toEqual({ status, body: { success: false, error: message, code, details } });
  });
});
