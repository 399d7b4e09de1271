import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './proxmox/certificate.js';

/** What came in. */
export interface ReceivedRequest {
  method: string;
  /** Path and query. */
  url: string;
  /** By name in small letters. */
  headers: Record<string, string>;
  body: string;
}

/** What is answered: 200 without a body where nothing is said. */
export interface ReceiverAnswer {
  status?: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** `answer`: never says anything. `body`: says the head, and never the rest. `cut`: is gone without an answer. */
  hang?: 'answer' | 'body' | 'cut';
}

/** A real HTTP server on a loopback port that keeps what it gets, and answers as it is told. */
export class WebhookReceiver {
  /** In the order in which they came. */
  readonly requests: ReceivedRequest[] = [];
  /** What it answers from now on, or how it finds that. */
  answer: ReceiverAnswer | ((request: ReceivedRequest) => ReceiverAnswer) = {};
  /** How many connections are open. */
  connections = 0;

  private constructor(
    private readonly server: Server,
    private readonly scheme: 'http' | 'https',
  ) {}

  /** Starts one; with a certificate it speaks HTTPS. */
  static async start(certificate?: Certificate): Promise<WebhookReceiver> {
    const server = certificate
      ? createTlsServer({ cert: certificate.certificate, key: certificate.key })
      : createServer();
    const receiver = new WebhookReceiver(server, certificate ? 'https' : 'http');
    server.on('request', (request, response) => receiver.#take(request, response));
    server.on('connection', (socket) => {
      receiver.connections++;
      socket.on('close', () => receiver.connections--);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  /** Where it listens. */
  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Its URL on the loopback address, without a slash at its end. */
  get url(): string {
    return `${this.scheme}://127.0.0.1:${this.port}`;
  }

  /** What came last. */
  get last(): ReceivedRequest {
    const request = this.requests.at(-1);
    if (!request) throw new Error('nothing was received');
    return request;
  }

  /** Ends it, and whoever waits for it. */
  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const plain = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
      const received = { method, url, headers: plain, body: Buffer.concat(chunks).toString() };
      this.requests.push(received);
      reply(response, typeof this.answer === 'function' ? this.answer(received) : this.answer);
    });
  }
}

function reply(response: ServerResponse, { status = 200, headers = {}, body = '', hang }: ReceiverAnswer): void {
  response.on('error', () => {});
  if (hang === 'answer') return;
  if (hang === 'cut') return void response.socket?.destroy();
  response.writeHead(status, headers);
  if (hang === 'body') response.write(body || ' ');
  else response.end(body);
}
