import { LapwingError } from '@lapwing/contracts';
import { createLogger, describeError, gauge } from '@lapwing/telemetry';
import { jetstream, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { setTimeout as pause } from 'node:timers/promises';
import { defaultStreamLimits, ensureStreams, type StreamLimits } from './streams.js';

/** Where the bus is and who connects. */
export interface BusOptions {
  /** The service that connects: its name on the server, and the queue group in which it answers. */
  service: string;
  /** One or several addresses, e.g. `nats://127.0.0.1:4222`, separated by commas. */
  servers: string;
  limits?: StreamLimits;
}

const connectedGauge = gauge<'service'>({
  name: 'lapwing_bus_connected',
  help: '1 while the service is connected to NATS',
  labelNames: ['service'],
});

/** A connection with its JetStream doors. */
export interface Link {
  connection: NatsConnection;
  js: JetStreamClient;
  manager: JetStreamManager;
}

/**
 * Keeps one connection to NATS: it waits for a server that is not there yet, reconnects for ever, and makes the streams
 * again when the server has lost them.
 */
export class BusConnection {
  readonly #log;
  readonly #linked: ((link: Link) => void)[] = [];
  readonly #relinked: (() => void)[] = [];
  #link: Link | undefined;
  #online = false;
  #stopping = new AbortController();
  #dialing: Promise<void> | undefined;

  constructor(readonly options: BusOptions) {
    this.#log = createLogger(options.service, 'bus');
  }

  /** Whether messages can be sent now. */
  get online(): boolean {
    return this.#online;
  }

  /** Begins to dial in the background. */
  start(): void {
    this.#dialing ??= this.#dial();
  }

  /** Calls `use` as soon as there is a connection; once, also when it is there already. */
  whenLinked(use: (link: Link) => void): void {
    if (this.#link) use(this.#link);
    else this.#linked.push(use);
  }

  /** Calls `use` each time that the connection has come back. */
  whenRelinked(use: () => void): void {
    this.#relinked.push(use);
  }

  /** The connection; an `UNAVAILABLE` error while there is none. */
  link(): Link {
    if (!this.#link || !this.#online) throw new LapwingError('UNAVAILABLE', 'the message bus is away');
    return this.#link;
  }

  /** Waits for messages that are under way and closes. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#dialing;
    this.#online = false;
    const connection = this.#link?.connection;
    if (!connection || connection.isClosed()) return;
    // Without a server there is nothing to drain into; what was to be sent is sent by whoever still holds it.
    const drained = connection.drain().catch(() => {});
    await Promise.race([drained, pause(3000, undefined, { ref: false })]);
    if (!connection.isClosed()) await connection.close();
  }

  async #dial(): Promise<void> {
    const { service, servers, limits } = this.options;
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
      let connection: NatsConnection | undefined;
      try {
        connection = await connect({
          name: `lapwing-${service}`,
          servers: servers.split(','),
          timeout: 3000,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 250,
          reconnectJitter: 250,
          pingInterval: 5000,
          maxPingOut: 3,
          ignoreAuthErrorAbort: true,
        });
        const manager = await ensureStreams(connection, limits ?? defaultStreamLimits);
        this.#link = { connection, js: jetstream(connection), manager };
        break;
      } catch (error) {
        await connection?.close();
        if (attempt % 20 === 0) this.#log.warn({ error: describeError(error) }, 'waiting for NATS');
        await pause(Math.min(100 * 2 ** Math.min(attempt, 4), 1000), undefined, {
          signal: this.#stopping.signal,
        }).catch(() => {});
      }
    }
    if (!this.#link) return;
    this.#setOnline(true);
    void this.#watch(this.#link.connection);
    for (const use of this.#linked.splice(0)) use(this.#link);
  }

  #setOnline(online: boolean): void {
    this.#online = online;
    connectedGauge.set({ service: this.options.service }, online ? 1 : 0);
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        this.#setOnline(false);
        this.#log.warn('NATS is away');
      }
      if (status.type === 'reconnect') await this.#reconnected(connection);
    }
  }

  async #reconnected(connection: NatsConnection): Promise<void> {
    try {
      await ensureStreams(connection, this.options.limits ?? defaultStreamLimits);
      this.#setOnline(true);
      this.#log.info('NATS is back');
      for (const use of this.#relinked) use();
    } catch (error) {
      // JetStream can need a moment longer than the server itself; if the server goes again, a new status follows.
      this.#log.warn({ error: describeError(error) }, 'NATS is back, its streams are not');
      await pause(250);
      if (!connection.isClosed() && !this.#stopping.signal.aborted) await this.#reconnected(connection);
    }
  }
}
