import type { Bus } from '@lapwing/bus';
import { updateProgressed, type UpdateAttempt } from '@lapwing/contracts';
import { createLogger } from '@lapwing/telemetry';
import type { OnApplicationBootstrap } from '@nestjs/common';
import type { Socket } from 'node:net';
import type { RealtimeService } from './realtime.service.js';

type Hear = (attempt: UpdateAttempt) => void;

const MAX_FOLLOWERS = 100;
const WAIT_MS = 50;
const MAX_WAIT_MS = 1000;

/** Hears how attempts to change what runs come on, and tells whoever follows them. */
export class UpdatesService implements OnApplicationBootstrap {
  readonly #log = createLogger('gateway', 'updates');
  readonly #followers = new Map<string, Set<Hear>>();
  #count = 0;

  /** @param toMessage what sockets are told of an attempt. */
  constructor(
    private readonly bus: Bus,
    private readonly realtime: RealtimeService,
    private readonly toMessage: (attempt: UpdateAttempt) => unknown,
  ) {}

  onApplicationBootstrap(): void {
    this.bus.listen(updateProgressed, '*', (attempt) => {
      this.realtime.broadcast('update:progress', this.toMessage(attempt));
      for (const hear of this.#followers.get(attempt.id) ?? []) hear(attempt);
    });
  }

  /** Whether as many follow as may. */
  get full(): boolean {
    return this.#count >= MAX_FOLLOWERS;
  }

  /** Hears of an attempt whatever comes. Returns what ends it. */
  follow(id: string, hear: Hear): () => void {
    const followers = this.#followers.get(id) ?? new Set();
    this.#followers.set(id, followers.add(hear));
    this.#count++;
    return () => {
      if (!followers.delete(hear)) return;
      this.#count--;
      if (followers.size === 0) this.#followers.delete(id);
    };
  }

  /**
   * Leaves a connection on which events are under way to the guard, which lives on while another version is started. Where no guard runs, the
   * connection ends with this process.
   */
  leaveToGuard(attemptId: string, connection: { socket: Socket; isChunked: boolean }, waitedMs = 0): void {
    const { socket, isChunked } = connection;
    if (!process.send || socket.destroyed) return;
    // What was written last is on its way only after this turn of the event loop, and must not stay behind.
    if (waitedMs === 0 || (socket.writableLength > 0 && waitedMs < MAX_WAIT_MS)) {
      setTimeout(() => this.leaveToGuard(attemptId, connection, waitedMs + WAIT_MS), WAIT_MS);
      return;
    }
    process.send({ type: 'watcher', attemptId, isChunked }, socket, {}, (error) => {
      if (error) this.#log.warn({ error: error.message }, 'a connection could not be left to the guard');
    });
  }
}
