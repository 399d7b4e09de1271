import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Authentication, type Credentials, type ProxmoxKind } from './authentication.js';
import { makeCertificate, type Certificate } from './certificate.js';
import { Estate } from './estate.js';
import { answerWrongly, type Fault } from './faults.js';
import { pbsRoutes } from './pbs-routes.js';
import { pmgRoutes } from './pmg-routes.js';
import { pveRoutes } from './pve-routes.js';
import { Enveloped, ProxmoxError, Router, type Match, type Surroundings } from './router.js';

/** What a fake Proxmox is made of. */
export interface ProxmoxOptions {
  kind: ProxmoxKind;
  /** Of Proxmox VE; default `9`. */
  version?: '8' | '9';
  /** The same seed gives the same estate; default 1. */
  seed?: number;
  /** 1 to 50; default 1. */
  nodes?: number;
  /** Over all nodes, 0 to 2,000; default 4. */
  guests?: number;
  /** The name of the cluster of Proxmox VE. Without one, a single node stands alone. */
  clusterName?: string;
  /** An estate that is there already: several servers on one are several endpoints of one cluster. */
  estate?: Estate;
  /** The node that this server is, by name; default the first. */
  node?: string;
  /** The loopback address on which it listens, e.g. 127.0.0.2; default 127.0.0.1. */
  host?: string;
  /** Default any free port. */
  port?: number;
  /** Default `root@pam`. */
  user?: string;
  /** Default `secret`. */
  password?: string;
  /** Secrets by token id; default `pulse-monitor@pam!lapwing` (of PBS `pulse-monitor@pbs!lapwing`) with `token-secret`. */
  tokens?: Record<string, string>;
}

const routers = { pve: new Router(pveRoutes), pbs: new Router(pbsRoutes), pmg: new Router(pmgRoutes) };
const root = '/api2/json';
const maximumBody = 64 * 1024;

/**
 * A server that speaks the API of Proxmox VE, Proxmox Backup Server or Proxmox Mail Gateway over HTTPS, as far as a monitor
 * reads it. What it says is its `estate`; faults come on demand. Source: Proxmox VE 8 and 9, PBS 4, PMG 8.
 */
export class ProxmoxServer {
  /** What it says; may be changed at any time. */
  readonly estate: Estate;
  /** How often each route was asked, e.g. `GET /nodes/{n}/status`; what is no route is `GET *`. */
  readonly requests = new Map<string, number>();
  readonly #authentication: Authentication;
  readonly #sockets = new Set<Socket>();
  #faults: { fault: Fault; pattern: RegExp | undefined }[] = [];
  #server: Server | undefined;
  #port: number;

  private constructor(
    private readonly options: ProxmoxOptions,
    private shown: Certificate,
  ) {
    this.estate = options.estate ?? new Estate(options);
    this.#authentication = new Authentication(options.kind, credentialsOf(options), this.estate.ticketKey);
    this.#port = options.port ?? 0;
  }

  /** Starts one. Needs the program `openssl`. */
  static async start(options: ProxmoxOptions): Promise<ProxmoxServer> {
    const server = new ProxmoxServer(options, await makeCertificate(options.kind, options.host));
    server.#publish();
    await server.run();
    return server;
  }

  /** Where it is, without a path. */
  get url(): string {
    return `https://${this.host}:${this.#port}`;
  }

  /** The address on which it listens. */
  get host(): string {
    return this.options.host ?? '127.0.0.1';
  }

  /** Where it listens; stays the same until it is stopped. */
  get port(): number {
    return this.#port;
  }

  /** SHA-256 of its certificate as Proxmox prints it: upper-case hexadecimal with colons. */
  get fingerprint(): string {
    return this.shown.fingerprint;
  }

  /** Its certificate as PEM: whoever takes it for a CA trusts the server. */
  get certificate(): string {
    return this.shown.certificate;
  }

  /** How many requests there were, those that were answered with a fault included. */
  get requestCount(): number {
    return [...this.requests.values()].reduce((sum, count) => sum + count, 0);
  }

  /**
   * From now on, answers wrongly; of several faults for a path, the latest counts. `null` ends all.
   * @param pattern which paths are meant, e.g. `/status$/`; matched against the path with `/api2/json`; default all.
   */
  fault(fault: Fault | null, pattern?: RegExp): void {
    this.#faults = fault ? [{ fault, pattern }, ...this.#faults] : [];
  }

  /** Shows another certificate from now on, and closes all connections, as a restart of the service does. */
  async renewCertificate(): Promise<void> {
    this.shown = await makeCertificate(this.options.kind, this.options.host);
    this.#publish();
    this.#server?.setSecureContext({ key: this.shown.key, cert: this.shown.certificate });
    this.#hangUp();
  }

