import type { ExcursionLimit, ExcursionMetric } from '@lapwing/contracts';

/** A bucket of a roll-up: its least and greatest are in hundredths of the figure's unit. */
export interface Bucket {
  /** When it begins, milliseconds since 1970. */
  at: number;
  low: number;
  high: number;
}

/** A stretch of time in milliseconds since 1970: `from` belongs to it, `to` does not. */
export interface Stretch {
  from: number;
  to: number;
}

/**
 * A part of the way of one figure, in the order of time: either a bucket that need not be looked into, because nothing of what it holds changes how
 * an open breach stands; or, where `calm` is null, a stretch that is to be read in a finer grain.
 */
export interface Piece extends Stretch {
  calm: Bucket | null;
}

/** One figure of one host, with what is a breach of it. */
export interface Wanted {
  agentId: string;
  resourceId: number;
  metric: ExcursionMetric;
  limit: ExcursionLimit;
}

const SECOND_MS = 1000;

const isHot = ({ high }: Bucket, { trigger }: ExcursionLimit): boolean => high / 100 >= trigger;
const isOver = ({ low }: Bucket, { clear }: ExcursionLimit): boolean => low / 100 <= clear;

/**
 * The least hundredths that are in breach, and the least that do not end one: a bucket matters by itself when its greatest is at least the one, or
 * its least at least the other.
 */
export function hundredthsOf({ trigger, clear }: ExcursionLimit): { hot: number; above: number } {
  let hot = Math.floor(trigger * 100) - 1;
  while (hot / 100 < trigger) hot++;
  let above = Math.floor(clear * 100) - 1;
  while (above / 100 <= clear) above++;
  return { hot, above };
}

/** How bad an open breach is. */
type Level = 'warning' | 'critical';

/**
 * What a bucket in which an open breach does not end makes of its level: the level at its end; `same` where it leaves it as it was; null where
 * nobody can tell.
 */
function levelAfter({ low, high }: Bucket, { trigger, clear, critical }: ExcursionLimit): Level | 'same' | null {
  if (critical === null) return 'same';
  const isCritical = high / 100 >= critical;
  const falls = low / 100 < critical - (trigger - clear);
  if (isCritical) return falls ? null : 'critical';
  return falls ? 'warning' : 'same';
}

/** Buckets one after the other in which an open breach does not end. */
class Run {
  /** Since when all of them are in breach all through. */
  #since: number | null = null;
  #end = Number.NEGATIVE_INFINITY;
  #level: Level | null = null;

  constructor(private readonly planning: Planning) {}

  /** Takes the next bucket. Returns whether it leaves everything as it was, where a breach is open if there can be one. */
  take(bucket: Bucket): boolean {
    const { limit, widthMs, span } = this.planning;
    // What the span cuts off may be all that there was.
    const isInBreach = bucket.low / 100 >= limit.trigger && bucket.at >= span.from;
    const isBetween = !isHot(bucket, limit) && !isOver(bucket, limit);
    if (bucket.at !== this.#end) [this.#since, this.#level] = [null, null];
    this.#since = isInBreach ? (this.#since ?? bucket.at) : null;
    this.#end = isInBreach || isBetween ? bucket.at + widthMs : Number.NEGATIVE_INFINITY;
    const isOpen =
      this.#since !== null && bucket.at - this.#since >= Math.max(widthMs, limit.delaySeconds * 1000 + SECOND_MS);
    const leavesLevel = this.#takeLevel(levelAfter(bucket, limit), isOpen);
    return (isOpen || isBetween) && leavesLevel;
  }

  #takeLevel(after: ReturnType<typeof levelAfter>, isOpen: boolean): boolean {
    const before = this.#level;
    if (after === 'same') return true;
    // What was critical before it counted has left no trace.
    this.#level = after === 'critical' && !isOpen ? null : after;
    return after !== null && after === before;
  }
}

