import type { Bus } from '@lapwing/bus';
import { pipelineMeasures, pipelineSampled, type PipelineMeasure } from '@lapwing/contracts';
import { createLogger, describeError, histogram } from '@lapwing/telemetry';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { Change } from '../domain/engine.js';
import { PipelineMeter } from '../domain/pipeline/meter.js';
import { elapsed, isLive, type Passage } from '../domain/pipeline/passage.js';

const REPORT_MS = 10_000;
/** So many messages that are decided and not handed over yet are followed: a storm makes one for each group and channel. */
const MAX_FOLLOWED = 10_000;

const seconds = histogram<'measure'>({
  name: 'lapwing_alerting_pipeline_seconds',
  help: 'The way from a sample to a message: how long stages took, and what lay between the ends of two',
  labelNames: ['measure'],
});
/** Collectors show `watch` themselves, and `detect` is shorter than the shortest bucket: that would cost more than it tells. */
const shown = pipelineMeasures.filter((measure) => measure !== 'watch' && measure !== 'detect');
const histograms = new Map(shown.map((measure) => [measure as PipelineMeasure, seconds.labels({ measure })]));

/** A sample that was judged. */
export interface JudgedSample {
  /** When it was taken, and when the stream got it: milliseconds since 1970. */
  takenAt: number;
  storedAt: number;
  /** How long taking it took, where its collector says so. */
  collectMs: number | undefined;
  /** How long judging it took. */
  judgedMs: number;
  /** What came of it. */
  changes: readonly Change[];
}

/** What is told, with how it came here; null where that does not count. */
export interface Decided {
  watchedAt: number | null;
  batchedAt: number | null;
  /** The first message that tells it; undefined where nobody is to be told. */
  deliveryId: string | undefined;
}

interface Analysis {
  watchedAt: number;
  batchedAt: number;
  /** When analysis began, by the monotonic clock. */
  beganAt: number;
}

/** Measures the way from samples to messages, and says every ten seconds what it measured. */
export class PipelineService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #log = createLogger('alerting', 'pipeline');
  readonly #meter = new PipelineMeter();
  readonly #judgingSince = Date.now();
  /** What each message that is to be handed over tells. */
  readonly #analyses = new Map<string, Analysis[]>();
  #timer: NodeJS.Timeout | undefined;
  #reporting: Promise<void> = Promise.resolve();

  /** @param process names this process. */
  constructor(
    private readonly bus: Bus,
    private readonly process: string,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => this.#reportLater(), REPORT_MS);
  }

  /** After all that measures has stopped, and before the bus has. */
  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    this.#reportLater();
    await this.#reporting;
  }

  /** A sample was judged: what fired because of it takes along when. */
  judged({ takenAt, storedAt, collectMs, judgedMs, changes }: JudgedSample): void {
    if (!isLive(takenAt, storedAt, this.#judgingSince)) return;
    const now = Date.now();
    if (collectMs !== undefined) this.#measure('watch', collectMs, now);
    this.#measure('detect', judgedMs, now);
    this.#measure('watchToDetect', elapsed(takenAt + (collectMs ?? 0), now), now);
    const passage: Passage = { watchedAt: takenAt, detectedAt: now };
    for (const change of changes) if (change.kind === 'fired') change.passage = passage;
  }

  /**
   * What fired was put into incidents.
   * @param tookMs how long that took.
   * @param batchedAt when it was done.
   * @param detectedAt when each was judged; null where that does not count.
   */
  batched(tookMs: number, batchedAt: number, detectedAt: readonly (number | null)[]): void {
    for (const at of detectedAt) {
      if (at === null) continue;
      this.#measure('batch', tookMs, batchedAt);
      this.#measure('detectToBatch', elapsed(at, batchedAt), batchedAt);
    }
  }

  /**
   * It was decided that something is told: its analysis ends when the message is handed over, or here where nobody is to be told.
   * @param beganAt when deciding began, by the monotonic clock.
   */
  decided(told: readonly Decided[], beganAt: number): void {
    for (const { watchedAt, batchedAt, deliveryId } of told) {
      if (watchedAt === null || batchedAt === null) continue;
      const analysis = { watchedAt, batchedAt, beganAt };
      if (deliveryId === undefined) this.#analyzed(analysis);
      else this.#analyses.set(deliveryId, [...(this.#analyses.get(deliveryId) ?? []), analysis]);
    }
    for (const id of this.#analyses.keys()) {
      if (this.#analyses.size <= MAX_FOLLOWED) break;
      this.#analyses.delete(id);
    }
  }

  /** A message was handed over to those who deliver. */
  handedOver(deliveryId: string): void {
    for (const analysis of this.#analyses.get(deliveryId) ?? []) this.#analyzed(analysis);
    this.#analyses.delete(deliveryId);
  }

  #analyzed({ watchedAt, batchedAt, beganAt }: Analysis): void {
    const now = Date.now();
    this.#measure('analyze', performance.now() - beganAt, now);
    this.#measure('batchToAnalyze', elapsed(batchedAt, now), now);
    this.#measure('total', elapsed(watchedAt, now), now);
  }

  #measure(measure: PipelineMeasure, ms: number, at: number): void {
    this.#meter.add(measure, ms, at);
    histograms.get(measure)?.observe(ms / 1000);
  }

  #reportLater(): void {
    this.#reporting = this.#reporting.then(() => this.#report());
  }

  /** What could not be said is said with the next report: each tells its minute whole. */
  async #report(): Promise<void> {
    try {
      for (const { minute, count } of this.#meter.unsaid()) {
        await this.bus.publish(pipelineSampled, this.process, { process: this.process, ...minute });
        this.#meter.noteSaid(minute.minute, count);
      }
    } catch (error) {
      this.#log.debug({ error: describeError(error) }, 'what was measured could not be said, trying again');
    }
  }
}