  /** Closes the port and all connections at once. */
  async kill(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    this.#hangUp();
    await closed;
  }

  /** Listens (again) on its port. */
  async run(): Promise<void> {
    if (this.#server) return;
    const server = createServer({ key: this.shown.key, cert: this.shown.certificate, keepAliveTimeout: 60_000 });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request, response) => void this.#serve(request, response));
    server.listen(this.#port, this.host);
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Ends it. */
  async stop(): Promise<void> {
    await this.kill();
  }

  /** The other members of a cluster know the certificate of each. */
  #publish(): void {
    this.estate.certificates.set(this.#surroundings().local, this.shown);
  }

  #hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', 'https://proxmox');
      if (url.pathname === '/') return void response.end(page(this.options.kind, this.#surroundings().local));
      const path = url.pathname.startsWith(`${root}/`) ? url.pathname.slice(root.length) : '';
      const login = path === '/access/ticket' && request.method === 'POST';
      const match = request.method === 'GET' ? routers[this.options.kind].find(path) : undefined;
      this.#count(request.method ?? '', login ? path : match?.route);
      if (await this.#failed(url.pathname, response)) return;
      const data = login
        ? this.#authentication.login(await fieldsOf(request))
        : await this.#answer(request, path, url.searchParams, match);
      send(response, data);
    } catch (error) {
      refuse(response, error);
    }
  }

  #count(method: string, route: string | undefined): void {
    const known = ['GET', 'POST', 'PUT', 'DELETE'].includes(method) ? method : 'OTHER';
    const key = `${known} ${route ?? '*'}`;
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
  }

  async #failed(path: string, response: ServerResponse): Promise<boolean> {
    const found = this.#faults.find(({ pattern }) => !pattern || path.search(pattern) >= 0)?.fault;
    if (!found) return false;
    if (found.kind === 'slow') {
      await delay(found.ms, undefined, { ref: false });
      return false;
    }
    await answerWrongly(found, response);
    return true;
  }

  #answer(request: IncomingMessage, path: string, query: URLSearchParams, match: Match | undefined): unknown {
    this.#authentication.check(request.headers.authorization, request.headers.cookie);
    if (!match) throw this.#unknown(request.method ?? '', path);
    return match.handler({ ...this.#surroundings(), parameters: match.parameters, query });
  }

  #surroundings(): Surroundings {
    const { estate, options, shown } = this;
    const local = options.node ?? [...estate.nodes.keys()][0] ?? '';
    return { estate, version: options.version ?? '9', local, certificate: shown };
  }

  #unknown(method: string, path: string): ProxmoxError {
    if (this.options.kind === 'pbs') return new ProxmoxError(404, `Path '${root}${path}' not found.`);
    return new ProxmoxError(501, `Method '${method} ${path}' not implemented`);
  }
}

function credentialsOf({ kind, user, password, tokens }: ProxmoxOptions): Credentials {
  const usual = { [`pulse-monitor@${kind === 'pbs' ? 'pbs' : 'pam'}!lapwing`]: 'token-secret' };
  return { user: user ?? 'root@pam', password: password ?? 'secret', tokens: tokens ?? usual };
}

async function fieldsOf(request: IncomingMessage): Promise<Record<string, string>> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maximumBody) throw new ProxmoxError(413, 'for data too large');
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString('utf8');
  if (!request.headers['content-type']?.startsWith('application/json')) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  const fields = parsed(text);
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {}
  throw new ProxmoxError(400, 'Bad Request');
}

const products = { pve: 'Proxmox Virtual Environment', pbs: 'Proxmox Backup Server', pmg: 'Proxmox Mail Gateway' };

/** The page for browsers, by which the products can be told apart without logging in. */
const page = (kind: ProxmoxKind, node: string): string =>
  `<!DOCTYPE html><html><head><title>${node} - ${products[kind]}</title></head></html>`;

const headers = {
  'content-type': 'application/json;charset=UTF-8',
  'cache-control': 'max-age=0',
  pragma: 'no-cache',
};

function send(response: ServerResponse, answer: unknown): void {
  if (response.destroyed) return;
  const envelope = answer instanceof Enveloped ? { ...answer.more, data: answer.data } : { data: answer ?? null };
  const body = Buffer.from(JSON.stringify(envelope));
  response.writeHead(200, { ...headers, 'content-length': body.length }).end(body);
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.destroyed || response.headersSent) return;
  const { status, message, errors } = error instanceof ProxmoxError ? error : new ProxmoxError(500, String(error));
  const body = { data: null, message: `${message}\n`, ...(errors ? { errors } : {}) };
  const reason = message.replaceAll(/[^\x20-\x7e]/g, ' ');
  response.writeHead(status, reason, headers).end(JSON.stringify(body));
}
