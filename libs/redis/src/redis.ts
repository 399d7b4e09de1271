import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Redis as Client } from 'ioredis';

/**
 * The connection to Redis: waits for a server that is not there yet and reconnects for ever. Commands fail at once while
 * it is away, so that callers can decide what to do without it.
 */
export class Redis implements OnModuleInit, OnApplicationShutdown {
  readonly client: Client;

  /** @param url `redis://user:password@host:port/database`. */
  constructor(url: string) {
    this.client = new Client(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      commandTimeout: 2000,
      connectTimeout: 2000,
      retryStrategy: (attempt) => Math.min(100 * attempt, 2000),
    });
    // Without a listener an unreachable server would end the process; ping() tells how things stand.
    this.client.on('error', () => {});
  }

  onModuleInit(): void {
    this.client.connect().catch(() => {});
  }

  onApplicationShutdown(): void {
    this.client.disconnect();
  }

  /** The version of the server that answers now. Throws when none does within two seconds. */
  async version(): Promise<string> {
    const info = await this.client.info('server');
    return /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown';
  }
}
