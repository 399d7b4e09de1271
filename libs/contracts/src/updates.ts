import { z } from 'zod';
import { event, request } from './define.js';
import { Actor } from './identity.js';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);

/** A version as Semantic Versioning 2.0 writes it, without build metadata and without a `v` before it. */
export const Version = z
  .string()
  .regex(
    /^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})(-(0|[1-9]\d{0,9}|\d{0,9}[A-Za-z-][0-9A-Za-z-]{0,19})(\.(0|[1-9]\d{0,9}|\d{0,9}[A-Za-z-][0-9A-Za-z-]{0,19})){0,4})?$/,
    'a version, e.g. 1.4.0 or 1.5.0-rc.1',
  );

/** Where releases come from: `stable` for everybody, `rc` for those who try the next one. */
export const ReleaseChannel = z.enum(['stable', 'rc']);
/** See {@link ReleaseChannel}. */
export type ReleaseChannel = z.infer<typeof ReleaseChannel>;

/**
 * How Lapwing was put on this machine. `systemd`: out of a release, under the guard that can switch versions. The others are updated
 * by whoever put them there.
 */
export const DeploymentType = z.enum(['systemd', 'docker', 'kubernetes', 'source']);
/** See {@link DeploymentType}. */
export type DeploymentType = z.infer<typeof DeploymentType>;

/** A release of a verified feed, for the platform of this server. */
export const Release = z.object({
  version: Version,
  channel: ReleaseChannel,
  /** Operating system and processor as Node names them, e.g. `linux-x64`. */
  platform: z.string().regex(/^[a-z0-9]{1,20}-[a-z0-9]{1,20}$/),
  releasedAt: Instant,
  /** Markdown. */
  notes: z.string().max(65_536),
  url: z.url({ protocol: /^https?$/ }).max(2000),
  /** Bytes of the archive. */
  size: z
    .int()
    .positive()
    .max(2 ** 40),
  /** SHA-256 of the archive, hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
/** See {@link Release}. */
export type Release = z.infer<typeof Release>;

/** What is known of releases. */
export const UpdateCheck = z.object({
  currentVersion: Version,
  channel: ReleaseChannel,
  deploymentType: DeploymentType,
  /** The newest release of the channel for this platform; null where none is known. */
  release: Release.nullable(),
  updateAvailable: z.boolean(),
  /** When the feed was read and believed; null when it never was. */
  checkedAt: Instant.nullable(),
  /** Why nothing is known, in one sentence: no feed is configured. */
  problem: z.string().nullable(),
});
/** See {@link UpdateCheck}. */
export type UpdateCheck = z.infer<typeof UpdateCheck>;

/**
 * Looks for a newer release. Answers are kept for six hours. `UPDATE_FEED_UNREACHABLE`, `UPDATE_FEED_INVALID` when the feed cannot be
 * believed.
 */
export const releaseCheck = request('req.updates.release.check.v1', {
  input: z.object({
    /** The configured one when it is missing. */
    channel: ReleaseChannel.optional(),
    force: z.boolean().default(false),
  }),
  output: UpdateCheck,
  deadlineMs: 25_000,
});

/** What brings this deployment to a version, for people to read or to run; `NOT_FOUND` for a version that no verified feed has. */
export const planGet = request('req.updates.plan.get.v1', {
  input: z.object({ version: Version, channel: ReleaseChannel.optional() }),
  output: z.object({
    version: Version,
    channel: ReleaseChannel,
    deploymentType: DeploymentType,
    /** Whether Lapwing does it by itself. */
    canApply: z.boolean(),
    /** Commands of a shell. */
    steps: z.array(z.string()),
  }),
  deadlineMs: 25_000,
});

/** What an attempt does: fetches an archive, brings a version into force, or goes back to the one before. */
export const AttemptAction = z.enum(['download', 'update', 'rollback']);
/** See {@link AttemptAction}. */
export type AttemptAction = z.infer<typeof AttemptAction>;

/** Where an attempt is, in order. */
export const AttemptStep = z.enum([
  'checking',
  'downloading',
  'verifying',
  'unpacking',
  'testing',
  'saving',
  'migrating',
  'restarting',
  'watching',
  'done',
]);
/** See {@link AttemptStep}. */
export type AttemptStep = z.infer<typeof AttemptStep>;

/** One attempt to change what runs, as history keeps it. */
export const UpdateAttempt = z.object({
  id: z.uuid(),
  action: AttemptAction,
  version: z.string(),
  versionFrom: z.string(),
  channel: ReleaseChannel,
  status: z.enum(['in_progress', 'success', 'failed', 'rolled_back', 'cancelled']),
  step: AttemptStep,
  /** Of the whole attempt, 0 to 100; never less than before. */
  progress: z.int().min(0).max(100),
  startedAt: Instant,
  completedAt: Instant.nullable(),
  /** Why it failed, in one sentence, and the code of the error. */
  error: z.string().nullable(),
  errorCode: z.string().nullable(),
  deploymentType: DeploymentType,
  initiatedBy: z.string(),
  /** Where the archive is on the server, once it was fetched and verified. */
  archive: z.string().nullable(),
  /** SHA-256 of the archive, hexadecimal, once it was fetched and verified. */
  sha256: z.string().nullable(),
});
/** See {@link UpdateAttempt}. */
export type UpdateAttempt = z.infer<typeof UpdateAttempt>;

/** An attempt has come further, or has ended. Key: the attempt. */
export const updateProgressed = event('evt.update.progressed.v1', null, UpdateAttempt, ({ id }) => id);

/**
 * Begins an attempt; what becomes of it is told by {@link updateProgressed} and in the history. `UPDATE_IN_PROGRESS` while another one runs
 * anywhere, `UPDATES_EXPIRED` when the licence does not cover it, `UPDATE_NOT_AVAILABLE` when there is nothing (newer) to get,
 * `UPDATE_NOT_SUPPORTED` where the deployment is changed by others, `INVALID_INPUT` for a `downloadUrl` that the feed does not name.
 */
export const attemptStart = request('req.updates.attempt.start.v1', {
  input: z.object({
    actor: Actor,
    action: AttemptAction,
    /** The newest of the channel when it is missing. */
    version: Version.optional(),
    channel: ReleaseChannel.optional(),
    /** Only compared: nothing but what the verified feed names is ever fetched. */
    downloadUrl: z.string().max(2000).optional(),
  }),
  output: UpdateAttempt,
  deadlineMs: 25_000,
});

/** The attempts, the newest first. */
export const attemptList = request('req.updates.attempt.list.v1', {
  input: z.object({
    limit: z.int().min(1).max(200),
    status: UpdateAttempt.shape.status.optional(),
    /** Only these; all without. */
    actions: z.array(AttemptAction).max(3).optional(),
  }),
  output: z.object({ attempts: z.array(UpdateAttempt) }),
});

/** One attempt; `NOT_FOUND`. */
export const attemptGet = request('req.updates.attempt.get.v1', {
  input: z.object({ id: z.uuid() }),
  output: UpdateAttempt,
});
