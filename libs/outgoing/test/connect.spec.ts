import { connect, type ConnectOptions } from '@lapwing/outgoing';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';

describe('a connection', () => {
  let server: Server;
  let port: number;
  const options = (changes: Partial<ConnectOptions> = {}): ConnectOptions => ({
    reach: { networks: ['127.0.0.1/32'] },
    signal: AbortSignal.timeout(5000),
    ...changes,
  });

  beforeAll(async () => {
    server = createServer((socket) => socket.on('error', () => {}).end('hello')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => server.close());

  it('is there when it may be', async () => {
    const socket = await connect('127.0.0.1', port, options());
    expect(String((await once(socket, 'data'))[0])).toBe('hello');
    const resolve: ConnectOptions['resolve'] = async () => [{ address: '127.0.0.1', family: 4 }];
    (await connect('mail.example', port, options({ resolve }))).destroy();
  });

  it.each(['169.254.169.254', '127.0.0.2', '127.2', '2130706434', '::ffff:7f00:1'])('to %s is none', async (host) => {
    await expect(connect(host, port, options())).rejects.toMatchObject({ name: 'OutgoingError' });
  });

  it('that cannot be made may be made later', async () => {
    await expect(connect('127.0.0.1', 1, options())).rejects.toMatchObject({
      name: 'ConnectionError',
      message: 'the host refuses the connection',
    });
  });

  it('is not waited for longer than wanted', async () => {
    await expect(connect('127.0.0.1', port, options({ signal: AbortSignal.abort() }))).rejects.toThrow(/abort/);
    const resolve: ConnectOptions['resolve'] = () => new Promise(() => {});
    const late = connect('mail.example', port, options({ resolve, signal: AbortSignal.timeout(50) }));
    await expect(late).rejects.toThrow(/abort/);
  });
});
