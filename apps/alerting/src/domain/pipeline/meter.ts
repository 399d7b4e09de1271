import type { PayloadOf, PipelineMeasure, pipelineSampled } from '@lapwing/contracts';
import { Distribution } from './distribution.js';

const MINUTE_MS = 60_000;
/** So many minutes wait for a bus that is away; then the oldest is given up. */
const MAX_MINUTES = 60;

/** What was measured in one minute, as messages carry it. */
export type MeasuredMinute = Omit<PayloadOf<typeof pipelineSampled>, 'process'>;

interface Minute {
  measures: Map<PipelineMeasure, Distribution>;
  /** How many values there were when it was said last, and in all. */
  said: number;
  count: number;
}

/** Gathers what a process measures, minute by minute, and knows what of it is still to be said. Without a clock. */
export class PipelineMeter {
  readonly #minutes = new Map<number, Minute>();
  #newest = 0;
  #current: Minute | undefined;

  /**
   * Adds a value.
   * @param ms in milliseconds.
   * @param at when it was measured, milliseconds since 1970. A clock that goes back does not bring back a minute that is past.
   */
  add(measure: PipelineMeasure, ms: number, at: number): void {
    const minute = this.#current && at < this.#newest + MINUTE_MS ? this.#current : this.#begin(at);
    let distribution = minute.measures.get(measure);
    if (!distribution) minute.measures.set(measure, (distribution = new Distribution()));
    distribution.add(ms);
    minute.count++;
  }

  #begin(at: number): Minute {
    this.#newest = Math.floor(at / MINUTE_MS) * MINUTE_MS;
    this.#current = { measures: new Map(), said: 0, count: 0 };
    this.#minutes.set(this.#newest, this.#current);
    const [oldest] = this.#minutes.keys();
    if (this.#minutes.size > MAX_MINUTES && oldest !== undefined) this.#minutes.delete(oldest);
    return this.#current;
  }

  /** The minutes of which something was not said yet, whole, the oldest first. */
  unsaid(): { minute: MeasuredMinute; count: number }[] {
    return [...this.#minutes]
      .filter(([, { said, count }]) => count > said)
      .map(([minute, { measures, count }]) => ({ minute: { minute, measures: written(measures) }, count }));
  }

  /**
   * Notes that a minute was said as it stood when it had so many values. What is past and said is forgotten.
   * @param minute its beginning.
   */
  noteSaid(minute: number, count: number): void {
    const known = this.#minutes.get(minute);
    if (!known) return;
    known.said = Math.max(known.said, count);
    if (minute !== this.#newest && known.said === known.count) this.#minutes.delete(minute);
  }
}

function written(measures: ReadonlyMap<PipelineMeasure, Distribution>): MeasuredMinute['measures'] {
  return Object.fromEntries([...measures].map(([measure, distribution]) => [measure, distribution.written()]));
}
