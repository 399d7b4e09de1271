import { EventFeed, readStream, streamBounds, type Bus, type FeedMessage } from '@lapwing/bus';
import { alertChanged, alertingChanged, type Alert, type PayloadOf } from '@lapwing/contracts';
import { createLogger, describeError, gauge } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { MAX_OPEN, openAlerts } from './alert-pages.js';

/** A change of an alert. */
export type AlertChange = PayloadOf<typeof alertChanged>;

/** How alerts look to those who watch; the routes know. */
export interface AlertViews {
  /** In the state. */
  ofState(alert: Alert): { id: string };
  /** As sockets are told of one that has begun. */
  ofNews(alert: Alert): unknown;
  /** In the stream of changes. */
  ofChange(change: AlertChange): unknown;
}

/** A change on its way to whoever follows. */
export interface AlertFrame {
  position: number;
  /** The event as it goes over the wire. */
  text: string;
}

/** Hears what sockets shall be told. */
export type NewsListener = (type: 'alert' | 'alertResolved', data: unknown) => void;

interface OpenAlert {
  occurrence: number;
  startedAt: number;
  isAcknowledged: boolean;
  isCritical: boolean;
  isMuted: boolean;
  view: { id: string };
  text: string;
}

const LOOK_MS = 500;
const REFRESH_MS = 60_000;
const RETRY_MS = 2000;
/** What is older is no news to anybody who looks at a screen. */
const FRESH_MS = 60_000;
const MAX_FOLLOWERS = 1000;
const MAX_REPLAYED = 10_000;

const followersGauge = gauge({ name: 'lapwing_alert_followers', help: 'Clients that follow the stream of alerts' });

