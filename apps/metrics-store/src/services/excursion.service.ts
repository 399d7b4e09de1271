import {
  LapwingError,
  MAX_EXCURSION_SPAN_MS,
  excursionMetrics,
  type InputOf,
  type OutputOf,
  type excursionsGet,
} from '@lapwing/contracts';
import { deepen, finest, planKnown, type Bucket, type Piece, type Stretch, type Wanted } from '../domain/excursions.js';
import type { ExcursionStore, Range } from '../store/excursion.store.js';

type Question = InputOf<typeof excursionsGet>;
type Answer = OutputOf<typeof excursionsGet>;

const HOSTS_A_PAGE = 12;
/** One figure of one host may need more, and is a page of its own. */
const HOURS_A_PAGE = 1500;
/** About 400 kB; 43,200 minutes and 900 kB where it is one figure of one host that is in and out of breach for a month. */
const MINUTES_A_PAGE = 20_000;
const MINUTE_MS = 60_000;
const FIVE_MS = 300_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** What is younger may still be on its way. */
const SETTLED_MS = 120_000;

interface Planned {
  wanted: Wanted;
  pieces: Piece[];
}

/** A figure with what was read of it for each stretch of its pieces. */
interface Read extends Planned {
  read: Bucket[][];
}

/** Finds the buckets of roll-ups in which figures of hosts could be in breach. */
export class ExcursionService {
  /** @param minuteDays for how many days the 1-minute roll-up is kept. */
  constructor(
    private readonly store: ExcursionStore,
    private readonly minuteDays: number,
  ) {}

  /**
   * One page; see `excursionsGet`.
   * @param keptSince what is older is not shown any more.
   */
  async page(question: Question, now: number, keptSince = 0): Promise<Answer> {
    const { from, agentIds, after, part, whole } = question;
    if (from >= question.to) throw new LapwingError('INVALID_INPUT', '"from" must be before "to"');
    if (question.to - from > MAX_EXCURSION_SPAN_MS) throw new LapwingError('INVALID_INPUT', 'at most 90 days');
    const span = {
      from: Math.max(from, ceilHour(keptSince)),
      to: Math.min(question.to, Math.floor((now - SETTLED_MS) / MINUTE_MS) * MINUTE_MS),
    };
    // An hour more: the roll-up is dropped in pieces, and whoever asks for the last 30 days asked a moment ago.
    const step = from >= now - this.minuteDays * DAY_MS - HOUR_MS ? 60 : 300;
    const { hosts, total } = await this.store.hosts(agentIds, part, after?.agentId ?? '', HOSTS_A_PAGE);
    const wanted = wantedOf(hosts, question);
    const found = span.from < span.to ? await this.#find(wanted, { span, whole, step }) : none;
    const base = Math.floor(from / HOUR_MS) * HOUR_MS;
    const series = found.series.map((one) => seriesOf(one, base));
    const last = wanted[found.count - 1];
    const isCut = found.count < wanted.length && last !== undefined;
    const host = hosts.length === HOSTS_A_PAGE ? hosts.at(-1) : undefined;
    return {
      hosts: total,
      base,
      step,
      series: series.filter((one) => one.buckets.at.length + one.calm.at.length > 0),
      read: found.rows,
      next: isCut
        ? { agentId: last.agentId, metric: last.metric }
        : host
          ? { agentId: host.agentId, metric: 'temperature' }
          : null,
    };
  }

  /** Hours first, then what is needed of five minutes, then of minutes. Returns of how many of the figures. */
  async #find(wanted: readonly Wanted[], { span, whole, step }: { span: Stretch; whole: boolean; step: 60 | 300 }) {
    const hours = wanted.length > 0 ? await this.store.hours(wanted, span) : [];
    const byHours = wanted.map((one, index): Planned => {
      const planning = { limit: one.limit, widthMs: HOUR_MS, span, whole };
      return { wanted: one, pieces: planKnown(hours[index] ?? [], planning) };
    });
    const few = byHours.slice(0, fitting(byHours, HOURS_A_PAGE * HOUR_MS));
    const byFives = await this.#withEnds(await this.#read(few, step === 60 ? '5m of 1m' : '5m'), span);
    if (step === 300) return finished(byFives, 0);
    const planned = byFives.map(({ wanted: one, pieces, read }): Planned => {
      const planning = { limit: one.limit, widthMs: FIVE_MS, span, whole };
      return { wanted: one, pieces: deepen(pieces, read, planning) };
    });
    const fit = planned.slice(0, fitting(planned, MINUTES_A_PAGE * MINUTE_MS));
    return finished(await this.#read(fit, '1m'), rowsOf(byFives));
  }

