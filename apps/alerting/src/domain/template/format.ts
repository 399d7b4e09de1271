import type { Budget } from './budget.js';
import { Draft } from './budget.js';
import { Fault } from './errors.js';
import { formatFloat } from './floats.js';
import { isMap, kindOf, own, plain, wellFormed } from './values.js';

/** What stands between % and the end of a verb. */
export interface Directive {
  verb: string;
  minus: boolean;
  plus: boolean;
  space: boolean;
  zero: boolean;
  width: number;
  /** Null when none is given. */
  precision: number | null;
}

/** `%v`, as values are printed when nobody says how. */
export const PLAIN: Directive = {
  verb: 'v',
  minus: false,
  plus: false,
  space: false,
  zero: false,
  width: 0,
  precision: null,
};

/** Puts a text between quotes. */
export type Quote = (text: string, asciiOnly: boolean) => string;

/** How deep data may be nested that is printed as a whole: it may contain itself. */
const MAX_DEPTH = 50;

/**
 * A value as Go's fmt writes it. Source: fmt/print.go and fmt/format.go.
 * A whole number is an int and a float64 at once here, as JavaScript does not tell them apart: `%d` and `%.1f` both take it.
 */
export function format(value: unknown, directive: Directive, budget: Budget, quote: Quote = quoted): string {
  const draft = new Draft(budget);
  new Printer(draft, budget, directive, quote).print(value, 0);
  return draft.toString();
}

class Printer {
  constructor(
    private readonly draft: Draft,
    private readonly budget: Budget,
    private readonly directive: Directive,
    private readonly quote: Quote,
  ) {}

  print(value: unknown, depth: number): void {
    this.budget.spend();
    if (typeof value === 'string' && this.directive.verb === 'q') this.budget.spendOnEscaping(value);
    if (depth > MAX_DEPTH) throw new Fault(`the data is nested more than ${MAX_DEPTH} deep`);
    if (Array.isArray(value)) this.#printList(value, depth);
    else if (isMap(value)) this.#printMap(value, depth);
    else if (depth > 0 && kindOf(value) === 'nil') this.draft.add('<nil>');
    else this.draft.add(leaf(plain(value), this.directive, this.quote));
  }

  #printList(list: unknown[], depth: number): void {
    this.draft.add('[');
    for (let at = 0; at < list.length; at += 1) {
      if (at > 0) this.draft.add(' ');
      this.print(own(list, at), depth + 1);
    }
    this.draft.add(']');
  }

  #printMap(map: Record<string, unknown>, depth: number): void {
    this.draft.add('map[');
    for (const [at, key] of this.budget.keysOf(map).entries()) {
      if (at > 0) this.draft.add(' ');
      this.print(key, depth + 1);
      this.draft.add(':');
      this.print(own(map, key), depth + 1);
    }
    this.draft.add(']');
  }
}

function leaf(value: unknown, directive: Directive, quote: Quote): string {
  const text = wellKnown(value, directive, quote);
  if (text !== null) return text;
  if (kindOf(value) === 'nil') return `%!${directive.verb}(<nil>)`;
  const shown = wellKnown(value, { ...directive, verb: 'v' }, quote) ?? '';
  return `%!${directive.verb}(${typeName(value)}=${shown})`;
}

/** What Go calls the type of a value. */
export function typeName(value: unknown): string {
  const kind = kindOf(value);
  if (kind === 'number') return Number.isSafeInteger(value) ? 'int' : 'float64';
  return kind === 'list' ? '[]interface {}' : kind === 'map' ? 'map[string]interface {}' : kind;
}

/** What a verb makes of a value; null when it is not for values of its kind. */
function wellKnown(value: unknown, directive: Directive, quote: Quote): string | null {
  const { verb } = directive;
  if (typeof value === 'string') return ofString(value, directive, quote);
  if (typeof value === 'number') return ofNumber(value, directive, quote);
  if (typeof value === 'boolean') return verb === 't' || verb === 'v' ? pad(String(value), directive) : null;
  return verb === 'v' ? pad('<nil>', directive) : null;
}

function ofString(value: string, directive: Directive, quote: Quote): string | null {
  const { verb, precision, plus } = directive;
  if (verb === 's' || verb === 'v') return pad(truncate(value, precision), directive);
  if (verb === 'q') return pad(quote(truncate(value, precision), plus), directive);
  if (verb !== 'x' && verb !== 'X') return null;
  const hex = Buffer.from(value, 'utf8')
    .subarray(0, precision ?? undefined)
    .toString('hex');
  return pad(verb === 'x' ? hex : hex.toUpperCase(), directive);
}