/** Knows the open alerts, as the state shows them, and tells whoever follows what happens to alerts. */
export class AlertsService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('gateway', 'alerts');
  readonly #feed: EventFeed<typeof alertChanged>;
  readonly #followers = new Set<(frame: AlertFrame) => void>();
  readonly #changeListeners: (() => void)[] = [];
  readonly #newsListeners: NewsListener[] = [];
  #open = new Map<string, OpenAlert>();
  /** While the open alerts are asked for: of which something was heard meanwhile, which is newer than what is answered. */
  #heard: Set<string> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #dueAt = 0;

  constructor(
    private readonly bus: Bus,
    private readonly views: AlertViews,
  ) {
    this.#feed = new EventFeed(bus, alertChanged, (message) => this.#hear(message));
  }

  onApplicationBootstrap(): void {
    this.bus.listen(alertingChanged, '*', () => (this.#dueAt = 0));
    this.#feed.start();
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, LOOK_MS);
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#feed.stop();
  }

  /** The open alerts as the state shows them, the newest first. */
  open(): { id: string }[] {
    return [...this.#open.values()]
      .toSorted((a, b) => b.startedAt - a.startedAt || b.occurrence - a.occurrence)
      .map(({ view }) => view);
  }

  /** How many alerts are open. */
  counts(): { active: number; acknowledged: number; muted: number; critical: number; warning: number } {
    const all = [...this.#open.values()];
    const critical = all.filter(({ isCritical }) => isCritical).length;
    const acknowledged = all.filter(({ isAcknowledged }) => isAcknowledged).length;
    const muted = all.filter(({ isMuted }) => isMuted).length;
    return { active: all.length, acknowledged, muted, critical, warning: all.length - critical };
  }

  /** Calls `hear` when what {@link open} tells has changed. */
  onChange(hear: () => void): void {
    this.#changeListeners.push(hear);
  }

  /** Calls `hear` when an alert has begun, or is over. */
  onNews(hear: NewsListener): void {
    this.#newsListeners.push(hear);
  }

  /** Whether as many follow as may. */
  get full(): boolean {
    return this.#followers.size >= MAX_FOLLOWERS;
  }

  /**
   * Passes on every change from now on; and before that what came after a position, without a hole and nothing twice.
   * @returns what ends it, and why not all could be given back.
   * @throws LapwingError `UNAVAILABLE` while the bus is away.
   */
  async follow(
    take: (frame: AlertFrame) => void,
    after: number | undefined,
  ): Promise<{ end: () => void; missed: string | null }> {
    const waiting: AlertFrame[] = [];
    let isLive = false;
    let isOverflown = false;
    let joined = 0;
    const follower = (frame: AlertFrame): void => {
      if (!isLive && waiting.length >= MAX_REPLAYED) isOverflown = true;
      else if (!isLive) waiting.push(frame);
      // A feed that begins tells what was said before, too.
      else if (frame.position > joined) take(frame);
    };
    this.#followers.add(follower);
    followersGauge.set(this.#followers.size);
    const end = (): void => {
      this.#followers.delete(follower);
      followersGauge.set(this.#followers.size);
    };
    try {
      const bounds = await streamBounds(this.bus, alertChanged);
      joined = bounds.last;
      const missed = after === undefined ? null : await this.#replay(take, after, bounds);
      for (const frame of waiting) if (frame.position > joined) take(frame);
      isLive = true;
      return { end, missed: isOverflown ? 'too much came at once' : missed };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Returns why not all could be given back. */
  async #replay(
    take: (frame: AlertFrame) => void,
    after: number,
    { first, last }: { first: number; last: number },
  ): Promise<string | null> {
    if (after > last) return 'the stream was made anew';
    let replayed = 0;
    for await (const message of readStream(this.bus, alertChanged, '*', { from: Math.max(after + 1, 1), to: last })) {
      if (++replayed > MAX_REPLAYED) return `more than ${MAX_REPLAYED} changes were missed`;
      take(this.#frameOf(message));
    }
    return after + 1 < first ? 'the stream no longer holds what came first' : null;
  }

  #frameOf({ position, payload }: FeedMessage<AlertChange>): AlertFrame {
    const data = JSON.stringify(this.views.ofChange(payload));
    return { position, text: `id: ${position}\nevent: alert\ndata: ${data}\n\n` };
  }

  #hear(message: FeedMessage<AlertChange>): void {
    const { change, alert } = message.payload;
    this.#heard?.add(alert.id);
    this.#take(alert);
    if (this.#followers.size > 0) {
      const frame = this.#frameOf(message);
      for (const follower of this.#followers) follower(frame);
    }
    if (Date.now() - message.storedAt > FRESH_MS) return;
    if (change === 'fired') this.#tell('alert', this.views.ofNews(alert));
    if (change === 'resolved' || change === 'cleared') this.#tell('alertResolved', { alertId: alert.id });
  }

  #take(alert: Alert): void {
    const known = this.#open.get(alert.id);
    if (known && known.occurrence > alert.occurrence) return;
    if (alert.resolvedAt !== null) this.#open.delete(alert.id);
    else if (known || this.#open.size < MAX_OPEN) this.#open.set(alert.id, this.#openAlert(alert));
    this.#changed();
  }

  #openAlert(alert: Alert): OpenAlert {
    const { occurrence, startedAt, acknowledgedAt, level } = alert;
    const view = this.views.ofState(alert);
    const isAcknowledged = acknowledgedAt !== null;
    const isCritical = level === 'critical';
    const isMuted = alert.quiet !== '';
    return { occurrence, startedAt, isAcknowledged, isCritical, isMuted, view, text: JSON.stringify(view) };
  }

  #tell(...news: Parameters<NewsListener>): void {
    for (const hear of this.#newsListeners) hear(...news);
  }

  #changed(): void {
    for (const hear of this.#changeListeners) hear();
  }

  async #look(): Promise<void> {
    const now = performance.now();
    if (now < this.#dueAt || !this.bus.online) return;
    this.#dueAt = now + REFRESH_MS;
    try {
      await this.#load();
    } catch (error) {
      this.#dueAt = now + RETRY_MS;
      this.#log.debug({ error: describeError(error) }, 'the open alerts could not be read, trying again');
    }
  }

  async #load(): Promise<void> {
    const heard = (this.#heard = new Set());
    const loaded = new Map<string, OpenAlert>();
    try {
      for await (const alerts of openAlerts(this.bus))
        for (const alert of alerts) loaded.set(alert.id, this.#openAlert(alert));
    } finally {
      this.#heard = undefined;
    }
    const before = this.#open;
    for (const id of heard) {
      const known = before.get(id);
      if (known) loaded.set(id, known);
      else loaded.delete(id);
    }
    this.#open = loaded;
    const isSame = loaded.size === before.size && [...loaded].every(([id, { text }]) => before.get(id)?.text === text);
    if (!isSame) this.#changed();
  }
}
