import type { Bus } from '@lapwing/bus';
import { isAway, logmatchCount, type LogRule } from '@lapwing/contracts';
import { Heartbeat } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { filterAt, rulesInForce } from '../domain/log-rules.js';
import type { ConfigService } from './config.service.js';
import type { EvaluationService } from './evaluation.service.js';

const LOOK_MS = 250;
const PERIOD_MS = 10_000;
/** Of a window shorter than two rounds. */
const SHORT_PERIOD_MS = 5000;
const SHORT_WINDOW_SECONDS = 20;
/** A rule whose question has failed so often is asked about less and less. */
const PATIENT_FAILURES = 3;
const MAX_PERIOD_MS = 60_000;
const SILENCE_MS = 60_000;

/** A rule, and when it is its turn. */
interface Turn {
  rule: LogRule;
  /** The rule as it was written: one that is written otherwise is another one. */
  text: string;
  /** By the clock of `performance`. */
  dueAt: number;
  failures: number;
}

/**
 * Asks again and again how many lines match the rules on logs whose partitions are this process's, one question at a time, and has the answers
 * judged. A rule whose question fails is not judged: nothing begins or ends by it.
 */
export class LogWatchService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('alerting', 'log-watch');
  readonly #turns = new Map<string, Turn>();
  readonly #stopping = new AbortController();
  /** Of the questions, and of the looks whether there is one. */
  readonly heartbeat = new Heartbeat(SILENCE_MS);

  constructor(
    private readonly bus: Bus,
    private readonly config: ConfigService,
    private readonly evaluation: EvaluationService,
  ) {}

  onApplicationBootstrap(): void {
    void this.#run(this.#stopping.signal);
  }

  /** An answer that still comes finds no partition to be judged in. */
  onModuleDestroy(): void {
    this.#stopping.abort();
  }

  /** Why a rule is not judged now; null when all are. */
  get fault(): string | null {
    const failing = [...this.#turns.values()].filter(({ failures }) => failures > 0).length;
    return failing > 0 ? `${failing} of ${this.#turns.size} rules on logs are not judged` : null;
  }

  /** The rules that are asked about less and less, because their questions have failed again and again. */
  patient(): { ruleId: string; failures: number; retryAt: number }[] {
    const now = performance.now();
    return [...this.#turns.values()].flatMap(({ rule, failures, dueAt }) =>
      failures > PATIENT_FAILURES
        ? [{ ruleId: rule.id, failures, retryAt: Date.now() + Math.round(Math.max(dueAt - now, 0)) }]
        : [],
    );
  }

  /** How many rules this process judges. */
  get rules(): number {
    return this.#turns.size;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.heartbeat.beat();
      const turn = this.#next(performance.now());
      if (turn) await this.#judge(turn);
      else await pause(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** The rule that has waited longest; undefined when none is due. */
  #next(now: number): Turn | undefined {
    this.#arrange(now);
    let next: Turn | undefined;
    for (const turn of this.#turns.values()) if (turn.dueAt <= (next?.dueAt ?? now)) next = turn;
    return next;
  }

  /** Forgets rules that hold no more, and takes up those that are new: at once, or spread over a round when they are many. */
  #arrange(now: number): void {
    const own = rulesInForce(this.config.current).filter(({ id }) => this.evaluation.judgesLogs(id));
    const written = new Map(own.map((rule) => [rule.id, { rule, text: JSON.stringify(rule) }]));
    for (const [id, { text }] of this.#turns) if (written.get(id)?.text !== text) this.#turns.delete(id);
    const fresh = [...written].filter(([id]) => !this.#turns.has(id));
    for (const [index, [id, one]] of fresh.entries())
      this.#turns.set(id, { ...one, dueAt: now + (index / fresh.length) * periodOf(one.rule), failures: 0 });
  }

  async #judge(turn: Turn): Promise<void> {
    const { rule, text } = turn;
    const askedAt = performance.now();
    const at = Date.now();
    try {
      const { agents } = await this.bus.request(logmatchCount, { filter: filterAt(rule, at) });
      turn.failures = 0;
      // It may have been changed, or given away, while the answer was on its way.
      const isCurrent = rulesInForce(this.config.current).some((one) => JSON.stringify(one) === text);
      if (isCurrent) this.evaluation.matches(rule, agents, at);
    } catch (error) {
      // What is away is told once, however many rules and however often; what is wrong with a rule once for each.
      if (isAway(error) ? this.fault === null : turn.failures === 0)
        this.#log.warn({ error: describeError(error), rule: rule.id }, 'rules on logs are not judged');
      turn.failures++;
    }
    turn.dueAt = askedAt + patience(turn);
  }
}

const periodOf = ({ windowSeconds }: LogRule): number =>
  windowSeconds < SHORT_WINDOW_SECONDS ? SHORT_PERIOD_MS : PERIOD_MS;

function patience({ rule, failures }: Turn): number {
  const times = failures < PATIENT_FAILURES ? 1 : 2 ** Math.min(10, failures - PATIENT_FAILURES + 1);
  return Math.min(MAX_PERIOD_MS, periodOf(rule) * times);
}
