import { z } from 'zod';

/**
 * What the updater and the guard tell each other about a change of versions, in `journal.json` of the installation. On disk, because the guard has
 * no database, and because it must survive a power cut. The guard (deploy/guard/guard.mjs) knows the same form.
 */
export const Journal = z.object({
  schema: z.literal(1),
  attemptId: z.uuid(),
  /** Version that ran before, and the one that is to run. */
  from: z.string(),
  to: z.string(),
  /**
   * `ordered` by the updater; from then on the guard writes: `trial` while the new version must prove itself, `reverting` on the way back,
   * `done`.
   */
  phase: z.enum(['ordered', 'trial', 'reverting', 'done']),
  /** How often the new version was started. */
  starts: z.int().min(0),
  outcome: z.enum(['success', 'rolled_back']).nullable(),
  /** Why it was given up. */
  reason: z.string().max(2000).nullable(),
  /** When this was written, milliseconds since 1970. */
  at: z.number(),
});
/** See {@link Journal}. */
export type Journal = z.infer<typeof Journal>;

/** What the updater orders. */
export function orderOf(attemptId: string, from: string, to: string, at: number): Journal {
  return { schema: 1, attemptId, from, to, phase: 'ordered', starts: 0, outcome: null, reason: null, at };
}
