import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

/** Answers in place of the files; returns whether it did. */
export type Interception = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A web server that serves the files of a folder, as any does: with sizes, and from any place on (Range, RFC 9110). */
export class FileServer {
  /** Lets a test answer otherwise. */
  intercept: Interception | undefined;
  /** What was asked for, with the range where there was one. */
  readonly asked: string[] = [];

  private constructor(
    private readonly server: Server,
    private readonly folder: string,
  ) {}

  /** Serves a folder on a free port of this machine. */
  static async start(folder: string): Promise<FileServer> {
    const server = createServer();
    const files = new FileServer(server, folder);
    server.on('request', (request, response) => void files.#answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return files;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Connections that are open. */
  async connections(): Promise<number> {
    return promisify(this.server.getConnections.bind(this.server))();
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.url);
    const { range } = request.headers;
    this.asked.push(range === undefined ? pathname : `${pathname} ${range}`);
    if (this.intercept?.(request, response)) return;
    const file = path.join(this.folder, path.basename(pathname));
    const size = await stat(file).then(
      (found) => found.size,
      () => -1,
    );
    if (size < 0)
      return void response.writeHead(404, { 'content-type': 'text/html' }).end('<!doctype html><h1>404</h1>');
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const headers = { 'content-type': 'application/octet-stream', 'content-length': size - from };
    if (range === undefined) response.writeHead(200, headers);
    else response.writeHead(206, { ...headers, 'content-range': `bytes ${from}-${size - 1}/${size}` });
    createReadStream(file, { start: from }).pipe(response);
  }
}
