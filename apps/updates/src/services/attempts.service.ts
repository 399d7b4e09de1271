import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  auditOccurred,
  updateProgressed,
  type AttemptAction,
  type AttemptStep,
  type DeploymentType,
  type InputOf,
  type Release,
  type UpdateAttempt,
  type attemptStart,
} from '@lapwing/contracts';
import type { Postgres } from '@lapwing/postgres';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { progressOf } from '../domain/attempt.js';
import { orderOf } from '../domain/journal.js';
import { isNewer } from '../domain/version.js';
import type { AttemptStore, Outcome } from '../store/attempt.store.js';
import type { Installation } from '../store/installation.js';
import type { ArchivesService } from './archives.service.js';
import type { FeedService } from './feed.service.js';
import { failureOf, prepare, putInPlace, type InstallingParts } from './installing.js';
import { ReconcileService } from './reconcile.service.js';

/** See {@link AttemptsService}. */
export interface AttemptsParts {
  bus: Bus;
  postgres: Postgres;
  store: AttemptStore;
  feed: FeedService;
  archives: ArchivesService;
  /** Missing where the deployment is changed by others. */
  installation: Installation | undefined;
  backups: string;
  environmentFile: string | undefined;
  /** Names this machine and what is installed on it: its journal is found there alone. */
  place: string;
  version: string;
  deploymentType: DeploymentType;
  /** Throws `UPDATES_EXPIRED` when the licence does not cover new releases. */
  wantUpdates: () => Promise<void>;
}

type Start = InputOf<typeof attemptStart>;

/** How often progress within a step is told at most. */
const TELL_MS = 300;
const BEAT_MS = 5000;
/** Whoever holds connections of watchers hands them to the guard meanwhile. */
const HAND_OVER_MS = 1500;
const END_TRIES = 600;
/** Steps in which nothing was begun yet that another attempt would trip over. */
const GIVES_WAY: AttemptStep[] = ['checking', 'downloading', 'verifying'];

/** An attempt that this process is at work on. */
interface Active {
  attempt: UpdateAttempt;
  abort: AbortController;
  toldAt: number;
  /** Whether another attempt takes its place. */
  isCancelled?: boolean;
}

