import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConnectionError, fetchFile, type FetchOptions } from '../src/fetch-file';

describe('fetching a file', () => {
  const content = randomBytes(300_000);
  let server: Server;
  let url: string;
  let folder: string;
  const near: FetchOptions = { reach: 'private', deadlineMs: 5000, maxBytes: content.length, http: true };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-fetch-'));
    server = createServer((request, response) => {
      if (request.url === '/elsewhere') response.writeHead(302, { location: url }).end();
      else if (request.url === '/missing') response.writeHead(404).end('no');
      else if (request.url === '/busy') response.writeHead(503).end('later');
      else if (request.url === '/large') response.end(Buffer.concat([content, Buffer.from('x')]));
      else if (request.url === '/cut')
        response
          .writeHead(200, { 'content-length': String(content.length) })
          .write(content.subarray(0, 100_000), () => {
            response.socket?.destroy();
          });
      else if (request.url !== '/slow') response.end(content);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });

  it('puts it on the disk, and says what it is', async () => {
    const file = path.join(folder, 'a');
    const sha256 = createHash('sha256').update(content).digest('hex');
    expect(await fetchFile(`${url}/`, file, near)).toEqual({ bytes: content.length, sha256 });
    expect((await readFile(file)).equals(content)).toBe(true);
  });

  it.each<[string, string, Partial<FetchOptions>, RegExp]>([
    ['a redirect', '/elsewhere', {}, /redirects/],
    ['what is not there', '/missing', {}, /status 404/],
    ['an answer that is too large', '/large', {}, /too much/],
    ['an answer that is too late', '/slow', { deadlineMs: 100 }, /too long/],
    ['an answer that is cut', '/cut', {}, /closed the connection/],
    ['an address of a private network', '/', { reach: 'public' }, /private network/],
    ['plain http where only https is good enough', '/', { http: false }, /only https/],
  ])('leaves nothing of %s', async (_, route, changes, reason) => {
    const file = path.join(folder, 'b');
    await expect(fetchFile(url + route, file, { ...near, ...changes })).rejects.toThrow(reason);
    expect(existsSync(file)).toBe(false);
  });

  it('tells what may go well another time from what will not', async () => {
    const fetched = (route: string) => fetchFile(url + route, path.join(folder, 'd'), near);
    for (const route of ['/busy', '/cut']) await expect(fetched(route)).rejects.toThrow(ConnectionError);
    for (const route of ['/missing', '/large']) await expect(fetched(route)).rejects.not.toThrow(ConnectionError);
  });

  it('says that the disk is to blame when it is', async () => {
    await expect(fetchFile(`${url}/`, path.join(folder, 'none', 'c'), near)).rejects.toThrow(/disk .* \(ENOENT\)/);
  });
});
