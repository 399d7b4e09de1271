import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A way to a server that can be cut, as a network can. */
export class CuttableProxy {
  readonly #sockets = new Set<Socket>();
  #target: number | undefined;

  private constructor(private readonly server: Server) {}

  /** Listens on a port of its own; leads nowhere yet. */
  static async listen(): Promise<CuttableProxy> {
    const server = createServer();
    const proxy = new CuttableProxy(server);
    server.on('connection', (socket) => proxy.#pass(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Leads to this port from now on. */
  leadTo(port: number): void {
    this.#target = port;
  }

  /** Cuts every connection, and lets none through. */
  cut(): void {
    this.#target = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends it. */
  close(): void {
    this.cut();
    this.server.close();
  }

  #pass(socket: Socket): void {
    if (this.#target === undefined) {
      socket.destroy();
      return;
    }
    const onward = connect(this.#target, '127.0.0.1');
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
