import { Shares, type Bus, type Leases, type Worker } from '@lapwing/bus';
import {
  LapwingError,
  addCleanupCounts,
  auditOccurred,
  cleanedServices,
  cleanupRun,
  isAway,
  noCleanupCounts,
  type Actor,
  type CleanedService,
  type Cleanup,
  type CleanupCounts,
  type InputOf,
  type OutputOf,
  type SystemSettings,
  type cleanupStart,
} from '@lapwing/contracts';
import type { Finding } from '@lapwing/service';
import { counter, createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { cutoff, isLate, nextDue } from '../domain/schedule.js';
import type { CleanupStore } from '../store/cleanup.store.js';
import { fileClasses, type DataFolder } from '../store/data-folder.js';
import type { StorageService } from './storage.service.js';

const LEASE = 'settings.cleanup';
const LOOK_MS = 5000;
const BEAT_MS = 5000;
const TRIES = 4;
const TRY_AGAIN_MS = 500;
const MAX_FILES = 500_000;

const deletedTotal = counter<'class'>({
  name: 'lapwing_cleanup_deleted_total',
  help: 'Rows and files that cleanups deleted, by class; the class "bytes" is what they took',
  labelNames: ['class'],
});

const runsTotal = counter<'outcome'>({
  name: 'lapwing_cleanup_runs_total',
  help: 'Cleanups by how they ended: done or failed; dry runs count, too',
  labelNames: ['outcome'],
});
for (const name of Object.keys(noCleanupCounts)) deletedTotal.inc({ class: name }, 0);
for (const outcome of ['done', 'failed']) runsTotal.inc({ outcome }, 0);

/** What cleanups need. */
export interface CleanupParts {
  bus: Bus;
  leases: Leases;
  store: CleanupStore;
  folder: DataFolder;
  storage: StorageService;
  settings: () => Promise<SystemSettings>;
}

/** A cleanup that this process does. */
interface Run {
  cleanup: Cleanup;
  before: number;
  counts: CleanupCounts;
  faults: string[];
  /** Nobody may go on any more: the process ends, or another has taken over. */
  isOver: boolean;
}

/** Has everybody delete what is past the time for which it is kept: once a day, and when somebody asks. */
export class CleanupService implements OnApplicationBootstrap, OnModuleDestroy, Worker {
  readonly #log = createLogger('settings', 'cleanup');
  readonly #shares: Shares;
  readonly #runs = new Set<{ run: Run; done: Promise<void> }>();
  #schedule = new AbortController();
  #scheduled: Promise<void> | undefined;

  constructor(private readonly parts: CleanupParts) {
    this.#shares = new Shares('settings', parts.leases, [LEASE], this);
  }

  onApplicationBootstrap(): void {
    this.parts.leases.start();
    this.#shares.start();
  }

  async onModuleDestroy(): Promise<void> {
    for (const { run } of this.#runs) run.isOver = true;
    await this.#shares.stop();
    await Promise.all([...this.#runs].map(({ done }) => done));
    await this.parts.leases.stop();
  }

  /** Begins one and answers at once; see `cleanupStart`. */
  async start({ dryRun, actor }: InputOf<typeof cleanupStart>): Promise<OutputOf<typeof cleanupStart>> {
    const { cleanup } = await this.#begin(dryRun, 'request', actor);
    return cleanup;
  }

  /** Whether the scheduled ones run. */
  async check(): Promise<Finding> {
    const { last, setUpAt } = await this.parts.store.lastScheduled();
    if (last?.hasFailed) return { status: 'degraded', message: `the last cleanup failed: ${last.fault ?? ''}` };
    if (isLate(nextDue(last, setUpAt), Date.now())) return { status: 'degraded', message: 'the daily cleanup is late' };
    const message = last ? `the last cleanup began at ${new Date(last.startedAt).toISOString()}` : 'no cleanup was due';
    return { status: 'healthy', message };
  }

  async take(): Promise<void> {
    this.#schedule = new AbortController();
    this.#scheduled = this.#keepSchedule(this.#schedule.signal);
  }

  async drop(): Promise<void> {
    this.#schedule.abort();
    await this.#scheduled;
  }

  async #keepSchedule(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const { last, setUpAt } = await this.parts.store.lastScheduled();
        if (Date.now() >= nextDue(last, setUpAt)) await (await this.#begin(false, 'schedule', system)).done;
      } catch (error) {
        // The database is being brought up to date, or somebody has just asked for one.
        this.#log.debug({ error: describeError(error) }, 'the cleanup could not begin, trying again');
      }
      await pause(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #begin(dryRun: boolean, trigger: Cleanup['trigger'], actor: Actor) {
    const { retentionDays } = await this.parts.settings();
    const cleanup = await this.parts.store.begin({ dryRun, trigger, retentionDays });
    const before = cutoff(cleanup.startedAt, retentionDays);
    const run: Run = { cleanup, before, counts: noCleanupCounts, faults: [], isOver: false };
    const entry = { run, done: Promise.resolve() };
    entry.done = this.#run(run, actor).finally(() => this.#runs.delete(entry));
    this.#runs.add(entry);
    return { cleanup, done: entry.done };
  }

  async #run(run: Run, actor: Actor): Promise<void> {
    const { id, dryRun } = run.cleanup;
    const timer = setInterval(() => void this.#beat(run), BEAT_MS);
    try {
      for (const service of cleanedServices) await this.#each(run, service, () => this.#askAll(run, service));
      await this.#each(run, 'files', () => this.#cleanFiles(run));
    } finally {
      clearInterval(timer);
    }
    if (run.isOver) run.faults.push('it was broken off');
    const fault = run.faults.length > 0 ? run.faults.join('; ').slice(0, 1000) : null;
    runsTotal.inc({ outcome: fault ? 'failed' : 'done' });
    const how = { dryRun, counts: run.counts, fault };
    this.#log[fault ? 'warn' : 'info']({ ...how, before: new Date(run.before).toISOString() }, 'a cleanup is over');
    try {
      await this.#tell(run, actor, fault);
      await this.parts.store.end(id, run.counts, fault);
    } catch (error) {
      this.#log.warn({ error: describeError(error), ...how }, 'the end of a cleanup could not be noted');
    }
  }

  /** Does one part; when it cannot be done, the others are. */
  async #each(run: Run, what: CleanedService | 'files', work: () => Promise<void>): Promise<void> {
    if (run.isOver) return;
    try {
      await work();
    } catch (error) {
      this.#log.warn({ error: describeError(error), what }, 'a part of a cleanup failed');
      run.faults.push(`${what} ${error instanceof LapwingError && isAway(error) ? 'is away' : 'failed'}`);
    }
  }

  async #askAll(run: Run, service: CleanedService): Promise<void> {
    const { before, cleanup } = run;
    let after: string | null = null;
    do {
      const answer: OutputOf<ReturnType<typeof cleanupRun>> = await this.#ask(run, service, {
        before,
        dryRun: cleanup.dryRun,
        after,
      });
      this.#count(run, answer.counts);
      await this.#beat(run);
      after = answer.next;
    } while (after !== null && !run.isOver);
  }

  /** Asks a service, more than once when it is away for a moment or a lock was held. */
  async #ask(run: Run, service: CleanedService, question: InputOf<ReturnType<typeof cleanupRun>>) {
    for (let count = 1; ; count++) {
      try {
        return await this.parts.bus.request(cleanupRun(service), question);
      } catch (error) {
        const passes = error instanceof LapwingError && error.code === 'UNAVAILABLE';
        if (!passes || count >= TRIES || run.isOver) throw error;
        await pause(TRY_AGAIN_MS * count);
      }
    }
  }

  async #cleanFiles(run: Run): Promise<void> {
    for (const name of fileClasses) {
      const { files, bytes, refused } = await this.parts.folder.clean(name, run.before, run.cleanup.dryRun, MAX_FILES);
      this.#count(run, { [name === 'thumbnails' ? 'thumbnails' : 'images']: files, bytes });
      if (refused > 0) run.faults.push(`${refused} files of ${name} could not be deleted`);
    }
    if (!run.cleanup.dryRun) this.parts.storage.forget();
  }

  #count(run: Run, counts: Partial<CleanupCounts>): void {
    run.counts = addCleanupCounts(run.counts, counts);
    if (run.cleanup.dryRun) return;
    for (const [name, value] of Object.entries(counts)) if (value > 0) deletedTotal.inc({ class: name }, value);
  }

  async #beat(run: Run): Promise<void> {
    try {
      if (!(await this.parts.store.beat(run.cleanup.id, run.counts))) run.isOver = true;
    } catch (error) {
      this.#log.debug({ error: describeError(error) }, 'how far a cleanup has come could not be noted');
    }
  }

  async #tell(run: Run, { name, userId, address }: Actor, fault: string | null): Promise<void> {
    const { dryRun, retentionDays } = run.cleanup;
    const eventId = randomUUID();
    await this.parts.bus.publish(
      auditOccurred,
      'settings',
      {
        type: 'retention',
        action: 'data_cleanup',
        target: dryRun ? 'dry run' : `older than ${retentionDays} days`,
        details: { dryRun, retentionDays, before: new Date(run.before).toISOString(), ...run.counts, fault },
        eventId,
        time: Date.now(),
        actor: { name, userId, address },
      },
      eventId,
    );
  }
}

const system: Actor = { name: 'system', userId: null, sessionHash: null, permissions: [], address: '' };