/** Begins attempts to change what runs, one at a time over all replicas, and sees to it that history tells what became of each. */
export class AttemptsService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('updates', 'attempts');
  readonly #holder: string;
  readonly #reconcile: ReconcileService;
  #active: Active | undefined;
  readonly #running = new Set<Promise<void>>();

  constructor(private readonly parts: AttemptsParts) {
    this.#holder = `${parts.place} ${randomUUID()}`;
    this.#reconcile = new ReconcileService(parts.store, parts.installation, {
      holder: this.#holder,
      place: parts.place,
      isOurs: (id) => this.#active?.attempt.id === id,
      tell: (attempt) => this.#tell(attempt),
      finish: (id, outcome) => this.#finish(id, outcome),
    });
  }

  onApplicationBootstrap(): void {
    this.#reconcile.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.#active?.abort.abort();
    await Promise.all(this.#running);
    await this.#reconcile.stop();
  }

  /** Begins an attempt. What is refused leaves an entry in the history, too. */
  async start(input: Start): Promise<UpdateAttempt> {
    const { action, channel = this.parts.feed.channel } = input;
    if (action === 'rollback') await this.#giveWay();
    const id = randomUUID();
    const { version = '', actor } = input;
    const { deploymentType } = this.parts;
    const opening = { id, action, version, versionFrom: this.parts.version, channel, deploymentType };
    if (action !== 'download' && !this.parts.installation) {
      const refusal = await this.#notSupported();
      await this.parts.store.refuse({ ...opening, initiatedBy: actor.name }, refusal);
      throw refusal;
    }
    const attempt = await this.parts.store.begin({ ...opening, initiatedBy: actor.name, holder: this.#holder });
    if (!attempt) {
      const known = version || ((await this.parts.feed.check(channel).catch(() => undefined))?.release?.version ?? '');
      const refusal = new LapwingError('UPDATE_IN_PROGRESS');
      await this.parts.store.refuse({ ...opening, version: known, initiatedBy: actor.name }, refusal);
      throw refusal;
    }
    const abort = new AbortController();
    const active: Active = { attempt, abort, toldAt: 0 };
    this.#active = active;
    try {
      const target = action === 'rollback' ? await this.#former(input.version) : await this.#release(input, channel);
      const named = await this.parts.store.name(id, target.version);
      if (named) active.attempt = named;
      const running = this.#run(active, target).finally(() => this.#running.delete(running));
      this.#running.add(running);
      return active.attempt;
    } catch (error) {
      if (this.#active === active) this.#active = undefined;
      await this.#refused(id, error);
      throw error;
    }
  }

  /** Whoever wants to go back need not wait for an archive that is being fetched. */
  async #giveWay(): Promise<void> {
    const active = this.#active;
    if (!active || !GIVES_WAY.includes(active.attempt.step)) return;
    active.isCancelled = true;
    active.abort.abort();
    await Promise.all(this.#running);
  }

  /** Nothing newer is there: that was no attempt. Everything else is told. */
  async #refused(id: string, error: unknown): Promise<void> {
    const failure = error instanceof LapwingError ? error : new LapwingError('INTERNAL');
    const { version } = failure.details;
    if (failure.code === 'UPDATE_NOT_AVAILABLE' && version === this.parts.version) return this.parts.store.forget(id);
    if (typeof version === 'string') await this.parts.store.name(id, version);
    await this.#finish(id, { status: 'failed', error: failure.message, errorCode: failure.code });
  }

  async #notSupported(): Promise<LapwingError> {
    const { feed, deploymentType } = this.parts;
    // The refusal stands, whether a feed can be read or not.
    const { release } = await feed.check().catch(() => ({ release: null }));
    const plan = release && (await feed.plan(release.version).catch(() => undefined));
    const message = `this deployment (${deploymentType}) does not update itself: see GET /api/updates/plan`;
    return new LapwingError('UPDATE_NOT_SUPPORTED', message, {
      deploymentType,
      ...(plan && { version: plan.version, steps: plan.steps }),
    });
  }

  /** The release that is asked for. Only what the verified feed names is ever fetched. */
  async #release({ version, downloadUrl }: Start, channel: Release['channel']): Promise<Release> {
    await this.parts.wantUpdates();
    const { feed } = this.parts;
    const release = await (downloadUrl === undefined
      ? feed.release(channel, version)
      : feed.releaseAt(downloadUrl, version));
    if (isNewer(release.version, this.parts.version)) return release;
    const { version: current } = this.parts;
    const hint =
      release.version === current ? 'runs already' : `is older than ${current}, which runs: go back with a rollback`;
    throw new LapwingError('UPDATE_NOT_AVAILABLE', `${release.version} ${hint}`, { version: release.version });
  }

  /** The version to go back to. */
  async #former(version: string | undefined): Promise<{ version: string }> {
    const { installation, version: current } = this.parts;
    const there = (await installation?.proven()) ?? [];
    const former = version ?? there.find((one) => isNewer(current, one));
    if (former !== undefined && there.includes(former) && isNewer(current, former)) return { version: former };
    const older = there.filter((one) => isNewer(current, one));
    const hint =
      older.length > 0 ? `there are ${older.join(', ')}` : 'there is no older version on this server that has run';
    throw new LapwingError('NOT_FOUND', `no version ${version ?? 'before'} to go back to: ${hint}`);
  }

  async #run(active: Active, target: Release | { version: string }): Promise<void> {
    const { id } = active.attempt;
    const beat = setInterval(() => void this.parts.store.beat(id, this.#holder).catch(() => {}), BEAT_MS);
    try {
      const { action } = active.attempt;
      if ('url' in target) await this.#fetch(active, target);
      if (action === 'download') await this.#finish(id, { status: 'success' });
      else await this.#bringIntoForce(active, target);
    } catch (error) {
      await this.#failed(active, error);
    } finally {
      clearInterval(beat);
      // Since its end was noted, another one may have begun.
      if (this.#active === active) this.#active = undefined;
    }
  }

  async #fetch(active: Active, release: Release): Promise<void> {
    const { abort, attempt } = active;
    await this.#advance(active, 'downloading');
    const archive = await this.parts.archives.get(release, abort.signal, (share) => {
      void this.#advance(active, 'downloading', share).catch(() => {});
    });
    // Its hash was compared on the way.
    await this.#advance(active, 'verifying', 1, { archive, sha256: release.sha256 });
    this.#log.info({ attempt: attempt.id, version: release.version, archive }, 'archive fetched and verified');
  }

  async #bringIntoForce(active: Active, target: Release | { version: string }): Promise<void> {
    const { installation } = this.parts;
    if (!installation) throw new LapwingError('UPDATE_NOT_SUPPORTED');
    const { attempt, abort } = active;
    const parts: InstallingParts = {
      installation,
      postgres: this.parts.postgres,
      backups: this.parts.backups,
      environmentFile: this.parts.environmentFile,
      signal: abort.signal,
      advance: (step, share) => this.#advance(active, step, share),
    };
    const isNew = 'url' in target;
    const { version } = target;
    const folder = isNew
      ? await putInPlace(active.attempt.archive ?? '', target, parts)
      : installation.release(version);
    await prepare(folder, { version, attemptId: attempt.id, migrates: isNew }, parts);
    await this.#advance(active, 'restarting');
    await pause(HAND_OVER_MS, undefined, { signal: abort.signal });
    await installation.order(orderOf(attempt.id, this.parts.version, version, Date.now()));
    this.#log.warn({ attempt: attempt.id, version }, 'the guard is to start another version');
  }

  async #failed(active: Active, error: unknown): Promise<void> {
    const { attempt, abort } = active;
    const { step, id } = attempt;
    if (active.isCancelled)
      return this.#finish(id, { status: 'cancelled', error: `given up while ${step}, to go back to another version` });
    if (abort.signal.aborted) {
      const message = `interrupted while ${step}: the service was stopped`;
      return this.#finish(id, { status: 'failed', error: message, errorCode: 'UPDATE_FAILED' });
    }
    const failure = failureOf(error, step);
    if (!failure) this.#log.error({ error: describeError(error), attempt: id, step }, 'an attempt failed');
    const { message, code } = failure ?? new LapwingError('INTERNAL', `internal error while ${step}`);
    await this.#clear();
    await this.#finish(id, { status: 'failed', error: message, errorCode: code });
  }

  /** Takes away what was unpacked in vain: on a full disk others need the room. */
  async #clear(): Promise<void> {
    const { installation, version } = this.parts;
    await installation?.prune([version]).catch((error: unknown) => {
      this.#log.warn({ error: describeError(error) }, 'what was unpacked could not be removed');
    });
  }

  /** Notes and tells how far it is; within a step not too often. Throws when the attempt is no longer this process's. */
  async #advance(
    active: Active,
    step: AttemptStep,
    share = 0,
    more: { archive?: string; sha256?: string } = {},
  ): Promise<void> {
    const now = performance.now();
    const { attempt } = active;
    if (step === attempt.step && share > 0 && share < 1 && now - active.toldAt < TELL_MS) return;
    active.toldAt = now;
    const progress = progressOf(attempt.action, step, share);
    active.attempt = { ...attempt, step };
    const told = await this.parts.store.advance(attempt.id, this.#holder, { step, progress, ...more });
    if (!told) throw new LapwingError('UPDATE_FAILED', 'another process has taken the attempt over');
    if (active.attempt.step === step) active.attempt = told;
    await this.#tell(told);
  }

  async #tell(attempt: UpdateAttempt): Promise<void> {
    this.parts.bus.announce(updateProgressed, attempt.id, attempt);
  }

  /** Ends an attempt, however long the database is away, and tells. */
  async #finish(id: string, outcome: Outcome): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const ended = await this.parts.store.end(id, outcome);
        if (ended) await this.#told(ended);
        return;
      } catch (error) {
        if (
          !(error instanceof LapwingError) ||
          error.code !== 'UNAVAILABLE' ||
          attempt === END_TRIES ||
          this.#active?.abort.signal.aborted
        ) {
          this.#log.error({ error: describeError(error), attempt: id, ...outcome }, 'how an attempt ended is not kept');
          return;
        }
        await pause(1000);
      }
    }
  }

  async #told(attempt: UpdateAttempt): Promise<void> {
    const { id, action, version, versionFrom, status, error } = attempt;
    this.#log[status === 'success' ? 'info' : 'warn'](
      { attempt: id, action, version, status, error },
      'an attempt ended',
    );
    await this.#tell(attempt);
    if (action === 'download') return;
    const eventId = randomUUID();
    await this.parts.bus
      .publish(
        auditOccurred,
        'updates',
        {
          type: 'update',
          action: status,
          target: version,
          details: { from: versionFrom, ...(error && { error }) },
          eventId,
          time: Date.now(),
          actor: { name: attempt.initiatedBy, userId: null, address: '' },
        },
        eventId,
      )
      .catch((failure: unknown) =>
        this.#log.error({ error: describeError(failure), attempt: id }, 'not in the audit trail'),
      );
  }

  /** The attempts, the newest first. */
  list(limit: number, status?: UpdateAttempt['status'], actions?: AttemptAction[]): Promise<UpdateAttempt[]> {
    return this.parts.store.list(limit, status, actions);
  }

  /** One attempt. `NOT_FOUND`. */
  async get(id: string): Promise<UpdateAttempt> {
    const attempt = await this.parts.store.find(id);
    if (!attempt) throw new LapwingError('NOT_FOUND', `no attempt "${id}"`);
    return attempt;
  }
}
