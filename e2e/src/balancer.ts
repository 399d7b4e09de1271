import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const PROBE_MS = 200;
const PATIENCE_MS = 3000;

/** Somebody to whom connections may go. */
export interface Backend {
  address: string;
  port: number;
  readiness: string;
}

/**
 * Stands before gateways, and does no more than a service of Kubernetes: a new connection goes to the next of those that say that they are ready.
 * Of requests it knows nothing, and connections that are open stay where they are.
 */
export class Balancer {
  #backends: Backend[] = [];
  #ready: Backend[] = [];
  #turn = 0;
  #isOver = false;
  readonly #sockets = new Set<Socket>();
  /** Connections that led nowhere, because nobody was ready or the one that said so did not listen. */
  refused = 0;

  private constructor(private readonly server: Server) {
    server.on('connection', (client) => this.#serve(client));
  }

  /** Starts one on a free port. */
  static async start(): Promise<Balancer> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Balancer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** How many are sent connections now. */
  get ready(): number {
    return this.#ready.length;
  }

  /** One more gateway; it gets connections as soon as it says that it is ready. */
  add(backend: Backend): void {
    this.#backends.push(backend);
    void this.#watch(backend);
  }

  /** Whether a gateway gets connections. */
  sendsTo(backend: Backend): boolean {
    return this.#ready.includes(backend);
  }

  /** A gateway is gone for good. */
  remove(backend: Backend): void {
    this.#backends = this.#backends.filter((one) => one !== backend);
    this.#ready = this.#ready.filter((one) => one !== backend);
  }

  stop(): void {
    this.#isOver = true;
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #watch(backend: Backend): Promise<void> {
    while (!this.#isOver && this.#backends.includes(backend)) {
      const isReady = await fetch(backend.readiness, { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
        (answer) => answer.status === 200,
        () => false,
      );
      if (isReady !== this.sendsTo(backend) && this.#backends.includes(backend))
        this.#ready = isReady ? [...this.#ready, backend] : this.#ready.filter((one) => one !== backend);
      await pause(PROBE_MS);
    }
  }

  #serve(client: Socket): void {
    const backend = this.#ready[this.#turn++ % Math.max(this.#ready.length, 1)];
    if (!backend) {
      this.refused++;
      client.destroy();
      return;
    }
    const server = connect({ port: backend.port, host: backend.address, allowHalfOpen: true });
    let isConnected = false;
    server.once('connect', () => (isConnected = true));
    for (const [from, into] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.pipe(into);
      from.on('error', () => into.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        into.destroySoon();
      });
    }
    server.once('close', () => {
      if (!isConnected) this.refused++;
    });
  }
}
