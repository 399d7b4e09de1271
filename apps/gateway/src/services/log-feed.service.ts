import { EventFeed, readStream, streamBounds, type Bus, type FeedMessage } from '@lapwing/bus';
import { LapwingError, logCollected, type LogFilter, type PayloadOf } from '@lapwing/contracts';
import { createLogger, describeError, gauge } from '@lapwing/telemetry';
import type { OnModuleDestroy } from '@nestjs/common';
import { setImmediate as breathe } from 'node:timers/promises';
import { backlogOf } from '../domain/log-backlog.js';
import { LogLine, storedKey } from '../domain/log-line.js';
import { RecentKeys } from '../domain/recent-keys.js';
import { LogFollower, type LogSink } from './log-follower.js';
import { LogFrame, eventOf, type DescribeLog } from './log-frame.js';
import { logPage } from './log-pages.js';

/** Where in the stream of logs a line stands; without an index: the end of the message. */
export interface LogPlace {
  position: number;
  index: number | undefined;
}

/** With what a follower begins: after a line that he had, or with some older ones. */
export type LogStart = { after: LogPlace } | { limit: number };

/** What lay longer in a collector is history, not news. */
const FRESH_MS = 300_000;
const MAX_FOLLOWERS = 1000;
const MAX_REPLAYED = 10_000;
/** Messages that are looked through at most for what a follower missed; and lines. */
const MAX_SEARCHED_MESSAGES = 10_000;
const MAX_SEARCHED = 200_000;
/** So many of the newest messages, not older than this, may not be stored yet. */
const RECENT_MESSAGES = 40;
const RECENT_MS = 5000;
/** Batches that are remembered, so that nobody hears one twice. */
const MAX_SEEN = 20_000;
const MAX_BYTES = 2 ** 23;
/** After so many lines, and after so much time, others get a turn. */
const LINES = 100;
const TURN_MS = 10;
/** So often those who follow are told how far they have come, though no line was for them: else they would ask for too much when they resume. */
const MARK_MS = 5000;

const followersGauge = gauge({ name: 'lapwing_log_followers', help: 'Clients that follow logs' });

/** Follows the lines of all hosts while somebody wants them, and passes them on. */
export class LogFeedService implements OnModuleDestroy {
  readonly #log = createLogger('gateway', 'logs');
  readonly #followers = new Set<LogFollower>();
  #feed: Promise<EventFeed<typeof logCollected>> | undefined;
  /** Whose lines are passed on: those of a feed that ends are not. */
  #current: symbol | undefined;
  /** The feed of which a message is being passed on. */
  #hearing: symbol | undefined;
  #marker: NodeJS.Timeout | undefined;
  #markedAt = 0;
  readonly #seen = new RecentKeys(MAX_SEEN);

  constructor(
    private readonly bus: Bus,
    private readonly describe: DescribeLog,
  ) {}

  async onModuleDestroy(): Promise<void> {
    await this.#stop();
  }

  /** Whether as many follow as may. */
  get full(): boolean {
    return this.#followers.size >= MAX_FOLLOWERS;
  }

