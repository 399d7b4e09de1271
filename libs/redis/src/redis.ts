import { LapwingError } from '@lapwing/contracts';
import { SpanKind, inSpan, tracedHistogram } from '@lapwing/telemetry';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Redis as Client } from 'ioredis';
import { createHash } from 'node:crypto';

const seconds = tracedHistogram({
  name: 'lapwing_redis_seconds',
  help: 'How long commands and scripts of Redis took',
});

/**
 * The connection to Redis: waits for a server that is not there yet and reconnects for ever. Commands fail at once while
 * it is away, so that callers can decide what to do without it.
 */
export class Redis implements OnModuleInit, OnApplicationShutdown {
  readonly #client: Client;
  readonly #attributes;

  /** @param url `redis://user:password@host:port/database`. */
  constructor(url: string) {
    this.#client = new Client(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      commandTimeout: 2000,
      connectTimeout: 2000,
      retryStrategy: (attempt) => Math.min(100 * attempt, 2000),
    });
    const { host = '', port = 6379 } = this.#client.options;
    this.#attributes = { 'db.system.name': 'redis', 'server.address': host, 'server.port': port };
    // Without a listener an unreachable server would end the process; version() tells how things stand.
    this.#client.on('error', () => {});
  }

  onModuleInit(): void {
    this.#client.connect().catch(() => {});
  }

  onApplicationShutdown(): void {
    this.#client.disconnect();
  }

  /** The version of the server that answers now. Throws when none does within two seconds. */
  async version(): Promise<string> {
    const info = await this.#client.info('server');
    return /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown';
  }

  /**
   * Runs commands.
   * @throws LapwingError `UNAVAILABLE` when the server is away; what the server itself refuses is a fault of ours.
   */
  async run<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const options = { kind: SpanKind.CLIENT, attributes: this.#attributes };
    try {
      return await inSpan('redis', options, async (span) => {
        const begun = performance.now();
        try {
          return await work(this.#client);
        } finally {
          seconds.observe({}, (performance.now() - begun) / 1000, span);
        }
      });
    } catch (error) {
      if (
        error instanceof Error &&
        error.name === 'ReplyError' &&
        !/^(LOADING|READONLY|MASTERDOWN)/.test(error.message)
      )
        throw error;
      throw new LapwingError('UNAVAILABLE', 'the store of sessions is away');
    }
  }

  /** Runs a Lua script, all of it or nothing. Errors as those of {@link run}. */
  script(text: string, keys: string[], values: (string | number)[]): Promise<unknown> {
    const hash = createHash('sha1').update(text).digest('hex');
    return this.run(async (client) => {
      try {
        return await client.evalsha(hash, keys.length, ...keys, ...values);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return client.eval(text, keys.length, ...keys, ...values);
      }
    });
  }
}
