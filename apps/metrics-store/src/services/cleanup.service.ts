import {
  LapwingError,
  addCleanupCounts,
  noCleanupCounts,
  type InputOf,
  type OutputOf,
  type cleanupRun,
  type rowsCount,
} from '@lapwing/contracts';
import type { Migrations, SweptRows } from '@lapwing/postgres';
import type { FollowedSettings } from '@lapwing/service';
import { classOf, isBefore, placeName, placeOf, type Piece } from '../domain/cleanup.js';
import type { CleanedSeries } from '../store/cleanup-chunk.store.js';
import type { CleanupStore } from '../store/cleanup.store.js';

type Question = InputOf<ReturnType<typeof cleanupRun>>;
type Answer = OutputOf<ReturnType<typeof cleanupRun>>;
type Done = SweptRows & { next: number | null };

/** So long one answer works; then whoever asks asks again. */
const TURN_MS = 5000;

/** Deletes samples and roll-ups that are past the time for which they are kept. */
export class CleanupService {
  constructor(
    private readonly migrations: Migrations,
    private readonly store: CleanupStore,
    private readonly settings: FollowedSettings,
  ) {}

  /** See `cleanupRun`. */
  async run({ before, dryRun, after }: Question): Promise<Answer> {
    this.#wantTables();
    const end = performance.now() + TURN_MS;
    const goOn = (): boolean => performance.now() < end;
    const place = placeOf(after);
    const series = await this.store.series();
    if (!dryRun && place === null) await series.forgetLate(before);
    const pieces = (await series.pieces(before)).filter((piece) => !place || !isBefore(piece, place));
    let counts = noCleanupCounts;
    for (const [index, piece] of pieces.entries()) {
      const isPlace = piece.series === place?.series && piece.starts === place.starts;
      const from = isPlace ? place.block : 0;
      const done = await this.#one(series, piece, { before, dryRun, from, goOn }).catch((error: unknown) => {
        // What is gone already is told; whoever asks again begins with this piece.
        if (index === 0) throw error;
        return null;
      });
      if (!done) return { counts, next: placeName({ ...piece, block: 0 }) };
      const { rows, bytes, next } = done;
      counts = addCleanupCounts(counts, { [classOf(piece.series)]: rows, bytes });
      if (next !== null) return { counts, next: placeName({ ...piece, block: next }) };
      const following = pieces[index + 1];
      if (following && !goOn()) return { counts, next: placeName({ ...following, block: 0 }) };
    }
    return { counts, next: null };
  }

  /** How many readings of graphics cards there are. */
  async rows(): Promise<OutputOf<ReturnType<typeof rowsCount>>> {
    this.#wantTables();
    return { tables: { gpuSamples: await this.store.gpuSamples(this.settings.keptSince(Date.now())) } };
  }

  async #one(
    series: CleanedSeries,
    piece: Piece,
    { before, dryRun, from, goOn }: { before: number; dryRun: boolean; from: number; goOn: () => boolean },
  ): Promise<Done> {
    if (dryRun) return { ...(await series.count(piece, before)), next: null };
    if (piece.ends <= before) return { ...(await series.drop(piece)), next: null };
    return series.deletePart(piece, before, from, goOn);
  }

  #wantTables(): void {
    if (!this.migrations.ready) throw new LapwingError('UNAVAILABLE', 'the database is not ready yet');
  }
}
