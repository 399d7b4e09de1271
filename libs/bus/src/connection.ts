import { LapwingError } from '@lapwing/contracts';
import { createLogger, describeError, gauge } from '@lapwing/telemetry';
import { jetstream, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import {
  AuthorizationError,
  UserAuthenticationExpiredError,
  connect,
  jwtAuthenticator,
  type Authenticator,
  type NatsConnection,
} from '@nats-io/transport-node';
import { setTimeout as pause } from 'node:timers/promises';
import type { Credentials } from './credentials.js';
import { isMissing } from './missing.js';
import { inboxOf } from './permissions.js';
import { defaultStreamLimits, findStreams, type StreamLimits } from './streams.js';

/** Where to connect, and as whom; without credentials where NATS lets everybody in. */
export interface Door {
  servers: string;
  credentials: Credentials | null;
}

/** Where the bus is and who connects. */
export interface BusOptions {
  /** The service that connects: its name on the server, and the queue group in which it answers. */
  service: string;
  /** One or several addresses, e.g. `nats://127.0.0.1:4222`, separated by commas. */
  servers: string;
  limits?: StreamLimits;
  /** Who the service is; without them it connects as nobody, which NATS must allow. */
  credentials?: Credentials;
  /** What it does about streams: makes those that are missing (the default), waits until somebody has, or leaves them alone. */
  streams?: 'make' | 'wait' | 'ignore';
  /** For an agent: which one it is, and the door that it has found; asked before each attempt, undefined while there is none. */
  agent?: { id: string; door: () => Door | undefined };
}

const connectedGauge = gauge<'service'>({
  name: 'lapwing_bus_connected',
  help: '1 while the service is connected to NATS',
  labelNames: ['service'],
});

const RETRY_MS = 250;
const FIRST_TELL = 4;
/** Whoever is shut out asks no more often than this. */
const SHUT_OUT_MS = 30_000;

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
  readonly #relinked = new Set<() => void>();
  readonly #shutOut: (() => void)[] = [];
  /** Attempts to connect since the last that succeeded, and after how many somebody is told next. */
  #attempts = 0;
  #tellAt = FIRST_TELL;
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

  /** Calls `use` each time that the connection has come back. Returns what ends it. */
  whenRelinked(use: () => void): () => void {
    this.#relinked.add(use);
    return () => this.#relinked.delete(use);
  }

  /** Calls `use` when NATS has refused the credentials, or could not be reached for some time: perhaps it has moved. */
  whenShutOut(use: () => void): void {
    this.#shutOut.push(use);
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
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
      const door = this.#door();
      this.#count();
      let connection: NatsConnection | undefined;
      try {
        if (door) {
          connection = await this.#connect(door);
          const manager = await this.#streams(connection);
          this.#link = { connection, js: jetstream(connection, { checkAPI: false }), manager };
          break;
        }
      } catch (error) {
        await connection?.close();
        this.#judge(error);
        // At a first start somebody else is about to make the streams.
        const expected = isMissing(error) ? 19 : 0;
        if (attempt % 20 === expected) this.#log.warn({ error: describeError(error) }, 'waiting for NATS');
      }
      await pause(Math.min(100 * 2 ** Math.min(attempt, 4), 1000), undefined, {
        signal: this.#stopping.signal,
      }).catch(() => {});
    }
    if (!this.#link) return;
    this.#setOnline(true);
    void this.#watch(this.#link.connection);
    for (const use of this.#linked.splice(0)) use(this.#link);
  }

  #door(): Door | undefined {
    const { agent, servers, credentials } = this.options;
    return agent ? agent.door() : { servers, credentials: credentials ?? null };
  }

  #connect({ servers, credentials }: Door): Promise<NatsConnection> {
    const { agent, service } = this.options;
    return connect({
      name: `lapwing-${agent?.id ?? service}`,
      servers: servers.split(','),
      timeout: 3000,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => this.#delay(),
      pingInterval: 5000,
      maxPingOut: 3,
      ignoreAuthErrorAbort: true,
      // Servers tell their addresses within the cluster, which an agent may not reach.
      ignoreClusterUpdates: agent !== undefined,
      inboxPrefix: agent ? inboxOf('agent', agent.id) : inboxOf('service', service),
      // Without this, an address that says "tls" is content with a server that has none.
      ...(servers.includes('tls://') && { tls: {} }),
      ...(credentials && { authenticator: this.#authenticator(credentials) }),
    });
  }

  /** Shows the newest credentials: those of an agent are renewed while it is connected. */
  #authenticator(first: Credentials): Authenticator {
    return (nonce) => {
      const { jwt, seed } = this.#door()?.credentials ?? first;
      return jwtAuthenticator(jwt, Buffer.from(seed))(nonce);
    };
  }

  #streams(connection: NatsConnection): Promise<JetStreamManager> {
    const { streams = 'make', limits = defaultStreamLimits } = this.options;
    return findStreams(connection, streams, limits);
  }

  /** Tells whoever wants to know when it was the credentials that were refused. */
  #judge(error: unknown): void {
    const refused = error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError;
    if (refused) for (const use of this.#shutOut) use();
  }

  /** Counts an attempt; the longer NATS is away, the more rarely it is told. */
  #count(): void {
    if (++this.#attempts < this.#tellAt) return;
    this.#tellAt *= 2;
    for (const use of this.#shutOut) use();
  }

  /** How long to wait before the next attempt to come back; it goes where the door is by then. */
  #delay(): number {
    this.#count();
    const door = this.#door();
    if (!door) return SHUT_OUT_MS;
    if (this.options.agent) this.#link?.connection.setServers(door.servers.split(','));
    return RETRY_MS * (1 + Math.random());
  }

  #setOnline(online: boolean): void {
    if (online) {
      this.#attempts = 0;
      this.#tellAt = FIRST_TELL;
    }
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
      if (status.type === 'error') {
        this.#log.warn({ error: describeError(status.error) }, 'NATS refuses something');
        this.#judge(status.error);
      }
    }
  }

  async #reconnected(connection: NatsConnection): Promise<void> {
    try {
      await this.#streams(connection);
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