const BASES: Record<string, number> = { b: 2, o: 8, d: 10, v: 10, x: 16, X: 16 };

function ofNumber(value: number, directive: Directive, quote: Quote): string | null {
  const { verb } = directive;
  const base = BASES[verb];
  const whole = Number.isSafeInteger(value);
  if (whole && base !== undefined) return ofInteger(value, base, directive);
  if (whole && verb === 'c') return pad(character(value), directive);
  if (whole && verb === 'q') return pad(quoteCharacter(character(value), quote, directive.plus), directive);
  if ('eEfFgGv'.includes(verb)) return ofFloat(value, directive);
  return null;
}

function character(point: number): string {
  return point < 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? '\ufffd' : String.fromCodePoint(point);
}

function quoteCharacter(text: string, quote: Quote, asciiOnly: boolean): string {
  if (quote !== quoted) return quote(text, asciiOnly);
  if (text === '"') return `'"'`;
  return text === "'" ? String.raw`'\''` : `'${quoted(text, asciiOnly).slice(1, -1)}'`;
}

function sign(negative: boolean, { plus, space }: Directive): string {
  return negative ? '-' : plus ? '+' : space ? ' ' : '';
}

function ofInteger(value: number, base: number, directive: Directive): string {
  const { precision, zero, width, verb } = directive;
  const unpadded = { ...directive, zero: false };
  if (precision === 0 && value === 0) return pad('', unpadded);
  const front = sign(value < 0, directive);
  const digits = Math.abs(value).toString(base);
  const least = precision ?? (zero ? width - front.length : 0);
  return pad(front + (verb === 'X' ? digits.toUpperCase() : digits).padStart(least, '0'), unpadded);
}

function ofFloat(value: number, directive: Directive): string {
  const { verb, precision, zero, width } = directive;
  const front = sign(value < 0 || Object.is(value, -0), directive);
  if (!Number.isFinite(value)) {
    const name = Number.isNaN(value) ? `${front}NaN` : `${front || '+'}Inf`;
    return pad(name, { ...directive, zero: false });
  }
  const form = verb === 'v' ? 'g' : (verb.toLowerCase() as 'e' | 'f' | 'g');
  const text = formatFloat(Math.abs(value), form, precision);
  const cased = verb === 'E' || verb === 'G' ? text.toUpperCase() : text;
  // A sign stands before zeros that fill up, but behind spaces.
  return front !== '' && zero ? front + cased.padStart(width - front.length, '0') : pad(front + cased, directive);
}

function truncate(text: string, precision: number | null): string {
  if (precision === null || text.length <= precision) return text;
  let end = 0;
  for (let left = precision; left > 0 && end < text.length; left -= 1) end += sizeAt(text, end);
  return text.slice(0, end);
}

const sizeAt = (text: string, at: number): number => ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);

/** Fills up to the width, which counts characters. */
function pad(text: string, { width, minus, zero }: Directive): string {
  if (width === 0) return text;
  let count = 0;
  for (let at = 0; at < text.length && count < width; at += sizeAt(text, at)) count += 1;
  const fill = (zero ? '0' : ' ').repeat(width - count);
  return minus ? text + fill : fill + text;
}

const ESCAPES: Record<string, string> = {
  '\u0007': String.raw`\a`,
  '\b': String.raw`\b`,
  '\f': String.raw`\f`,
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
  '\t': String.raw`\t`,
  '\v': String.raw`\v`,
  '\\': '\\\\',
  '"': String.raw`\"`,
};
const UNPRINTABLE = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;
const UNPRINTABLE_OR_FOREIGN = /["\\]|[^!-~ ]/gu;

/** Whether Go counts a character as printable. */
export function isPrintable(char: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char);
}

/** A text between quotes as Go writes it in its source. Source: strconv.Quote. */
export function quoted(text: string, asciiOnly: boolean): string {
  const escaped = wellFormed(text).replace(asciiOnly ? UNPRINTABLE_OR_FOREIGN : UNPRINTABLE, escape);
  return `"${escaped}"`;
}

function escape(char: string): string {
  const known = ESCAPES[char];
  if (known !== undefined) return known;
  const point = char.codePointAt(0) ?? 0;
  const hex = point.toString(16);
  if (point < 0x80) return String.raw`\x` + hex.padStart(2, '0');
  return point > 0xffff ? String.raw`\U` + hex.padStart(8, '0') : String.raw`\u` + hex.padStart(4, '0');
}
