import type { UpdateAttempt, UpdateCheck } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../../http/answer.js';
import { isoSeconds } from '../../../../http/query.js';

/** Supascale's answer to a check; what is about a release is only there when there is a newer one. */
export const SystemUpdateView = z.object({
  currentVersion: z.string(),
  latestVersion: z.string(),
  updateAvailable: z.boolean(),
  releaseDate: isoTime.optional(),
  releaseNotes: z.string().optional(),
  downloadSize: z.int().optional(),
  warning: z.string().optional(),
});

/** A check as Supascale tells it. */
export function toSystemUpdateView(check: UpdateCheck): z.infer<typeof SystemUpdateView> {
  const { currentVersion, release, updateAvailable, problem } = check;
  const warning = problem === null ? {} : { warning: problem };
  if (!release || !updateAvailable)
    return { currentVersion, latestVersion: currentVersion, updateAvailable: false, ...warning };
  return {
    ...warning,
    currentVersion,
    latestVersion: release.version,
    updateAvailable: true,
    releaseDate: isoSeconds(release.releasedAt),
    releaseNotes: release.notes,
    downloadSize: release.size,
  };
}

const STEPS: Record<UpdateAttempt['step'], string> = {
  checking: 'checking',
  downloading: 'downloading',
  verifying: 'verifying',
  unpacking: 'applying',
  testing: 'applying',
  saving: 'applying',
  migrating: 'applying',
  restarting: 'restarting',
  watching: 'restarting',
  done: 'restarting',
};

/** How far an attempt is, as Supascale's stream tells it. */
export function toProgressEvent({ step, progress }: UpdateAttempt): { step: string; progress: number } {
  return { step: STEPS[step], progress };
}

/** How an attempt ended, as the last event of Supascale's stream; undefined while it is under way. */
export function toLastEvent(attempt: UpdateAttempt): { name: 'complete' | 'error'; data: object } | undefined {
  const { status, version, error, errorCode } = attempt;
  if (status === 'in_progress') return undefined;
  if (status === 'success') return { name: 'complete', data: { success: true, version } };
  return {
    name: 'error',
    data: { success: false, error: error ?? 'the update failed', code: errorCode ?? 'UPDATE_FAILED' },
  };
}
