import type { Bus } from '@lapwing/bus';
import {
  AgentId,
  LapwingError,
  MAX_EXCURSION_SPAN_MS,
  MAX_SPECIAL_LIMITS,
  excursionsGet,
  type AlertConfig,
  type InputOf,
  type OutputOf,
  type QuestionOf,
  type alertReplay,
} from '@lapwing/contracts';
import { setImmediate as turn } from 'node:timers/promises';
import { mergeConfig } from '../domain/merge-config.js';
import { limitsOfAll } from '../domain/replay-limits.js';
import { ReplayedMessages } from '../domain/replay-messages.js';
import {
  Timeline,
  replaySeries,
  replayedResource,
  type Buckets,
  type ReplayedAlert,
  type ReplayedChange,
} from '../domain/replay.js';
import { ruleFor } from '../domain/rules.js';
import type { ConfigService } from './config.service.js';

type Question = InputOf<typeof alertReplay>;
type Answer = OutputOf<typeof alertReplay>;
type Excursions = OutputOf<typeof excursionsGet>;
type Found = Excursions['series'][number];
type Asked = QuestionOf<typeof excursionsGet>;

/** More than this is not judged one by one: it is a matter of seconds, and of rules that nobody would want. */
const MAX_BUCKETS = 300_000;
/** Hosts are read in so many parts side by side: what takes time is the database, and this is how much of it a replay may have. */
const PARTS = 2;
/** Whoever asked waits for 30 s. */
const DEADLINE_MS = 28_000;
/** Others get their turn after so long. */
const TURN_MS = 8;
/** The readings of the last two minutes may still be on their way. */
const SETTLED_MS = 120_000;
const MINUTE_MS = 60_000;

/** Judges what was measured by rules as they might be; see `alertReplay`. */
export class ReplayService {
  #isBusy = false;

  constructor(
    private readonly bus: Bus,
    private readonly config: ConfigService,
  ) {}

  /** `RATE_LIMITED` while another one is under way. */
  async replay(question: Question): Promise<Answer> {
    if (this.#isBusy) throw new LapwingError('RATE_LIMITED', 'another replay is under way');
    this.#isBusy = true;
    try {
      return await this.#replay(checked(question, Date.now()));
    } finally {
      this.#isBusy = false;
    }
  }

  async #replay(question: Question): Promise<Answer> {
    const begun = performance.now();
    const merged = mergeConfig(await this.config.load(), question.patch);
    if ('faults' in merged) {
      const message = merged.faults.map((fault) => `${fault.field}: ${fault.message}`).join('; ');
      throw new LapwingError('INVALID_INPUT', message, { problems: merged.faults });
    }
    const run = new Run(this.bus, merged.config, question, begun + DEADLINE_MS);
    await run.judge();
    const told = await run.tell();
    return { ...told, hosts: run.hosts, judged: run.judged, tookMs: Math.round(performance.now() - begun) };
  }
}

function checked(question: Question, now: number): Question {
  const to = Math.min(question.to, Math.floor((now - SETTLED_MS) / MINUTE_MS) * MINUTE_MS);
  if (question.from >= question.to) throw new LapwingError('INVALID_INPUT', '"from" must be before "to"');
  if (question.from >= to) throw new LapwingError('INVALID_INPUT', '"from" must be more than two minutes ago');
  if (to - question.from > MAX_EXCURSION_SPAN_MS) throw new LapwingError('INVALID_INPUT', 'at most 90 days');
  return { ...question, to };
}

/** One replay. */
class Run {
  hosts = 0;
  /** Minutes of readings that were judged. */
  judged = 0;
  #buckets = 0;
  readonly #timeline = new Timeline();

  constructor(
    private readonly bus: Bus,
    private readonly rules: AlertConfig,
    private readonly question: Question,
    private readonly deadline: number,
  ) {}

