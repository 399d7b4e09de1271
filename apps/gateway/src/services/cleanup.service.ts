import type { Bus } from '@lapwing/bus';
import { LapwingError, cleanupGet, cleanupStart, isAway, type Actor, type Cleanup } from '@lapwing/contracts';
import { setTimeout as pause } from 'node:timers/promises';

const FIRST_LOOK_MS = 50;
const LOOK_MS = 1000;
/** So long the service that cleans up may be away in between. */
const PATIENCE_MS = 45_000;
/** So long a client is kept waiting. */
const MAX_MS = 3_600_000;

/** Has old data deleted, and waits for the end. */
export class CleanupService {
  constructor(private readonly bus: Bus) {}

  /**
   * Deletes what is past its time, or counts it. It goes on when nobody waits for it any more.
   * @throws LapwingError `CLEANUP_IN_PROGRESS`; `UNAVAILABLE` when not all could be done, with what was.
   */
  async run(actor: Actor, dryRun: boolean): Promise<Cleanup> {
    const { id } = await this.bus.request(cleanupStart, { actor, dryRun });
    const end = performance.now() + MAX_MS;
    let heardAt = performance.now();
    for (let wait = FIRST_LOOK_MS; performance.now() < end; wait = Math.min(wait * 2, LOOK_MS)) {
      await pause(wait);
      const cleanup = await this.#look(id, heardAt);
      if (cleanup === null) continue;
      heardAt = performance.now();
      if (cleanup.endedAt !== null) return finished(cleanup);
    }
    throw new LapwingError('TIMEOUT', 'the cleanup goes on, and took too long to wait for', { id });
  }

  async #look(id: number, heardAt: number): Promise<Cleanup | null> {
    try {
      return await this.bus.request(cleanupGet, { id });
    } catch (error) {
      if (!isAway(error) || performance.now() - heardAt > PATIENCE_MS) throw error;
      return null;
    }
  }
}

function finished(cleanup: Cleanup): Cleanup {
  const { fault, dryRun, counts } = cleanup;
  if (fault === null) return cleanup;
  const what = dryRun ? 'not all could be counted' : 'not all could be deleted';
  throw new LapwingError('UNAVAILABLE', `${what}: ${fault}`, {
    dry_run: dryRun,
    [dryRun ? 'counted' : 'deleted']: counts,
  });
}
