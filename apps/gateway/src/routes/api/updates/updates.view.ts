import type { UpdateAttempt, UpdateCheck } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';

/** Pulse's answer to a check. */
export const CheckView = z.object({
  available: z.boolean(),
  currentVersion: z.string(),
  latestVersion: z.string(),
  releaseNotes: z.string(),
  releaseDate: isoTime.optional(),
  downloadUrl: z.string(),
  isPrerelease: z.boolean(),
  channel: z.enum(['stable', 'rc']),
  deploymentType: z.string(),
  instructions: z.array(z.string()),
  checkedAt: isoTime.nullable(),
  warning: z.string().optional(),
});

/** Pulse's state of the updater. */
export const StatusView = z.object({
  status: z.enum(['idle', 'checking', 'downloading', 'installing', 'completed', 'error']),
  progress: z.int(),
  message: z.string(),
  error: z.string().optional(),
  updatedAt: isoTime,
});
type StatusView = z.infer<typeof StatusView>;

/** Pulse's entry of the history. */
export const AttemptView = z.object({
  id: z.string(),
  action: z.enum(['download', 'update', 'rollback']),
  version: z.string(),
  versionFrom: z.string(),
  channel: z.enum(['stable', 'rc']),
  status: z.enum(['in_progress', 'success', 'failed', 'rolled_back', 'cancelled']),
  step: z.string(),
  progress: z.int(),
  startedAt: isoTime,
  completedAt: isoTime.nullable(),
  error: z.string().nullable(),
  errorCode: z.string().nullable(),
  deploymentType: z.string(),
  initiatedBy: z.string(),
});

/** A version as Pulse writes it. */
export function tagged(version: string): string {
  return version === '' ? '' : `v${version}`;
}

/** A check as Pulse tells it. */
export function toCheckView(check: UpdateCheck, instructions: string[]): z.infer<typeof CheckView> {
  const { release, currentVersion, updateAvailable, channel, deploymentType, checkedAt, problem } = check;
  const latest = release?.version ?? currentVersion;
  return {
    available: updateAvailable,
    currentVersion: tagged(currentVersion),
    latestVersion: tagged(latest),
    releaseNotes: release?.notes ?? '',
    ...(release && { releaseDate: isoSeconds(release.releasedAt) }),
    downloadUrl: release?.url ?? '',
    isPrerelease: latest.includes('-'),
    channel,
    deploymentType,
    instructions,
    checkedAt: checkedAt === null ? null : isoSeconds(checkedAt),
    ...(problem !== null && { warning: problem }),
  };
}

const STATES: Record<UpdateAttempt['step'], StatusView['status']> = {
  checking: 'checking',
  downloading: 'downloading',
  verifying: 'downloading',
  unpacking: 'installing',
  testing: 'installing',
  saving: 'installing',
  migrating: 'installing',
  restarting: 'installing',
  watching: 'installing',
  done: 'installing',
};

const DOING: Record<UpdateAttempt['step'], string> = {
  checking: 'looking for the release',
  downloading: 'fetching the archive',
  verifying: 'the archive is what was signed',
  unpacking: 'unpacking the archive',
  testing: 'the new version looks at itself',
  saving: 'saving the configuration',
  migrating: 'bringing the database up to date',
  restarting: 'starting the other version',
  watching: 'watching whether it becomes ready',
  done: 'done',
};

/** The state of the updater, out of the newest attempt: the one that is under way, or how the last one ended. */
export function toStatusView(attempt: UpdateAttempt | undefined, now: number): StatusView {
  if (!attempt) return { status: 'idle', progress: 0, message: 'no update was tried yet', updatedAt: isoSeconds(now) };
  const { status, step, progress, completedAt, action, version, error } = attempt;
  const about = action === 'rollback' ? `going back to ${tagged(version)}` : `update to ${tagged(version)}`;
  const updatedAt = isoSeconds(completedAt ?? now);
  if (status === 'in_progress')
    return { status: STATES[step], progress, message: `${about}: ${DOING[step]}`, updatedAt };
  if (status === 'success') {
    const message =
      action === 'download' ? `${tagged(version)} is on this server, verified` : `${tagged(version)} runs`;
    return { status: 'completed', progress: 100, message, updatedAt };
  }
  const ended = status === 'rolled_back' ? 'was rolled back' : 'failed';
  return { status: 'error', progress, message: `${about} ${ended}`, error: error ?? ended, updatedAt };
}

/** What sockets are told of an attempt. Not why it failed: that is for those who may read the history, and sockets are for many. */
export function toProgressMessage(attempt: UpdateAttempt): StatusView & { id: string; version: string; step: string } {
  const { error: _, ...status } = toStatusView(attempt, Date.now());
  return { ...status, id: attempt.id, version: tagged(attempt.version), step: attempt.step };
}

/** An attempt as Pulse's history has it. */
export function toAttemptView(attempt: UpdateAttempt): z.infer<typeof AttemptView> {
  const { id, action, version, versionFrom, channel, status, step, progress } = attempt;
  const { startedAt, completedAt, error, errorCode, deploymentType, initiatedBy } = attempt;
  return {
    id,
    action,
    version: tagged(version),
    versionFrom: tagged(versionFrom),
    channel,
    status,
    step,
    progress,
    startedAt: isoSeconds(startedAt),
    completedAt: completedAt === null ? null : isoSeconds(completedAt),
    error,
    errorCode,
    deploymentType,
    initiatedBy,
  };
}
