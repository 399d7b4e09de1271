import { noCleanupCounts, type InputOf, type OutputOf, type cleanupRun, type rowsCount } from '@lapwing/contracts';
import type { FollowedSettings } from '@lapwing/service';
import type { CleanupStore, Stretch } from '../store/cleanup.store.js';

type Question = InputOf<ReturnType<typeof cleanupRun>>;
type Answer = OutputOf<ReturnType<typeof cleanupRun>>;

/** So long one answer works; then whoever asks asks again. */
const TURN_MS = 5000;

/** Deletes lines that are past the time for which they are kept. */
export class CleanupService {
  constructor(
    private readonly store: CleanupStore,
    private readonly settings: FollowedSettings,
  ) {}

  /** See `cleanupRun`. A place is where a stretch begins, and how far it was done. */
  async run({ before, dryRun, after }: Question): Promise<Answer> {
    const end = performance.now() + TURN_MS;
    const goOn = (): boolean => performance.now() < end;
    const [begin = Number.NEGATIVE_INFINITY, done = 0] = (after?.split(' ') ?? []).map(Number);
    const stretches = (await this.store.stretches(before)).filter(({ starts }) => !(starts < begin));
    const counts = { ...noCleanupCounts };
    const answer = (starts: number, at: number): Answer => ({ counts, next: `${starts} ${at}` });
    for (const [index, stretch] of stretches.entries()) {
      const from = stretch.starts === begin ? done : 0;
      const one = await this.#one(stretch, { before, dryRun, from, goOn }).catch((error: unknown) => {
        // What is gone already is told; whoever asks again begins with this stretch.
        if (index === 0) throw error;
        return null;
      });
      if (!one) return answer(stretch.starts, 0);
      const { rows, bytes, next } = one;
      counts.logs += rows;
      counts.bytes += bytes;
      if (next !== null) return answer(stretch.starts, next);
      const following = stretches[index + 1];
      if (following && !goOn()) return answer(following.starts, 0);
    }
    if (!dryRun) await this.store.forgetVolume(before);
    return { counts, next: null };
  }

  /** How many lines there are. */
  async rows(): Promise<OutputOf<ReturnType<typeof rowsCount>>> {
    return { tables: { logLines: await this.store.lines(this.settings.keptSince(Date.now())) } };
  }

  async #one(
    stretch: Stretch,
    { before, dryRun, from, goOn }: { before: number; dryRun: boolean; from: number; goOn: () => boolean },
  ): Promise<{ rows: number; bytes: number; next: number | null }> {
    if (dryRun) return { ...(await this.store.count(stretch, before)), next: null };
    if (stretch.ends <= before) return { ...(await this.store.drop(stretch)), next: null };
    return this.store.deletePart(stretch, before, from, goOn);
  }
}
