import { forbiddenReason, outgoing } from '@lapwing/outgoing';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

describe('addresses', () => {
  it.each([
    '169.254.169.254',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    'fe80::1',
    '::',
    'fd00:ec2::254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    '::2',
    '::8.8.8.8',
    '::808:808',
    '::127.0.0.1',
    '::7f00:1',
    '::a9fe:a9fe',
    '0:0:0:0:0:0:a9fe:a9fe',
    '::ffff:ffff',
    '::2%eth0',
  ])('%s is never asked', (address) => {
    expect(forbiddenReason(address, 'private')).toBeDefined();
    expect(forbiddenReason(address, 'public')).toBeDefined();
  });

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '::1',
    '0:0:0:0:0:0:0:1',
    'fd12::1',
    '::ffff:10.0.0.1',
  ])('%s is asked for operators alone', (address) => {
    expect(forbiddenReason(address, 'private')).toBeUndefined();
    expect(forbiddenReason(address, 'public')).toBeDefined();
  });

  it.each(['192.0.2.1', '8.8.8.8', '2606:4700::1111', '::1:0:0:1'])('%s is public', (address) =>
    expect(forbiddenReason(address, 'public')).toBeUndefined(),
  );
});

describe('the way out', () => {
  let server: Server;
  let port: number;
  const options = { reach: 'private' as const, deadlineMs: 500, maxBytes: 1000, http: true };

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/away') response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
      else if (request.url === '/large') response.end('x'.repeat(100_000));
      else if (request.url !== '/slow') response.end('hello');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const ask = (path: string, more = {}) => outgoing({ ...options, ...more })(`http://127.0.0.1:${port}${path}`);

  it('goes where it may', async () => {
    expect(await (await ask('/')).text()).toBe('hello');
    expect(await (await outgoing(options)(`http://localhost:${port}/`)).text()).toBe('hello');
  });

  it('looks at addresses after names were resolved', async () => {
    await expect(ask('/', { reach: 'public' })).rejects.toThrow('private network');
    const named = outgoing({ ...options, reach: 'public' })(`http://localhost:${port}/`);
    await expect(named).rejects.toMatchObject({ cause: { name: 'OutgoingError' } });
  });

  it.each(['http://2130706433/', 'http://0x7f.1/', 'http://[::ffff:127.0.0.1]/', 'http://127.1/'])(
    'sees through %s',
    async (url) => {
      await expect(outgoing({ ...options, reach: 'public' })(url)).rejects.toThrow('the host is');
    },
  );

  it('follows no redirect, takes no more and waits no longer than it may', async () => {
    await expect(ask('/away')).rejects.toThrow('redirects');
    await expect(ask('/large').then((answer) => answer.text())).rejects.toThrow('terminated');
    await expect(ask('/slow')).rejects.toThrow(/timeout|aborted/i);
  });

  it.each(['file:///etc/passwd', 'ftp://192.0.2.1/', 'http://user:secret@192.0.2.1/'])('refuses %s', async (url) => {
    await expect(outgoing(options)(url)).rejects.toThrow(/only http|no user name/);
  });

  it('wants https where http was not allowed', async () => {
    await expect(ask('/', { http: false })).rejects.toThrow('only https');
  });
});
