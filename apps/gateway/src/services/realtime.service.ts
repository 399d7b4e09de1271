import type { Bus } from '@lapwing/bus';
import { LapwingError, nodeChanged, noticePosted, settingsChanged } from '@lapwing/contracts';
import { gauge } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { AlertsService } from './alerts.service.js';
import type { EstateService } from './estate.service.js';
import { writeDelta, type StateDocument } from './state-document.js';
import type { StateService } from './state.service.js';

/** Somebody who watches the state, by whichever protocol. */
export interface Watcher {
  /** Whether only changes are wanted. */
  deltas: boolean;
  /** Sends the whole state. Returns false when the last one is still under way: then this one is left out. */
  sendState(type: 'initialState' | 'rawData', document: StateDocument): boolean;
  /** Sends a message whose data is JSON already. */
  send(type: string, data: string): void;
  close(): void;
}

const LEAST_BEAT_MS = 5000;
const PING_MS = 30_000;
const WELCOME_MS = 500;
const STATE_AFTER_MS = 100;
const MAX_WATCHERS = 2000;

const watchersGauge = gauge({ name: 'lapwing_realtime_watchers', help: 'Clients that watch the state' });

/** Tells watchers the state: the whole of it on the beat at which machines are polled, changes at once to those who want changes. */
export class RealtimeService implements OnApplicationBootstrap, OnModuleDestroy {
  /** Watchers, and the document that each has; null before its first. */
  readonly #watchers = new Map<Watcher, StateDocument | null>();
  /** Those that were welcomed, and had no room for the state yet. */
  readonly #waiting = new Set<Watcher>();
  #timers: NodeJS.Timeout[] = [];
  #beatAt = 0;
  #toldVersion = 0;

  constructor(
    private readonly bus: Bus,
    private readonly state: StateService,
    private readonly estate: EstateService,
    private readonly alerts: AlertsService,
  ) {}

  onApplicationBootstrap(): void {
    this.state.onChange((document) => this.#changed(document));
    this.alerts.onNews((type, data) => this.broadcast(type, data));
    this.bus.listen(noticePosted, '*', (notice) => this.broadcast('notification', notice));
    this.bus.listen(settingsChanged, '*', ({ refreshInterval, pollingInterval, mockMode }) =>
      this.broadcast('settingsUpdate', { refreshInterval, pollingInterval, mockMode: mockMode.enabled }),
    );
    this.bus.listen(nodeChanged, '*', ({ nodeId, change, type, name, host }) => {
      if (change === 'registered') this.broadcast('node_auto_registered', { nodeId, type, name, host });
      if (change === 'deleted') this.broadcast('node_deleted', { nodeId, type, name });
    });
    this.#timers = [
      setInterval(() => this.#beat(), 1000),
      setInterval(() => this.broadcast('ping', { timestamp: Math.floor(Date.now() / 1000) }), PING_MS),
    ];
  }

  onModuleDestroy(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.leave();
  }

  /** How many watch. */
  get watching(): number {
    return this.#watchers.size;
  }

  /** Closes all connections, so that those who watch connect to another gateway. */
  leave(): void {
    for (const watcher of this.#watchers.keys()) watcher.close();
  }

  /** Throws `UNAVAILABLE` when as many watch as may. */
  wantRoom(): void {
    if (this.#watchers.size >= MAX_WATCHERS) throw new LapwingError('UNAVAILABLE', 'too many clients watch the state');
  }

  /** Welcomes a watcher, tells it the state and whatever comes. Returns what ends it. */
  watch(watcher: Watcher): () => void {
    this.#watchers.set(watcher, null);
    this.#count();
    const welcome = setTimeout(() => {
      watcher.send('welcome', JSON.stringify({ message: 'Connected to Lapwing' }));
      first = setTimeout(() => this.#first(watcher), STATE_AFTER_MS);
    }, WELCOME_MS);
    let first: NodeJS.Timeout | undefined;
    return () => {
      clearTimeout(welcome);
      clearTimeout(first);
      this.#watchers.delete(watcher);
      this.#waiting.delete(watcher);
      this.#count();
    };
  }

  /** What a watcher asked for in a message of its own. */
  hear(watcher: Watcher, type: unknown): void {
    if (type === 'ping') watcher.send('pong', JSON.stringify({ timestamp: Math.floor(Date.now() / 1000) }));
    if (type === 'requestData' && this.#watchers.get(watcher)) this.#tellState(watcher, 'rawData');
  }

  /** Sends a message to all. */
  broadcast(type: string, data: unknown): void {
    const text = JSON.stringify(data);
    for (const watcher of this.#watchers.keys()) watcher.send(type, text);
  }

  #count(): void {
    watchersGauge.set(this.#watchers.size);
    this.state.watchers = this.#watchers.size;
  }

  #first(watcher: Watcher): void {
    if (!this.#watchers.has(watcher)) return;
    this.#waiting.add(watcher);
    this.#tellState(watcher, 'initialState');
  }

  #tellState(watcher: Watcher, type: 'initialState' | 'rawData'): void {
    const { document, ready } = this.state;
    if (!ready || !watcher.sendState(type, document)) return;
    this.#watchers.set(watcher, document);
    this.#waiting.delete(watcher);
  }

  /** Those who want changes get them at once; written once for all who have the same version. */
  #changed(document: StateDocument): void {
    const written = new Map<StateDocument, string>();
    for (const [watcher, has] of this.#watchers) {
      if (!watcher.deltas || !has) continue;
      const text = written.get(has) ?? writeDelta(document.since(has), has, document);
      written.set(has, text);
      watcher.send('delta', text);
      this.#watchers.set(watcher, document);
    }
  }

  #beat(): void {
    for (const watcher of this.#waiting) this.#tellState(watcher, 'initialState');
    const now = performance.now();
    const beat = Math.max(this.estate.settings.pollingInterval * 1000, LEAST_BEAT_MS);
    const { document } = this.state;
    // On the beat, and at once when something new has come and the last beat is long enough ago.
    const isDue =
      now - this.#beatAt >= beat || (document.version !== this.#toldVersion && now - this.#beatAt >= LEAST_BEAT_MS);
    if (!isDue) return;
    this.#beatAt = now;
    this.#toldVersion = document.version;
    for (const [watcher, has] of this.#watchers) if (has && !watcher.deltas) this.#tellState(watcher, 'rawData');
  }
}
