import type { Delivery } from '@lapwing/bus';
import {
  LapwingError,
  pipelineMeasures,
  type MeasureStatistics,
  type OutputOf,
  type PayloadOf,
  type PipelineMeasure,
  type pipelineGet,
  type pipelineSampled,
} from '@lapwing/contracts';
import type { Migrations } from '@lapwing/postgres';
import { quarantineReason, type ClockWindow } from '../domain/admission.js';
import { statisticsOf } from '../domain/pipeline.js';
import type { MeasuredRow, PipelineStore } from '../store/pipeline.store.js';
import type { SampleStore } from '../store/sample.store.js';

type Report = PayloadOf<typeof pipelineSampled>;

const TABLE = { name: 'metrics.pipeline_sample' };
const MINUTE_MS = 60_000;
/** An answer is good for so long: new figures come every ten seconds. */
const KEPT_MS = 3000;
/** Windows that are asked for at once, or were lately. */
const MAX_KEPT = 16;

/** Stores what was measured of the pipeline, and says what it looks like. */
export class PipelineService {
  readonly #kept = new Map<number, { answer: Promise<OutputOf<typeof pipelineGet>>; at: number }>();
  /** One at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly migrations: Migrations,
    private readonly samples: SampleStore,
    private readonly pipeline: PipelineStore,
    private readonly window: () => ClockWindow,
  ) {}

  /** Stores reports. Throws `UNAVAILABLE` while the database is away: nothing is stored then. */
  async store(deliveries: Delivery<Report>[]): Promise<void> {
    if (!this.migrations.ready) throw new LapwingError('UNAVAILABLE', 'the database is not ready yet');
    const now = Date.now();
    const reports = deliveries
      .map(({ payload }) => payload)
      .filter(({ minute }) => quarantineReason(minute, now, this.window()) === null);
    await this.samples.ensurePartitions(
      reports.map(({ minute }) => minute),
      [TABLE],
    );
    await this.pipeline.write(rowsOf(reports));
  }

  /**
   * Statistics of each measure over the last so many minutes, as they were within the last seconds: everyone may ask, and whoever stores samples must
   * not wait for those who do. `UNAVAILABLE` while many others ask for other windows.
   */
  get(windowMinutes: number): Promise<OutputOf<typeof pipelineGet>> {
    const now = performance.now();
    for (const [minutes, { at }] of this.#kept) if (now - at > KEPT_MS) this.#kept.delete(minutes);
    const kept = this.#kept.get(windowMinutes);
    if (kept) return kept.answer;
    if (this.#kept.size >= MAX_KEPT) throw new LapwingError('UNAVAILABLE', 'too many ask for other windows: try again');
    const answer = this.#last.then(() => this.#read(windowMinutes));
    const entry = { answer, at: Number.POSITIVE_INFINITY };
    this.#kept.set(windowMinutes, entry);
    this.#last = answer.then(
      () => (entry.at = performance.now()),
      () => this.#kept.delete(windowMinutes),
    );
    return answer;
  }

  async #read(windowMinutes: number): Promise<OutputOf<typeof pipelineGet>> {
    if (!this.migrations.ready) throw new LapwingError('UNAVAILABLE', 'the database is not ready yet');
    const merged = await this.pipeline.since(new Date(Date.now() - windowMinutes * MINUTE_MS));
    const of = (measure: PipelineMeasure): MeasureStatistics | null => {
      const values = merged.get(measure);
      return values ? statisticsOf(values) : null;
    };
    const measures = Object.fromEntries(pipelineMeasures.map((measure) => [measure, of(measure)]));
    return { measures: measures as Record<PipelineMeasure, MeasureStatistics | null> };
  }
}

/** The rows of reports; of the same minute of the same process, the one that says most. */
function rowsOf(reports: readonly Report[]): MeasuredRow[] {
  const rows = new Map<string, MeasuredRow>();
  for (const { process, minute, measures } of reports)
    for (const [measure, distribution] of Object.entries(measures) as [
      PipelineMeasure,
      Report['measures']['watch'],
    ][]) {
      if (!distribution) continue;
      const count = distribution.counts.reduce((sum, one) => sum + one, 0);
      const key = `${process} ${measure} ${minute}`;
      if (count > (rows.get(key)?.count ?? 0))
        rows.set(key, { ...distribution, process, measure, time: minute, count });
    }
  return [...rows.values()];
}
