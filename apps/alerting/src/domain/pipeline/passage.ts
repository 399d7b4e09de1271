/** What is sent longer after it was taken than this is back-fill, as in the ledger: it says nothing of how fast the pipeline is. */
const BACKFILL_MS = 60_000;

/** When something passed the first stages, milliseconds since 1970. */
export interface Passage {
  /** When collecting the sample began, by the host's clock. */
  watchedAt: number;
  /** When it was judged. */
  detectedAt: number;
}

/** Milliseconds from one instant to another; 0 where clocks that differ make it less. */
export const elapsed = (from: number, to: number): number => Math.max(0, to - from);

/**
 * Whether how long a sample took says something of the pipeline: not back-fill, and not what lay in the stream for more than a minute before there was
 * anybody to judge it. All times in milliseconds since 1970.
 * @param takenAt when it was taken.
 * @param storedAt when the stream got it.
 * @param judgingSince since when this process judges.
 */
export const isLive = (takenAt: number, storedAt: number, judgingSince: number): boolean =>
  storedAt - takenAt <= BACKFILL_MS && storedAt >= judgingSince - BACKFILL_MS;
