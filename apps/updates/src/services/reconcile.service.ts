import type { UpdateAttempt } from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import { progressOf } from '../domain/attempt.js';
import type { Journal } from '../domain/journal.js';
import type { AttemptStore, Outcome } from '../store/attempt.store.js';
import type { Installation } from '../store/installation.js';

/** What {@link ReconcileService} needs of attempts. */
export interface Reconciling {
  /** Names this process. */
  holder: string;
  /** Names this machine and what is installed on it. */
  place: string;
  /** Whether this process is at work on an attempt itself. */
  isOurs: (id: string) => boolean;
  tell: (attempt: UpdateAttempt) => Promise<void>;
  finish: (id: string, outcome: Outcome) => Promise<void>;
}

const LOOK_MS = 1000;
/** While nothing is under way. */
const CALM_MS = 5000;
/** A holder that was not heard for so long is gone, seconds. */
const SILENT_S = 20;
/** A trial may take so long, twice, with the ways there and back. */
const ELSEWHERE_S = 1800;
/** Looks at which nothing was under way. */
const PROVEN_AFTER = 12;
/** The guard looks twice a second. */
const ORDER_MS = 60_000;
/** A version is watched about so long; only for how far a watch is. */
const WATCH_MS = 60_000;

/**
 * Closes what others left open: attempts that the guard has brought to their end, and those whose process is gone, whatever it was doing. So history
 * tells the truth after a crash or a power cut at any step.
 */
export class ReconcileService {
  readonly #log = createLogger('updates', 'reconcile');
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #fault = '';
  #isCalm = false;
  #quietLooks = 0;
  #isProven = false;

  constructor(
    private readonly store: AttemptStore,
    private readonly installation: Installation | undefined,
    private readonly attempts: Reconciling,
  ) {}

  /** Looks every second while an attempt is under way. */
  start(): void {
    this.#timer = setTimeout(
      () => {
        this.#looking = this.#look().finally(() => this.start());
      },
      this.#isCalm ? CALM_MS : LOOK_MS,
    );
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#looking;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    if (!this.store.ready) return;
    try {
      await this.#settle();
      this.#fault = '';
    } catch (error) {
      const { message } = describeError(error);
      if (message !== this.#fault) this.#log.warn({ error: describeError(error) }, 'attempts could not be looked at');
      this.#fault = message;
    }
  }

  async #settle(): Promise<void> {
    const current = await this.store.current(SILENT_S);
    this.#isCalm = current === undefined;
    if (!current) await this.#prove();
    if (!current || this.attempts.isOurs(current.attempt.id)) return;
    const { attempt, lives, holder, silentS } = current;
    const journal = await this.installation?.journal();
    if (journal?.attemptId === attempt.id) return this.#follow(attempt, journal);
    if (lives) return;
    // What is on trial elsewhere is told in a journal that only those there can read.
    const isElsewhere =
      !holder.startsWith(`${this.attempts.place} `) && ['restarting', 'watching'].includes(attempt.step);
    if (isElsewhere && silentS < ELSEWHERE_S) return;
    const error = `interrupted while ${attempt.step}: the process that was at work on it is gone`;
    await this.attempts.finish(attempt.id, { status: 'failed', error, errorCode: 'UPDATE_FAILED' });
  }

  /** What has run for a while without being on trial is something to come back to. */
  async #prove(): Promise<void> {
    if (this.#isProven || ++this.#quietLooks < PROVEN_AFTER) return;
    this.#isProven = true;
    const version = await this.installation?.current();
    if (version !== undefined) await this.installation?.prove(version);
  }

  async #follow(attempt: UpdateAttempt, journal: Journal): Promise<void> {
    const { phase, outcome, reason, at } = journal;
    if (phase === 'done') {
      const ended =
        outcome === 'success'
          ? { status: 'success' as const }
          : {
              status: 'rolled_back' as const,
              error: reason ?? 'the new version did not hold',
              errorCode: 'UPDATE_FAILED',
            };
      if (outcome === 'success') await this.installation?.prove(journal.to);
      await this.attempts.finish(attempt.id, ended);
      await this.installation?.prune(outcome === 'success' ? [journal.from, journal.to] : [journal.from]);
      return;
    }
    if (phase === 'ordered' && Date.now() - at > ORDER_MS) return this.#withdraw(attempt);
    const taken = await this.store.takeOver(attempt.id, this.attempts.holder);
    if (!taken || phase !== 'trial') return;
    const progress = progressOf(attempt.action, 'watching', (Date.now() - at) / WATCH_MS);
    const told = await this.store.advance(attempt.id, this.attempts.holder, { step: 'watching', progress });
    if (told) await this.attempts.tell(told);
  }

  /** Nobody heard the order: no guard runs. */
  async #withdraw(attempt: UpdateAttempt): Promise<void> {
    if (!(await this.installation?.withdraw(attempt.id))) return;
    const error = 'the guard of the installation did not take the order: is it running?';
    await this.attempts.finish(attempt.id, { status: 'failed', error, errorCode: 'UPDATE_FAILED' });
  }
}
