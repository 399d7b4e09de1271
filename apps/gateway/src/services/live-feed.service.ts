import { type Bus, EventFeed, readStream, streamBounds, type FeedMessage } from '@lapwing/bus';
import { agentChanged, hostSampled, type HostSample, type PayloadOf } from '@lapwing/contracts';
import { gauge } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

/** A sample on its way to the watchers. */
export interface Frame {
  agentId: string;
  /** Where in the stream it stands: `<position>-<index in the message>`. */
  id: string;
  position: number;
  index: number;
  /** The event as it goes over the wire, made once for all watchers. */
  text: string;
}

/** Somebody who watches. */
export interface Watcher {
  agentId: string | undefined;
  take(frame: Frame): void;
}

/** What a watcher missed could not be given back in full. */
export interface Missed {
  reason: string;
}

const FRESH_MS = 300_000;
const MAX_WATCHERS = 5000;
const MAX_REPLAYED = 10_000;

const watchersGauge = gauge({ name: 'lapwing_stream_watchers', help: 'Clients that follow the live stream' });

/** Follows the samples of all hosts, knows the newest of each, and passes them on to whoever watches. */
export class LiveFeedService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #feed: EventFeed<typeof hostSampled>;
  readonly #changes: EventFeed<typeof agentChanged>;
  /** Until when what a deleted agent said counts for nothing. */
  readonly #deleted = new Map<string, number>();
  readonly #latest = new Map<string, { sample: HostSample; frame: Frame; storedAt: number }>();
  readonly #watchers = new Set<Watcher>();

  /** @param describe makes the document that watchers get out of a sample. */
  constructor(
    private readonly bus: Bus,
    private readonly describe: (agentId: string, sample: HostSample) => unknown,
  ) {
    this.#feed = new EventFeed(bus, hostSampled, (message) => this.#hear(message));
    this.#changes = new EventFeed(bus, agentChanged, ({ payload }) => this.#changed(payload));
  }

  onApplicationBootstrap(): void {
    this.#changes.start();
    this.#feed.start();
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.#feed.stop(), this.#changes.stop()]);
  }

  /** The agents that have been heard. */
  agents(): string[] {
    return [...this.#latest.keys()].toSorted();
  }

  /** The newest sample of an agent. */
  latest(agentId: string): HostSample | undefined {
    return this.#latest.get(agentId)?.sample;
  }

  /** The newest frames, one an agent. */
  latestFrames(agentId: string | undefined): Frame[] {
    const all = [...this.#latest.values()].map(({ frame }) => frame);
    return agentId === undefined ? all : all.filter((frame) => frame.agentId === agentId);
  }

  /** Whether as many watch as may. */
  get full(): boolean {
    return this.#watchers.size >= MAX_WATCHERS;
  }

  /** Passes every new frame to a watcher from now on. Returns what ends it. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    watchersGauge.set(this.#watchers.size);
    return () => {
      this.#watchers.delete(watcher);
      watchersGauge.set(this.#watchers.size);
    };
  }

  /**
   * Gives a watcher what it missed after a frame that it had, and everything new, without a hole and nothing twice.
   * @param after the position and index of the last frame that the watcher has.
   */
  async resume(
    watcher: Watcher,
    after: { position: number; index: number },
  ): Promise<{ end: () => void; missed: Missed | null }> {
    const waiting: Frame[] = [];
    let live = false;
    let overflown = false;
    const end = this.watch({
      agentId: watcher.agentId,
      take: (frame) => {
        if (live) watcher.take(frame);
        else if (waiting.length < MAX_REPLAYED) waiting.push(frame);
        else overflown = true;
      },
    });
    try {
      const joined = this.#feed.position;
      const { first, last } = await streamBounds(this.bus, hostSampled);
      let missed: Missed | null = null;
      if (after.position > last) missed = { reason: 'the stream was made anew' };
      else if (after.position + 1 < first) missed = { reason: 'the stream no longer holds what came first' };
      else if (await this.#replay(watcher, after, joined))
        missed = { reason: `more than ${MAX_REPLAYED} samples were missed` };
      for (const frame of waiting) watcher.take(frame);
      live = true;
      return { end, missed: overflown ? { reason: 'too much came at once' } : missed };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Returns whether there was more than may be given back. */
  async #replay(watcher: Watcher, after: { position: number; index: number }, joined: number): Promise<boolean> {
    let replayed = 0;
    const range = { from: Math.max(after.position, 1), to: joined };
    for await (const message of readStream(this.bus, hostSampled, watcher.agentId ?? '*', range)) {
      for (const { frame } of this.#framesOf(message)) {
        if (frame.position === after.position && frame.index <= after.index) continue;
        if (++replayed > MAX_REPLAYED) return true;
        watcher.take(frame);
      }
    }
    return false;
  }

  #changed({ agentId, change, time }: PayloadOf<typeof agentChanged>): void {
    if (change !== 'deleted') return;
    this.#deleted.set(agentId, time);
    const known = this.#latest.get(agentId);
    if (known && known.storedAt <= time) this.#latest.delete(agentId);
  }

  #hear(message: FeedMessage<PayloadOf<typeof hostSampled>>): void {
    const { storedAt, payload } = message;
    if (storedAt <= (this.#deleted.get(payload.agentId) ?? 0)) return;
    this.#deleted.delete(payload.agentId);
    for (const { sample, frame } of this.#framesOf(message)) {
      const known = this.#latest.get(frame.agentId);
      if (!known || known.sample.time < sample.time) this.#latest.set(frame.agentId, { sample, frame, storedAt });
      for (const watcher of this.#watchers)
        if (watcher.agentId === undefined || watcher.agentId === frame.agentId) watcher.take(frame);
    }
  }

  /**
   * The frames of a message. Samples that were older than five minutes when the stream got them are history, not news:
   * they are in the database, and a live view would only jump back for them. The last one of a message always counts, so
   * that the newest sample of a host that was away is known.
   */
  #framesOf(message: FeedMessage<PayloadOf<typeof hostSampled>>): { sample: HostSample; frame: Frame }[] {
    const { position, storedAt, payload } = message;
    const { agentId, samples } = payload;
    return samples.flatMap((sample, index) => {
      if (storedAt - sample.time > FRESH_MS && index < samples.length - 1) return [];
      const id = `${position}-${index}`;
      const data = JSON.stringify(this.describe(agentId, sample));
      return [
        { sample, frame: { agentId, id, position, index, text: `id: ${id}\nevent: metrics\ndata: ${data}\n\n` } },
      ];
    });
  }
}