  async #read(planned: readonly Planned[], grain: '1m' | '5m' | '5m of 1m'): Promise<Read[]> {
    const ranges = planned.flatMap(({ wanted, pieces }) =>
      pieces
        .filter(({ calm }) => !calm)
        .map(({ from, to }): Range => ({
          wanted,
          // What the span cuts off of five minutes is cut off of them in minutes.
          from: grain === '5m of 1m' ? Math.floor(from / FIVE_MS) * FIVE_MS : from,
          to,
        })),
    );
    const read = await this.store.buckets(ranges, grain === '1m' ? 60 : 300);
    let at = 0;
    return planned.map(({ wanted, pieces }) => {
      const count = pieces.filter(({ calm }) => !calm).length;
      return { wanted, pieces, read: read.slice(at, (at += count)) };
    });
  }

  /** Where nothing was measured in the hour after a breach, it ends with what was measured next. */
  async #withEnds(series: readonly Read[], span: Stretch): Promise<Read[]> {
    const lost = series.flatMap((one) => lostEnds(one, span.to).map((since) => ({ wanted: one.wanted, since })));
    const next = await this.store.nextHours(lost, span.to);
    const ends = new Map<Wanted, Piece[]>();
    lost.forEach(({ wanted }, index) => {
      const from = next[index] ?? null;
      if (from !== null)
        ends.set(wanted, [...(ends.get(wanted) ?? []), { from, to: Math.min(from + HOUR_MS, span.to), calm: null }]);
    });
    const missing = [...ends].map(([wanted, pieces]) => ({ wanted, pieces: unknownOf(series, wanted, pieces) }));
    const found = await this.#read(missing, '5m');
    return series.map((one) => {
      const more = found.find(({ wanted }) => wanted === one.wanted);
      return more ? joined(one, more) : one;
    });
  }
}

/** Roll-ups are read in whole hours. */
const ceilHour = (time: number): number => Math.ceil(time / HOUR_MS) * HOUR_MS;

const none: { series: Read[]; count: number; rows: number } = { series: [], count: 0, rows: 0 };

const rowsOf = (series: readonly Read[]): number =>
  series.reduce((sum, { read }) => sum + read.reduce((rows, { length }) => rows + length, 0), 0);

const finished = (series: Read[], rows: number): typeof none => ({
  series,
  count: series.length,
  rows: rows + rowsOf(series),
});

/** The ends of stretches in whose last hour nothing was found, where nothing follows at once. */
function lostEnds({ pieces, read }: Read, end: number): number[] {
  let index = 0;
  return pieces.flatMap(({ calm, to }, place) => {
    if (calm) return [];
    const buckets = read[index++] ?? [];
    const isFound = (buckets.at(-1)?.at ?? 0) >= to - HOUR_MS;
    return isFound || to >= end || pieces[place + 1]?.from === to ? [] : [to];
  });
}

/** Those of some pieces that are not known yet. */
function unknownOf(series: readonly Read[], wanted: Wanted, pieces: readonly Piece[]): Piece[] {
  const known = series.find((one) => one.wanted === wanted)?.pieces ?? [];
  const unknown = pieces.filter(({ from }) => !known.some((one) => one.from <= from && from < one.to));
  return [...new Map(unknown.map((piece) => [piece.from, piece])).values()];
}

/** Two halves of what was read of a figure, in the order of time. */
function joined(one: Read, more: Read): Read {
  const pairs = [one, more].flatMap(({ pieces, read }) => {
    let index = 0;
    return pieces.map((piece) => ({ piece, read: piece.calm ? null : (read[index++] ?? []) }));
  });
  const sorted = pairs.toSorted((a, b) => a.piece.from - b.piece.from);
  return {
    wanted: one.wanted,
    pieces: sorted.map(({ piece }) => piece),
    read: sorted.flatMap(({ read }) => (read ? [read] : [])),
  };
}

/** The figures of hosts that are wanted, in the order of pages, after the last page. */
function wantedOf(
  hosts: readonly { agentId: string; resourceId: number }[],
  { limits, special, after }: Question,
): Wanted[] {
  const done = after ? excursionMetrics.indexOf(after.metric) : -1;
  return hosts.flatMap(({ agentId, resourceId }) =>
    excursionMetrics.flatMap((metric, index): Wanted[] => {
      const own = Object.hasOwn(special, agentId) ? special[agentId] : limits;
      const limit = own?.[metric];
      if (!limit || (agentId === after?.agentId && index <= done)) return [];
      return [{ agentId, resourceId, metric, limit }];
    }),
  );
}

/** Of how many of the first the stretches are not longer than allowed; always one. */
function fitting(planned: readonly Planned[], maxMs: number): number {
  let sum = 0;
  const over = planned.findIndex(({ pieces }, index) => {
    for (const { from, to, calm } of pieces) if (!calm) sum += to - from;
    return sum > maxMs && index > 0;
  });
  return over === -1 ? planned.length : over;
}

function seriesOf({ wanted, pieces, read }: Read, base: number): Answer['series'][number] {
  const { agentId, metric, limit } = wanted;
  const calm = pieces.flatMap((piece) => piece.calm ?? []);
  const width = pieces.filter(({ calm: one }) => one).map(({ from, to }) => (to - from) / MINUTE_MS);
  return {
    agentId,
    metric,
    buckets: columnsOf(finest(pieces, read, limit), base),
    calm: { ...columnsOf(calm, base), width },
  };
}

function columnsOf(buckets: readonly Bucket[], base: number): Answer['series'][number]['buckets'] {
  return {
    at: buckets.map(({ at }) => (at - base) / MINUTE_MS),
    min: buckets.map(({ low }) => low),
    max: buckets.map(({ high }) => high),
  };
}
