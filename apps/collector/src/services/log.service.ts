import type { Bus } from '@lapwing/bus';
import { MAX_LOG_BATCH, type LogEntry, type LogSource } from '@lapwing/contracts';
import { counter, createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import path from 'node:path';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { MAX_BATCH_BYTES, batchesOf, bytesOf } from '../domain/logs/batches.js';
import { Pace } from '../domain/pace.js';
import type { LogPiece, LogPositions } from '../sources/log-reader.js';
import type { LogReaders } from '../sources/log-registry.js';
import { Outbox, type Fold, type Taken } from '../store/outbox.js';
import { DeliveryService } from './delivery.service.js';
import { logFreight, type LogBody } from './freight.js';
import { RunningReaders, type RunningReader } from './running-readers.js';

const lines = counter({
  name: 'lapwing_collector_log_lines_total',
  help: 'Lines of logs taken down',
  labelNames: ['source'],
});
const dropped = counter({
  name: 'lapwing_collector_log_lines_dropped_total',
  help: 'Lines of logs dropped because a source wrote too many',
  labelNames: ['source'],
});

const TURN_MS = 200;
/** While nobody can be reached: fewer and larger batches. */
const ALONE_MS = 1000;
/** Messages that are on their way at once; the next waits for one of them. */
const MAX_LIVE = 4;
/** How often it is saved at most where reading stands, where no lines are taken down. */
const SAVE_MS = 1000;
const HEALTHY_MS = 30_000;

/** What is known of all batches: where reading stands. A key with null goes. */
const positionsFold: Fold<LogBody, LogPositions> = {
  begin: () => ({}),
  add: (sum, { positions }) => standing(sum, positions),
};

function standing(sum: LogPositions, news: LogPositions): LogPositions {
  for (const [key, position] of Object.entries(news))
    if (position === null) delete sum[key];
    else sum[key] = position;
  return sum;
}

/** What the service is told. */
export interface LogOptions {
  agentId: string;
  /** Of the collector: the outbox of logs is in its folder `logs`. */
  folder: string;
  maxBytes: number;
  bootId: string;
}

/** Reads logs in turns, takes down what was read together with where reading stands, and sends it. */
export class LogService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('collector', 'logs');
  readonly #pace = new Pace();
  readonly #readers: RunningReaders;
  readonly #live = new Set<Promise<void>>();
  /** Undefined until somebody has said: nothing is forgotten before. */
  #wanted: LogSource[] | undefined;
  #followed: LogSource[] | undefined;
  #heard: (() => void) | undefined;
  #outbox: Outbox<LogBody, LogPositions> | undefined;
  #delivery: DeliveryService<LogBody> | undefined;
  #running: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();
  #turnAt = performance.now();
  #savedAt = Number.NEGATIVE_INFINITY;
  /** Where reading stands beyond what was taken down. */
  #loose: LogPositions = {};
  /** Lines that wait for more of the same turn, and for which readers they are. */
  #waiting: { entries: LogEntry[]; bytes: number; of: RunningReader[]; positions: LogPositions } = nothing();

  constructor(
    private readonly bus: Bus,
    readers: LogReaders,
    private readonly options: LogOptions,
  ) {
    this.#readers = new RunningReaders(readers);
  }

  /** Whether logs are being read. */
  get health(): { isHealthy: boolean; message: string } {
    if (this.#outbox?.isFull) return { isHealthy: false, message: 'reading waits: the outbox of logs is full' };
    const isHealthy = performance.now() - this.#turnAt < HEALTHY_MS;
    const kinds = this.#readers.all.length;
    return { isHealthy, message: isHealthy ? `reads ${kinds} kinds of logs` : 'logs were not read in time' };
  }

  /** The sources that are read. */
  get sources(): LogSource[] {
    return this.#readers.sources;
  }

  /** What of the settings cannot be read, a line each. */
  get unsupported(): string[] {
    return this.#readers.unsupported;
  }

  /** What sends the lines, once the outbox is open. */
  get delivery(): DeliveryService<LogBody> | undefined {
    return this.#delivery;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { agentId, folder, maxBytes, bootId } = this.options;
    this.#outbox = await Outbox.open<LogBody, LogPositions>({
      folder: path.join(folder, 'logs'),
      maxBytes,
      bootId,
      now: Date.now(),
      isDurable: true,
      fold: positionsFold,
    });
    this.#delivery = new DeliveryService(this.bus, agentId, this.#outbox, logFreight);
    this.#delivery.start();
    this.#running = this.#run(this.#outbox);
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#readers.stop();
    await this.#delivery?.stop();
    await this.#outbox?.close();
  }

  /** Chooses which logs are read from the next turn on. Where one that is no longer read stood is forgotten: it begins anew some day. */
  setSources(sources: LogSource[]): void {
    this.#wanted = sources;
  }

  /** Hears it when other logs are read than before. */
  whenFollowed(heard: () => void): void {
    this.#heard = heard;
  }

  async #run(outbox: Outbox<LogBody, LogPositions>): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      let hasMore = false;
      try {
        await this.#tellDamage(outbox);
        await this.#follow(outbox);
        hasMore = !outbox.isFull && (await this.#turn(outbox));
        await this.#save(outbox);
      } catch (error) {
        if (this.#pace.isDue) this.#log.warn({ error: describeError(error) }, 'logs could not be taken down');
      }
      this.#turnAt = performance.now();
      const { signal } = this.#stopping;
      if (hasMore) await breathe();
      else await pause(this.bus.online ? TURN_MS : ALONE_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #follow(outbox: Outbox<LogBody, LogPositions>): Promise<void> {
    const wanted = this.#wanted;
    if (!wanted || wanted === this.#followed) return;
    await this.#save(outbox, true);
    await this.#readers.follow(wanted, outbox.sum);
    for (const key of Object.keys(outbox.sum)) if (!this.#readers.owns(key)) this.#loose[key] = null;
    this.#followed = wanted;
    this.#heard?.();
  }

  /** Reads each once. True when one of them has lines. */
  async #turn(outbox: Outbox<LogBody, LogPositions>): Promise<boolean> {
    let hasMore = false;
    for (const one of this.#readers.all) {
      const piece = await this.#readers.read(one, MAX_LOG_BATCH);
      if (!piece) continue;
      hasMore ||= piece.entries.length > 0;
      one.held = piece;
      await this.#put(outbox, one, piece);
    }
    await this.#takeDown(outbox);
    return hasMore;
  }

  /** Puts what was read to what waits, as far as it fits into one batch. */
  async #put(outbox: Outbox<LogBody, LogPositions>, one: RunningReader, piece: LogPiece): Promise<void> {
    const bytes = bytesOf(piece.entries);
    const { entries } = this.#waiting;
    if (entries.length + piece.entries.length > MAX_LOG_BATCH || this.#waiting.bytes + bytes > MAX_BATCH_BYTES)
      await this.#takeDown(outbox);
    this.#waiting.entries.push(...piece.entries);
    this.#waiting.bytes += bytes;
    this.#waiting.of.push(one);
    Object.assign(this.#waiting.positions, piece.positions);
  }

  /** Takes down what waits, and sends it. When that fails the readers hold it, and it is put together again in the next turn. */
  async #takeDown(outbox: Outbox<LogBody, LogPositions>): Promise<void> {
    const { entries, bytes, of, positions } = this.#waiting;
    this.#waiting = nothing();
    if (entries.length === 0) Object.assign(this.#loose, positions);
    else {
      const batches = bytes <= MAX_BATCH_BYTES ? [entries] : batchesOf(entries);
      const bodies = batches.map((batch, index): LogBody => {
        const isLast = index === batches.length - 1;
        return { positions: isLast ? { ...this.#loose, ...positions } : {}, entries: batch };
      });
      const taken = await outbox.appendAll(bodies, Date.now());
      this.#loose = {};
      count(entries);
      for (const one of taken) await this.#send(one);
    }
    for (const one of of) one.held = undefined;
  }

  async #send({ record, entry }: Taken<LogBody>): Promise<void> {
    if (!this.bus.online || !this.#delivery) return;
    const sending = this.#delivery.sendLive(record, entry).finally(() => this.#live.delete(sending));
    this.#live.add(sending);
    if (this.#live.size >= MAX_LIVE) await Promise.race(this.#live);
  }

  /** Saves where reading stands where no lines do: at the beginning of a file, say. */
  async #save(outbox: Outbox<LogBody, LogPositions>, isNow = false): Promise<void> {
    const now = performance.now();
    if (Object.keys(this.#loose).length === 0 || (!isNow && now - this.#savedAt < SAVE_MS)) return;
    const loose = this.#loose;
    await outbox.amend((sum) => standing(sum, loose));
    this.#loose = {};
    this.#savedAt = now;
  }

  /** Where lines were taken down and are gone, a line says so. */
  async #tellDamage(outbox: Outbox<LogBody, LogPositions>): Promise<void> {
    if (outbox.gaps.length === 0) return;
    const batches = outbox.gaps.reduce((sum, { lost }) => sum + (lost ? lost[1] - lost[0] + 1 : 0), 0);
    const message = 'lines of logs are lost: the outbox was damaged';
    const about = { time: Date.now(), source: 'service', name: 'collector', level: 'error', message } as const;
    await outbox.append({ positions: {}, entries: [{ ...about, fields: { batches: String(batches) } }] }, Date.now());
    await outbox.confirmGaps(outbox.gaps);
  }
}

function nothing(): { entries: LogEntry[]; bytes: number; of: RunningReader[]; positions: LogPositions } {
  return { entries: [], bytes: 0, of: [], positions: {} };
}

function count(entries: LogEntry[]): void {
  const bySource = new Map<string, number>();
  for (const { source, fields } of entries) {
    bySource.set(source, (bySource.get(source) ?? 0) + 1);
    if (fields['dropped']) dropped.inc({ source }, Number(fields['dropped']) || 0);
  }
  for (const [source, number] of bySource) lines.inc({ source }, number);
}
