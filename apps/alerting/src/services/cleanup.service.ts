import { noCleanupCounts, type InputOf, type OutputOf, type cleanupRun, type rowsCount } from '@lapwing/contracts';
import type { FollowedSettings } from '@lapwing/service';
import type { CleanupStore, Gone } from '../store/cleanup.store.js';

type Question = InputOf<ReturnType<typeof cleanupRun>>;
type Answer = OutputOf<ReturnType<typeof cleanupRun>>;

/** So long one answer works; then whoever asks asks again. */
const TURN_MS = 5000;
const ALERTS = 'alerts';
const INCIDENTS = 'incidents';

const none: Gone = { rows: 0, bytes: 0 };

/** Deletes alerts and incidents that are past the time for which they are kept. */
export class CleanupService {
  constructor(
    private readonly store: CleanupStore,
    private readonly settings: FollowedSettings,
  ) {}

  /** See `cleanupRun`. */
  async run({ before, dryRun, after }: Question): Promise<Answer> {
    if (dryRun) {
      const { alerts, incidents } = await this.store.count(before);
      return { counts: countsOf(alerts, incidents), next: null };
    }
    const isLast = after === INCIDENTS;
    const { isAll, ...deleted } = await this.#delete(() =>
      isLast ? this.store.deleteIncidents(before) : this.store.deleteAlerts(before),
    );
    return {
      counts: isLast ? countsOf(none, deleted) : countsOf(deleted, none),
      next: isLast && isAll ? null : isLast || isAll ? INCIDENTS : ALERTS,
    };
  }

  /** How many alerts and incidents there are. */
  async rows(): Promise<OutputOf<ReturnType<typeof rowsCount>>> {
    return { tables: await this.store.rows(this.settings.keptSince(Date.now())) };
  }

  /** Piece by piece, as long as the turn lasts. */
  async #delete(piece: () => Promise<Gone>): Promise<Gone & { isAll: boolean }> {
    const end = performance.now() + TURN_MS;
    const sum = { ...none, isAll: false };
    try {
      while (!sum.isAll && performance.now() < end) {
        const { rows, bytes } = await piece();
        sum.rows += rows;
        sum.bytes += bytes;
        sum.isAll = rows === 0;
      }
    } catch (error) {
      // What is gone already is told; whoever asks again goes on.
      if (sum.rows === 0) throw error;
    }
    return sum;
  }
}

function countsOf(alerts: Gone, incidents: Gone): Answer['counts'] {
  return { ...noCleanupCounts, detections: alerts.rows, events: incidents.rows, bytes: alerts.bytes + incidents.bytes };
}
