import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { postJson, type PostOptions } from '../src/post';

describe('posting JSON', () => {
  let server: Server;
  let url: string;
  const heard: { method: string | undefined; type: string | undefined; agent: string | undefined; body: string }[] = [];
  const near: PostOptions = { reach: 'private', deadlineMs: 5000, maxBytes: 1000, http: true };

  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { method, headers } = request;
        heard.push({ method, type: headers['content-type'], agent: headers['user-agent'], body });
        if (request.url === '/elsewhere') response.writeHead(302, { location: url }).end();
        else if (request.url === '/large') response.writeHead(200).end('x'.repeat(2000));
        else if (request.url === '/busy') response.writeHead(429, { 'retry-after': '7' }).end('{}');
        else if (request.url === '/cut')
          response.writeHead(200, { 'content-length': '10' }).write('x', () => request.socket.destroy());
        else if (request.url !== '/slow') response.writeHead(201).end('{"ok":"ä"}');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('gives the answer, and says when to come back', async () => {
    const options = { ...near, headers: { 'user-agent': 'me' } };
    expect(await postJson(`${url}/`, { a: 'ä' }, options)).toEqual({
      status: 201,
      text: '{"ok":"ä"}',
      retryAfterMs: undefined,
    });
    expect(heard.at(-1)).toEqual({ method: 'POST', type: 'application/json', agent: 'me', body: '{"a":"ä"}' });
    expect(await postJson(`${url}/busy`, {}, near)).toMatchObject({ status: 429, retryAfterMs: 7000 });
  });

  it.each<[string, string, Partial<PostOptions>, RegExp]>([
    ['a redirect', '/elsewhere', {}, /redirects/],
    ['an answer that is too large', '/large', {}, /too much/],
    ['an answer that is too late', '/slow', { deadlineMs: 100 }, /too long/],
    ['an answer that is cut', '/cut', {}, /aborted|closed|hang up/],
    ['an address of a private network', '/', { reach: 'public' }, /private network/],
    ['plain http where only https is good enough', '/', { http: false }, /only https/],
  ])('refuses %s', async (_, path, changes, reason) => {
    await expect(postJson(url + path, {}, { ...near, ...changes })).rejects.toThrow(reason);
  });

  it('goes to no name that leads to a forbidden address', async () => {
    const named = url.replace('127.0.0.1', 'localhost');
    await expect(postJson(named, {}, { ...near, reach: 'public' })).rejects.toThrow(/no address that may be asked/);
    await expect(postJson('http://user@127.0.0.1', {}, near)).rejects.toThrow(/user name/);
  });
});
