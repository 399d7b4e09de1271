import { MAX_DISTINCT_VALUES, type Distribution as Written } from '@lapwing/contracts';

/** What is longer than a day counts as a day, so that every value fits into the contract. */
const LONGEST_MS = 86_400_000;
/** What is shorter than a thousandth of a millisecond counts as nothing. */
const SHORTEST_MS = 0.001;
/** As many decades lie between them. */
const DECADES = 11;
/** From here on new values are rounded to two digits: of these there are at most 90 a decade, so that all fit into the contract. */
const COARSE_FROM = MAX_DISTINCT_VALUES - 90 * DECADES - 1;

/** By decade: the power of ten at which it begins, and what makes its values lie between 100 and 1000. */
const decades = Array.from({ length: DECADES }, (_, at) => ({ from: 10 ** (at - 3), scale: 10 ** (5 - at) }));
const NOTHING = -1;

/** The number of a value among those of three significant digits, ascending; {@link NOTHING} below all of them. */
function codeOf(ms: number): number {
  if (ms < SHORTEST_MS) return NOTHING;
  let decade = DECADES - 1;
  while (decade > 0 && ms < (decades[decade]?.from ?? 0)) decade--;
  // 999.6 is 1000: the first of the next decade, whose number comes next.
  return decade * 900 + Math.max(Math.round(ms * (decades[decade]?.scale ?? 1)), 100) - 100;
}

/** The value that a number of {@link codeOf} stands for. */
function valueOf(code: number): number {
  return code === NOTHING ? 0 : Number(`${(code % 900) + 100}e${Math.floor(code / 900) - 5}`);
}

const coarse = (code: number): number => (code === NOTHING ? code : code - (code % 10));

/**
 * How often which value came, in milliseconds: each rounded to three significant digits, an error of half a percent at most; to two, an error of a
 * tenth, where more than 3105 different ones have come. How many there were, their sum, and the least and greatest of them are exact.
 */
export class Distribution {
  readonly #counts = new Map<number, number>();
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  /** How many values came. */
  get count(): number {
    return this.#count;
  }

  /** Adds a value in milliseconds; less than nothing counts as nothing, and more than a day as a day. */
  add(ms: number): void {
    const value = Math.min(Math.max(ms, 0), LONGEST_MS);
    const code = codeOf(value);
    const known = this.#counts.get(code);
    if (known !== undefined) this.#counts.set(code, known + 1);
    else this.#addNew(code);
    this.#count++;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  #addNew(code: number): void {
    const key = this.#counts.size < COARSE_FROM ? code : coarse(code);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** As messages carry it; at least one value must have come. */
  written(): Written {
    const sorted = [...this.#counts].toSorted(([one], [other]) => one - other);
    return {
      values: sorted.map(([code]) => valueOf(code)),
      counts: sorted.map(([, count]) => count),
      sum: this.#sum,
      min: this.#min,
      max: this.#max,
    };
  }
}