/** How buckets are divided into pieces. */
export interface Planning {
  limit: ExcursionLimit;
  widthMs: number;
  /** Only buckets that lie in it as wholes can be calm. */
  span: Stretch;
  /** None is calm. */
  whole: boolean;
}

/**
 * Divides buckets that matter, in order, into those that are calm and those that must be read in a finer grain.
 *
 * One that lies between `clear` and `trigger` all through leaves an open breach open and can begin none. One that is in breach all through, as were
 * those before it for longer than the delay, leaves open what is open by then. Both are calm where they leave its level alone, too. Only holes
 * could have kept a breach from being open, and whoever judges notices that and asks for the `whole`.
 */
export function planBuckets(buckets: readonly Bucket[], planning: Planning): Piece[] {
  const { widthMs, span, whole } = planning;
  const pieces: Piece[] = [];
  const run = new Run(planning);
  for (const bucket of buckets) {
    const { at } = bucket;
    const isCalm = run.take(bucket) && !whole && at >= span.from && at + widthMs <= span.to;
    if (isCalm) pieces.push({ from: at, to: at + widthMs, calm: bucket });
    else addStretch(pieces, { from: Math.max(at, span.from), to: Math.min(at + widthMs, span.to) });
  }
  return pieces;
}

function addStretch(pieces: Piece[], { from, to }: Stretch): void {
  if (from >= to) return;
  const last = pieces.at(-1);
  if (last?.calm === null && last.to >= from) last.to = Math.max(last.to, to);
  else pieces.push({ from, to, calm: null });
}

/**
 * As {@link planBuckets} for buckets of which only those are known that could begin a breach or carry one on: whatever follows them is read, too,
 * since it may end one. None where none could begin.
 */
export function planKnown(buckets: readonly Bucket[], planning: Planning): Piece[] {
  const { limit, widthMs, span } = planning;
  if (!buckets.some((bucket) => isHot(bucket, limit))) return [];
  const pieces: Piece[] = [];
  let run: Bucket[] = [];
  buckets.forEach((bucket, index) => {
    run.push(bucket);
    const end = bucket.at + widthMs;
    if (buckets[index + 1]?.at === end) return;
    for (const piece of planBuckets(run, planning))
      if (piece.calm) pieces.push(piece);
      else addStretch(pieces, piece);
    addStretch(pieces, { from: Math.max(end, span.from), to: Math.min(end + widthMs, span.to) });
    run = [];
  });
  return pieces;
}

/** Tells which buckets matter: those in breach, and those after one until it is over for certain. */
class Course {
  #mayBeOpen = false;

  constructor(private readonly limit: ExcursionLimit) {}

  passes(bucket: Bucket): boolean {
    const isNeeded = this.#mayBeOpen || isHot(bucket, this.limit);
    if (isHot(bucket, this.limit)) this.#mayBeOpen = true;
    else if (isOver(bucket, this.limit)) this.#mayBeOpen = false;
    return isNeeded;
  }
}

/**
 * Puts what was read in the place of the stretches that were to be read.
 * @param read the buckets of each stretch, in order.
 * @param planning how those are divided once more; without it they stay as they are.
 */
export function deepen(pieces: readonly Piece[], read: readonly (readonly Bucket[])[], planning: Planning): Piece[] {
  const course = new Course(planning.limit);
  let index = 0;
  return pieces.flatMap((piece) => {
    if (piece.calm) return course.passes(piece.calm) ? [piece] : [];
    return planBuckets(
      (read[index++] ?? []).filter((bucket) => course.passes(bucket)),
      planning,
    );
  });
}

/** The buckets of the finest grain that matter, once all stretches are read. */
export function finest(
  pieces: readonly Piece[],
  read: readonly (readonly Bucket[])[],
  limit: ExcursionLimit,
): Bucket[] {
  const course = new Course(limit);
  let index = 0;
  return pieces.flatMap((piece) => {
    if (!piece.calm) return (read[index++] ?? []).filter((bucket) => course.passes(bucket));
    course.passes(piece.calm);
    return [];
  });
}