  /**
   * Sends a follower what he missed, or some older lines, and from then on every new line that his filter means, until he closes.
   * @throws LapwingError `UNAVAILABLE` while the bus is away.
   */
  async follow(sink: LogSink, filter: LogFilter, start: LogStart): Promise<void> {
    const follower = new LogFollower(sink, filter);
    this.#followers.add(follower);
    followersGauge.set(this.#followers.size);
    sink.whenClosed(() => this.#leave(follower));
    if (!follower.isOpen) return;
    try {
      const { position } = await this.#following();
      follower.join(position);
      if ('after' in start) await this.#resume(follower, start.after, position);
      else if (start.limit > 0) await this.#giveOlder(follower, start.limit, position);
      // Whoever loses the connection before the next line comes resumes here.
      sink.send(placeOf(position));
      await follower.goLive();
    } catch (error) {
      this.#leave(follower);
      throw error;
    }
  }

  #leave(follower: LogFollower): void {
    if (!this.#followers.delete(follower)) return;
    followersGauge.set(this.#followers.size);
    if (this.#followers.size === 0)
      this.#stop().catch((error: unknown) =>
        this.#log.warn({ error: describeError(error) }, 'a feed did not end well'),
      );
  }

  #following(): Promise<EventFeed<typeof logCollected>> {
    this.#feed ??= this.#start();
    return this.#feed;
  }

  async #start(): Promise<EventFeed<typeof logCollected>> {
    const own = Symbol('feed');
    this.#current = own;
    try {
      const { last } = await streamBounds(this.bus, logCollected);
      const wants = (agentId: string): boolean => this.#isWanted(agentId);
      const hear = (message: FeedMessage<PayloadOf<typeof logCollected>>) => this.#hear(message, own);
      const feed = new EventFeed(this.bus, logCollected, hear, { after: last, wants, maxBytes: MAX_BYTES });
      feed.start();
      if (this.#current === own) this.#markFrom(feed);
      return feed;
    } catch (error) {
      if (this.#current === own) this.#feed = undefined;
      throw error;
    }
  }

  async #stop(): Promise<void> {
    const feed = this.#feed;
    this.#feed = undefined;
    this.#current = undefined;
    clearInterval(this.#marker);
    const started = await feed?.catch(() => undefined);
    await started?.stop();
  }

  #isWanted(agentId: string): boolean {
    for (const follower of this.#followers) if (follower.wants(agentId)) return true;
    return false;
  }

  async #hear(message: FeedMessage<PayloadOf<typeof logCollected>>, own: symbol): Promise<void> {
    this.#hearing = own;
    try {
      for (const frames of this.#framesOf(message, this.#seen))
        if (this.#current === own) await this.#spread(frames, own);
      if (this.#current === own) this.#mark(message.position);
    } finally {
      if (this.#hearing === own) this.#hearing = undefined;
    }
  }

  async #spread(frames: LogFrame[], own: symbol): Promise<void> {
    let since = performance.now();
    for (const follower of this.#followers) {
      const agentId = frames[0]?.line.agentId ?? '';
      if (follower.wants(agentId)) follower.hear(await this.#matching(follower, frames));
      if (this.#current !== own) return;
      if (performance.now() - since < TURN_MS) continue;
      await breathe();
      since = performance.now();
    }
    await breathe();
  }

  #markFrom(feed: EventFeed<typeof logCollected>): void {
    clearInterval(this.#marker);
    this.#markedAt = -MARK_MS;
    this.#marker = setInterval(() => {
      if (this.#hearing === undefined) this.#mark(feed.position);
    }, MARK_MS);
  }

  #mark(position: number): void {
    if (performance.now() - this.#markedAt < MARK_MS) return;
    this.#markedAt = performance.now();
    for (const follower of this.#followers) follower.mark(placeOf(position));
  }

  /** The lines that a follower means; a filter that takes its time takes it in turns. */
  async #matching(follower: LogFollower, frames: LogFrame[]): Promise<LogFrame[]> {
    const found: LogFrame[] = [];
    let since = performance.now();
    for (const frame of frames) {
      if (follower.matches(frame)) found.push(frame);
      const now = performance.now();
      if (now - since < TURN_MS) continue;
      follower.charge(now - since, now);
      if (!follower.isOpen) return [];
      await breathe();
      since = performance.now();
    }
    const now = performance.now();
    follower.charge(now - since, now);
    return found;
  }

  /** The lines of a message that are news, some at a time. */
  *#framesOf(
    { position, storedAt, payload }: FeedMessage<PayloadOf<typeof logCollected>>,
    seen: RecentKeys,
  ): Generator<LogFrame[]> {
    const { describe } = this;
    let frames: LogFrame[] = [];
    let index = -1;
    for (const batch of payload.batches) {
      // A collector that was killed sends again what it does not know to be stored.
      const isNews = seen.add(`${payload.agentId}/${payload.outbox}/${batch.seq}`) && storedAt - batch.time <= FRESH_MS;
      for (let at = 0; at < batch.entries.length; at++) {
        index++;
        const line = !isNews ? undefined : LogLine.of(payload.agentId, batch, at);
        if (!line) continue;
        frames.push(new LogFrame(line, position, index, describe));
        if (frames.length < LINES) continue;
        yield frames;
        frames = [];
      }
    }
    if (frames.length > 0) yield frames;
  }

  /** Gives what came after a place up to a position, and says where something is missing. */
  async #resume(follower: LogFollower, after: LogPlace, joined: number): Promise<void> {
    const { first, last } = await streamBounds(this.bus, logCollected);
    if (after.position > last) return follower.gap('the stream was made anew');
    if (after.position + 1 < first) follower.gap('the stream no longer holds what came first');
    const left = { given: MAX_REPLAYED, searched: MAX_SEARCHED, messages: MAX_SEARCHED_MESSAGES };
    const range = { from: Math.max(after.position, 1), to: joined };
    const seen = new RecentKeys(MAX_SEEN);
    for await (const message of readStream(this.bus, logCollected, follower.filter.agentId ?? '*', range)) {
      for (const all of this.#framesOf(message, seen)) {
        const frames = all.filter((frame) => isAfter(frame, after));
        const found = await this.#matching(follower, frames);
        await follower.give(found.slice(0, left.given).map(({ text }) => text));
        if (!follower.isOpen) return;
        left.searched -= frames.length;
        left.given -= found.length;
        if (left.given < 0) return follower.gap(`more than ${MAX_REPLAYED} lines were missed`);
      }
      if (--left.messages < 0 || left.searched < 0)
        return follower.gap('too many lines were missed to be looked through');
    }
  }

  /** Gives older lines: those that are stored, and those of the newest that are not stored yet. */
  async #giveOlder(follower: LogFollower, limit: number, joined: number): Promise<void> {
    const { filter } = follower;
    try {
      const { entries } = await logPage(this.bus, filter, { limit });
      const { last } = await streamBounds(this.bus, logCollected);
      follower.knows(new Set(entries.map(storedKey)), last);
      const recent = await this.#recent(follower, limit, joined);
      const stored = entries.map((entry) => ({ time: entry.time, key: storedKey(entry), entry }));
      const fresh = recent.map((frame) => ({ time: frame.line.entry.time, key: frame.line.key, frame }));
      // Without ids of their own: a client that resumes must not skip the rest of them.
      const texts = backlogOf(stored, fresh, limit).map((one) =>
        'frame' in one ? eventOf(one.frame.data) : eventOf(JSON.stringify(this.describe(one.entry))),
      );
      await follower.give(texts);
    } catch (error) {
      if (!(error instanceof LapwingError)) throw error;
      follower.gap(`older lines cannot be read now: ${error.message}`);
    }
  }

  async #recent(follower: LogFollower, limit: number, joined: number): Promise<LogFrame[]> {
    const { agentId, from } = follower.filter;
    let found: LogFrame[] = [];
    const seen = new RecentKeys(MAX_SEEN);
    const range = { from: Math.max(joined - RECENT_MESSAGES + 1, 1), to: joined };
    for await (const message of readStream(this.bus, logCollected, agentId ?? '*', range)) {
      if (Date.now() - message.storedAt > RECENT_MS) continue;
      for (const frames of this.#framesOf(message, seen)) {
        const matching = await this.#matching(follower, frames);
        found = [...found, ...matching.filter(({ line }) => from === null || line.entry.time >= from)].slice(-limit);
        if (!follower.isOpen) return [];
      }
    }
    return found;
  }
}

/** Tells a client where to resume, without an event. */
function placeOf(position: number): string {
  return `id: ${position}\n\n`;
}

function isAfter({ position, index }: LogFrame, after: LogPlace): boolean {
  if (position !== after.position) return position > after.position;
  return after.index !== undefined && index > after.index;
}
