import { defaultSystemSettings } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { io, type Socket } from 'socket.io-client';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { hashOf } from '../src/http/credential';
import { ADMIN_TOKEN, Harness, principal } from './harness';

describe('sockets', () => {
  let gateway: Harness;
  const bearer = { authorization: `Bearer ${ADMIN_TOKEN}` };

  beforeAll(async () => {
    gateway = await Harness.start({}, { mockMode: { ...defaultSystemSettings.mockMode, enabled: true } });
    await eventually(async () => expect((await gateway.get('/api/state')).headers.get('x-lapwing-mock')).toBe('true'));
  });
  afterAll(() => gateway.stop());

  interface Message {
    type: string;
    data: Record<string, unknown>;
    timestamp: string;
  }
  const open = (path: string, headers: Record<string, string> = bearer, deflate = true) => {
    const socket = new WebSocket(gateway.url.replace('http', 'ws') + path, { headers, perMessageDeflate: deflate });
    const messages: Message[] = [];
    const ended = new Promise<number>((resolve) => {
      socket.on('unexpected-response', (_, response) => {
        resolve(response.statusCode ?? 0);
        response.resume();
      });
      socket.on('close', (code) => resolve(code));
      socket.on('error', () => {});
    });
    socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as Message));
    return { socket, messages, ended, types: () => messages.map(({ type }) => type) };
  };

  it.each([true, false])('welcome, tell the state and answer (compressed: %s)', async (deflate) => {
    const { socket, messages, types } = open('/ws', bearer, deflate);
    await eventually(() => expect(types().slice(0, 2)).toEqual(['welcome', 'initialState']));
    expect(messages[1]).toMatchObject({
      data: { nodes: expect.any(Array) as unknown, mockMode: true },
      timestamp: expect.any(String) as unknown,
    });
    socket.send('{"type":"ping"}');
    socket.send('{"type":"requestData"}');
    socket.send('nonsense');
    await eventually(() => expect(types()).toEqual(expect.arrayContaining(['pong', 'rawData'])));
    await gateway.post('/api/test-notification', {});
    await eventually(() => expect(types()).toContain('notification'));
    socket.close();
  });

  it('tell only changes to those who ask for them, and the changes lead from one state to the next', async () => {
    const { socket, messages, types } = open('/ws?deltas=1');
    await eventually(() => expect(types()).toContain('delta'), 30_000);
    const delta = messages.find(({ type }) => type === 'delta')?.data as {
      from: number;
      version: number;
      set: Record<string, { id: string }[]>;
    };
    expect(delta.version).toBeGreaterThan(delta.from);
    expect(delta.set['nodes']?.[0]?.id).toMatch(/^mock-/);
    expect(types()).not.toContain('rawData');
    socket.close();
  }, 40_000);

  it.each([
    ['nobody', {}, 401],
    ['a wrong token', { authorization: 'Bearer nope' }, 401],
    ['a page of another site', { ...bearer, origin: 'https://evil.example.com' }, 403],
  ] as const)('refuse %s', async (_, headers, status) => {
    expect(await open('/ws', headers).ended).toBe(status);
  });

  it('refuse a request that is no WebSocket, and other routes are no sockets', async () => {
    expect((await gateway.get('/ws')).status).toBe(400);
    expect(await open('/api/state').ended).toBe(200);
    expect(await open('/nowhere').ended).toBe(404);
  });

  it('are over when they are refused, whatever the client does with its end', async () => {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const ended = once(socket, 'end');
    socket.write('GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    socket.resume();
    await ended;
    // The server has closed both directions: what is written now is answered with a reset.
    const failed = once(socket, 'error');
    const writing = setInterval(() => socket.write('x'), 50);
    await failed;
    clearInterval(writing);
    expect(socket.destroyed).toBe(true);
  });

  it('are not for those who offer another protocol beside what they ask: they are answered as ever', async () => {
    const { hostname, port } = new URL(gateway.url);
    const headers = {
      ...bearer,
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAMAAABkAARAAAAAAAIAAAAA',
    };
    const call = request({
      hostname,
      port,
      method: 'PUT',
      path: '/api/system/mock-mode',
      headers: { ...headers, 'content-type': 'application/json' },
    });
    call.end('{"enabled":"x"}');
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    // The body was read: it is what is wrong.
    expect(text).toContain('expected boolean');
  });

  it('take the token in the query, and end with their principal', async () => {
    gateway.behind.principals.set(hashOf('short-lived'), principal(['dashboard:view']));
    const { ended, types } = open('/ws?token=short-lived', {});
    await eventually(() => expect(types()).toContain('initialState'));
    gateway.revoke('short-lived');
    expect(await ended).toBe(1008);
  });

  it('cut off a client that talks too much or says too much at once', async () => {
    const chatty = open('/ws');
    await eventually(() => expect(chatty.types()).toContain('initialState'));
    for (let count = 0; count < 70; count++) chatty.socket.send('{"type":"ping"}');
    expect(await chatty.ended).toBe(1008);
    const large = open('/ws');
    await eventually(() => expect(large.types()).toContain('initialState'));
    large.socket.send('x'.repeat(10_000));
    expect(await large.ended).toBe(1009);
  });

  it.each<['polling' | 'websocket']>([['polling'], ['websocket']])('speak Socket.IO by %s', async (transport) => {
    const socket: Socket = io(gateway.url, { transports: [transport], extraHeaders: bearer, reconnection: false });
    const events: string[] = [];
    socket.onAny((name: string) => events.push(name));
    await eventually(() => expect(events).toEqual(expect.arrayContaining(['welcome', 'initialState'])));
    socket.emit('requestData');
    await eventually(() => expect(events).toContain('rawData'));
    socket.close();
  });

  it('refuse Socket.IO to nobody and to pages of other sites', async () => {
    const refusedFor = (extraHeaders: Record<string, string>) =>
      new Promise<boolean>((resolve) => {
        const socket = io(gateway.url, { extraHeaders, reconnection: false });
        socket.on('connect_error', () => resolve(true));
        socket.on('connect', () => resolve(false));
      });
    expect(await refusedFor({})).toBe(true);
    expect(await refusedFor({ ...bearer, origin: 'https://evil.example.com' })).toBe(true);
  });
});