  /** Finds everything that would have happened. */
  async judge(): Promise<void> {
    const asked = this.#asked();
    if (asked.agentIds?.length === 0) return;
    const parts = Array.from({ length: PARTS }, (_, number) => ({ number, of: PARTS }));
    await Promise.all(parts.map((part) => this.#part({ ...asked, part })));
  }

  async #part(asked: Asked): Promise<void> {
    let page = await this.#ask(asked);
    this.hosts += page.hosts;
    for (;;) {
      for (const found of page.series) await this.#series(asked, page, found);
      if (!page.next) return;
      page = await this.#ask({ ...asked, after: page.next });
    }
  }

  /** Finds out who would have been told. */
  async tell(): Promise<Pick<Answer, 'alerts' | 'total' | 'messages' | 'recoveryMessages'>> {
    const messages = new ReplayedMessages(this.rules);
    const first: ReplayedAlert[] = [];
    let total = 0;
    for (const changes of this.#timeline.inOrder()) {
      this.#checkTime();
      for (const { kind, alert } of changes) {
        if (kind !== 'fired') continue;
        total++;
        if (first.length < this.question.limit) first.push(alert);
      }
      await inTurns(takeAll(messages, changes));
    }
    await inTurns(messages.finish(this.question.to));
    return {
      alerts: first.map(shown),
      total,
      messages: messages.messages,
      recoveryMessages: messages.recoveryMessages,
    };
  }

  #asked(): Asked & { whole: boolean } {
    const { from, to, metrics, resourceIds } = this.question;
    const agentIds = resourceIds && [...new Set(resourceIds)].filter((id) => AgentId.safeParse(id).success);
    const { limits, special } = limitsOfAll(this.rules, metrics, agentIds);
    if (Object.keys(special).length > MAX_SPECIAL_LIMITS)
      throw new LapwingError(
        'INVALID_INPUT',
        `more than ${MAX_SPECIAL_LIMITS} hosts have limits of their own: name hosts`,
      );
    return { agentIds, from, to, limits, special, whole: false, after: null };
  }

  async #ask(asked: Asked): Promise<Excursions> {
    this.#checkTime();
    return this.bus.request(excursionsGet, asked);
  }

  #checkTime(): void {
    if (performance.now() > this.deadline)
      throw new LapwingError('TIMEOUT', 'there is too much to judge in time: narrow the span');
  }

  async #series(asked: Asked, page: Excursions, found: Found): Promise<void> {
    const changes = (await this.#judged(page, found)) ?? (await this.#wholly(asked, found));
    this.#timeline.add(changes ?? []);
  }

  /** Holes were in the way: judged once more, without anything left out. */
  async #wholly(asked: Asked, { agentId, metric }: Found): Promise<ReplayedChange[] | null> {
    const limits = {
      [metric]: (Object.hasOwn(asked.special, agentId) ? asked.special[agentId] : asked.limits)?.[metric],
    };
    const page = await this.#ask({ ...asked, agentIds: [agentId], limits, special: {}, whole: true });
    const [found] = page.series;
    return found ? this.#judged(page, found) : null;
  }

  async #judged({ base, step }: Excursions, { agentId, metric, buckets, calm }: Found) {
    const resource = replayedResource(agentId, metric);
    const rule = ruleFor(this.rules, resource, metric);
    if (!rule) return [];
    this.#buckets += buckets.at.length + calm.at.length;
    if (this.#buckets > MAX_BUCKETS)
      throw new LapwingError('INVALID_INPUT', `more than ${MAX_BUCKETS} minutes are in breach: narrow the span`);
    this.judged += (buckets.at.length * step) / 60;
    const widths = calm.width.map((minutes) => minutes * MINUTE_MS);
    const series = { buckets: inUnits(buckets, base, [step * 1000]), calm: inUnits(calm, base, widths) };
    return inTurns(replaySeries({ resource, signal: metric, rule }, series));
  }
}

function inUnits({ at, min, max }: Found['buckets'], base: number, widthMs: number[]): Buckets {
  return {
    at: at.map((minutes) => base + minutes * MINUTE_MS),
    low: min.map((value) => value / 100),
    high: max.map((value) => value / 100),
    widthMs,
  };
}

function* takeAll(messages: ReplayedMessages, changes: readonly ReplayedChange[]): Generator<void> {
  for (const change of changes) {
    yield* messages.take(change);
    yield;
  }
}

function shown({ id, resource, signal, ...alert }: ReplayedAlert): Answer['alerts'][number] {
  return { id, resourceId: resource.id, metric: signal as Answer['alerts'][number]['metric'], ...alert };
}

let turnBegan = performance.now();

/** Does work piece by piece, so that nothing else waits for long. */
async function inTurns<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    if (performance.now() - turnBegan >= TURN_MS) {
      await turn();
      turnBegan = performance.now();
    }
    const { done, value } = work.next();
    if (done) return value;
  }
}
