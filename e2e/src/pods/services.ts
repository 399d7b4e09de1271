import type { IContainer, IService } from 'kubernetes-models/v1';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { portOf } from './objects.js';

/** A pod as a Service sees it. */
export interface Endpoint {
  namespace: string;
  labels: Record<string, string>;
  address: string;
  containers: readonly IContainer[];
  /** Whether it gets new connections. */
  isOpen: boolean;
}

/** Where else a Service may lead: to a server that stands in for pods which cannot be run. */
export interface StandIn {
  host: string;
  port: number;
}

/** A Service with an address of its own: each new connection goes to the next pod that is ready, as kube-proxy does. */
export class ServiceAddress {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #next = 0;

  private constructor(
    private readonly namespace: string,
    private readonly selector: Record<string, string>,
    private readonly endpoints: () => readonly Endpoint[],
    private readonly standIn: StandIn | undefined,
  ) {}

  /** Listens on all ports of a Service. */
  static async open(
    service: { namespace: string; spec: NonNullable<IService['spec']> },
    address: string,
    endpoints: () => readonly Endpoint[],
    standIn?: StandIn,
  ): Promise<ServiceAddress> {
    const selector = (service.spec.selector ?? {}) as Record<string, string>;
    const opened = new ServiceAddress(service.namespace, selector, endpoints, standIn);
    for (const { port, targetPort } of service.spec.ports ?? []) {
      const server = createServer((socket) => opened.#pass(socket, targetPort ?? port));
      opened.#servers.push(server.listen(port, address));
      await once(server, 'listening');
    }
    return opened;
  }

  /** Ends it, and cuts what is connected through it. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
  }

  #pass(socket: Socket, port: string | number): void {
    const target = this.standIn ?? this.#choose(port);
    if (!target) {
      socket.destroy();
      return;
    }
    const onward = connect(target.port, target.host);
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

  #choose(port: string | number): StandIn | undefined {
    const matching = this.endpoints().filter((one) => one.isOpen && this.#selects(one));
    const chosen = matching[this.#next++ % Math.max(1, matching.length)];
    return chosen && { host: chosen.address, port: portOf(chosen.containers, port) };
  }

  #selects({ namespace, labels }: Endpoint): boolean {
    return (
      namespace === this.namespace && Object.entries(this.selector).every(([name, value]) => labels[name] === value)
    );
  }
}
