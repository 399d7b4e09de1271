import { Bus } from '@lapwing/bus';
import {
  connectionTest,
  guestmetadataDelete,
  guestmetadataGet,
  guestmetadataList,
  guestmetadataUpdate,
  nodeCreate,
  nodeDelete,
  nodeList,
  nodeRegister,
  nodeTest,
  nodeUpdate,
  sealedFor,
  setupcodeCreate,
  targetList,
  type Target,
} from '@lapwing/contracts';
import { Postgres } from '@lapwing/postgres';
import { SecretKey } from '@lapwing/service';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Fleet, actor } from './harness';

const draft = { type: 'pve' as const, name: 'home', host: 'pve1', user: 'monitor@pve', password: 'pass word' };
const address = '192.0.2.9';
const key = new SecretKey(Buffer.from('ab'.repeat(32), 'hex'));

describe('configured nodes', () => {
  let fleet: Fleet;
  let poller: Bus;
  let tested: Target[];

  beforeAll(async () => {
    fleet = await Fleet.start();
    poller = await fleet.open('poller');
    tested = [];
    const answer = { success: true, message: 'connected', latencyMs: 1, isCluster: false, nodeCount: 1 };
    poller.respond(connectionTest, async (target) => {
      tested.push(target);
      return { ...answer, version: '9.0', fingerprint: '' };
    });
  });
  afterAll(async () => {
    await poller.onApplicationShutdown();
    await fleet.stop();
  });

  const code = (promise: Promise<unknown>) =>
    promise.then(
      () => 'fine',
      (error: { code: string }) => error.code,
    );
  const register = (changes: object, setupCode: string | null = null, from = address) =>
    fleet.bus.request(nodeRegister, {
      draft: { ...draft, password: undefined, tokenName: 'pulse-monitor@pam!x', tokenValue: 'v', ...changes },
      setupCode,
      actor: null,
      address: from,
    });

  it('are added, changed and forgotten; their secrets come back to pollers alone, sealed', async () => {
    const node = await fleet.bus.request(nodeCreate, { actor, draft });
    expect(node).toMatchObject({ host: 'https://pve1:8006', hasPassword: true, hasToken: false, verifySSL: true });
    expect(JSON.stringify(await fleet.bus.request(nodeList, {}))).not.toContain('pass word');
    const [target] = (await poller.request(targetList, {})).targets;
    expect(JSON.stringify(target)).not.toContain('pass word');
    const open = () => JSON.parse(key.open(sealedFor(node.id), Buffer.from(target?.sealed ?? '', 'base64'))) as unknown;
    expect(open()).toEqual({ password: 'pass word', tokenValue: '' });
    const renamed = await fleet.bus.request(nodeUpdate, { actor, id: node.id, changes: { name: 'den', password: '' } });
    expect(renamed).toMatchObject({ name: 'den', hasPassword: true });
    expect(await code(fleet.bus.request(nodeUpdate, { actor, id: node.id, changes: { host: 'evil' } }))).toBe(
      'SECRET_REQUIRED',
    );
    expect(await code(fleet.bus.request(nodeCreate, { actor, draft: { ...draft, name: 'other' } }))).toBe(
      'NODE_EXISTS',
    );
    expect(await code(fleet.bus.request(nodeCreate, { actor, draft: { ...draft, host: 'x', name: 'den' } }))).toBe(
      'NODE_EXISTS',
    );
    await fleet.bus.request(nodeDelete, { actor, id: node.id });
    expect(await code(fleet.bus.request(nodeDelete, { actor, id: node.id }))).toBe('NOT_FOUND');
    expect((await fleet.bus.request(nodeList, {})).nodes).toEqual([]);
  });

  it('keeps no secret in the database as it is', async () => {
    const node = await fleet.bus.request(nodeCreate, { actor, draft });
    const postgres = new Postgres({ service: 'test', url: fleet.database.url });
    const { rows } = await postgres.query(
      'dump',
      `SELECT n::text AS text, encode(sealed, 'escape') AS raw FROM fleet.node n`,
    );
    await postgres.onApplicationShutdown();
    expect(JSON.stringify(rows)).toContain(node.id);
    expect(JSON.stringify(rows)).not.toContain('pass word');
    await fleet.bus.request(nodeDelete, { actor, id: node.id });
  });

  it('are of no use with another key: fleet refuses to start', async () => {
    const child = spawn(process.execPath, [path.join(__dirname, '../dist/main.js')], {
      env: {
        ...process.env,
        NATS_URL: fleet.nats.url,
        DATABASE_URL: fleet.database.url,
        LAPWING_SECRET_KEY: 'cd'.repeat(32),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let printed = '';
    child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const [status] = (await once(child, 'exit')) as [number];
    expect(status).toBe(1);
    expect(printed).toContain('LAPWING_SECRET_KEY is not the key that this database was made with');
  }, 30_000);

  it('does not let the gateway read what pollers read', async () => {
    expect(await code(fleet.bus.request(targetList, {}))).not.toBe('fine');
  });

  it('are tried by a poller, saved or not', async () => {
    const node = await fleet.bus.request(nodeCreate, { actor, draft });
    expect(await fleet.bus.request(nodeTest, { id: node.id })).toMatchObject({ success: true });
    expect(tested.at(-1)).toMatchObject({ id: node.id });
    await fleet.bus.request(nodeTest, { draft: { ...draft, host: 'pve2' }, complete: false });
    expect(tested.at(-1)).toMatchObject({ id: 'unsaved', host: 'https://pve2:8006' });
    const nameless = { ...draft, name: ' ' };
    expect(await code(fleet.bus.request(nodeTest, { draft: nameless, complete: true }))).toBe('INVALID_INPUT');
    await fleet.bus.request(nodeDelete, { actor, id: node.id });
    expect(await code(fleet.bus.request(nodeTest, { id: node.id }))).toBe('NOT_FOUND');
  });

  it('register themselves with a code, once', async () => {
    const { code: setupCode, host } = await fleet.bus.request(setupcodeCreate, { actor, type: 'pve', host: 'PVE9' });
    expect(host).toBe('https://pve9:8006');
    expect(await code(register({ host: 'pve8' }, setupCode))).toBe('SETUP_CODE_INVALID');
    expect(await code(register({ host: 'pve9', type: 'pbs' }, setupCode))).toBe('SETUP_CODE_INVALID');
    const first = await register({ host: 'https://pve9:8006/', name: 'pve9' }, setupCode.toLowerCase());
    expect(first).toMatchObject({ isNew: true, node: { source: 'registered', tokenName: 'pulse-monitor@pam!x' } });
    expect(await code(register({ host: 'pve9' }, setupCode))).toBe('SETUP_CODE_INVALID');
    const second = await fleet.bus.request(setupcodeCreate, { actor, type: 'pve', host: 'pve9' });
    const again = await register({ host: 'pve9', name: 'ignored', tokenValue: 'w' }, second.code, '198.51.100.1');
    expect(again).toMatchObject({ isNew: false, node: { id: first.node.id, name: 'pve9' } });
    const third = await fleet.bus.request(setupcodeCreate, { actor, type: 'pve', host: 'elsewhere' });
    expect(await register({ host: 'elsewhere', name: 'pve9' }, third.code, '198.51.100.1')).toMatchObject({
      node: { name: 'pve9-2' },
    });
  });

  it('are taken by nobody without a code or somebody who vouches', async () => {
    expect(await code(register({ host: 'pve7' }))).toBe('UNAUTHENTICATED');
  });

  it('are closed to an address after five bad codes, also for a good one', async () => {
    const { code: good } = await fleet.bus.request(setupcodeCreate, { actor, type: 'pve', host: 'pve6' });
    const from = '203.0.113.5';
    const tries = [];
    for (let count = 0; count < 5; count++) tries.push(await code(register({ host: 'pve6' }, 'AAAAAA', from)));
    expect(new Set(tries)).toEqual(new Set(['SETUP_CODE_INVALID']));
    expect(await code(register({ host: 'pve6' }, good, from))).toBe('RATE_LIMITED');
    expect(await register({ host: 'pve6' }, good, '203.0.113.77')).toMatchObject({ isNew: true });
  });

  it('makes at most twenty codes that are open', async () => {
    const made = [];
    for (let count = 0; count < 21; count++)
      made.push(await code(fleet.bus.request(setupcodeCreate, { actor, type: 'pbs', host: `pbs${count}` })));
    expect(made.at(-1)).toBe('RATE_LIMITED');
  });

  it('have guests about which people note something', async () => {
    const { bus } = fleet;
    expect(await bus.request(guestmetadataGet, { id: 'pve1/100' })).toMatchObject({ id: 'pve1:100', notes: '' });
    await bus.request(guestmetadataUpdate, { actor, id: 'pve1-100', changes: { notes: 'the wiki' } });
    const changes = { consoleUrl: 'https://wiki.example.com' };
    expect(await bus.request(guestmetadataUpdate, { actor, id: 'pve1:100', changes })).toEqual({
      id: 'pve1:100',
      notes: 'the wiki',
      description: '',
      tags: [],
      ...changes,
    });
    expect((await bus.request(guestmetadataList, {})).guests).toHaveLength(1);
    const script = { consoleUrl: 'javascript:alert(1)' };
    expect(await code(bus.request(guestmetadataUpdate, { actor, id: 'pve1:100', changes: script }))).toBe(
      'INVALID_INPUT',
    );
    expect(await code(bus.request(guestmetadataGet, { id: 'nonsense' }))).toBe('INVALID_INPUT');
    await bus.request(guestmetadataDelete, { actor, id: 'pve1:100' });
    await bus.request(guestmetadataDelete, { actor, id: 'pve1:100' });
    expect((await bus.request(guestmetadataList, {})).guests).toEqual([]);
  });
});
