import { Draft, type Budget } from './budget.js';
import { Fault } from './errors.js';
import { htmlEscape, jsEscape, jsonOf, pathEscape, queryEscape, type EscapeMode } from './escape.js';
import { format, PLAIN } from './format.js';
import { parseFormat, printf, sprint, sprintln } from './printf.js';
import { truth } from './truth.js';
import { equal, Escaped, isMap, kindOf, less, named, own, plain } from './values.js';

/** What functions need to know of a rendering. */
export interface Surroundings {
  mode: EscapeMode;
  budget: Budget;
}

/** A function that templates may call. */
export interface TemplateFunction {
  /** How many arguments it takes. */
  least: number;
  most: number;
  /** What an argument must count as for those behind it not to be looked at; `run` does not get them. */
  stopsAt?: boolean;
  /** Checks what is written as the first argument. @throws Fault */
  check?: (first: string) => void;
  /** @throws Fault when an argument is not of a kind that it takes. */
  run: (values: unknown[], surroundings: Surroundings) => unknown;
}

const many = Number.POSITIVE_INFINITY;

function fn(least: number, most: number, run: TemplateFunction['run'], rest: Partial<TemplateFunction> = {}) {
  return { least, most, run, ...rest };
}

function textOf(value: unknown): string {
  const bare = plain(value);
  if (typeof bare !== 'string') throw new Fault(`a string is needed here, not ${named(kindOf(value))}`);
  return bare;
}

const onText = (change: (text: string) => unknown): TemplateFunction =>
  fn(1, 1, ([value], { budget }) => {
    const text = textOf(value);
    budget.spendOnEscaping(text);
    return change(text);
  });

/** Escapes what its arguments look like printed, as Go does it. */
const onPrinted = (change: (text: string) => unknown): TemplateFunction =>
  fn(0, many, (values, { budget }) => {
    const shown = values.map((value) => (kindOf(value) === 'nil' ? '<no value>' : value));
    const text = sprint(shown, budget);
    budget.spendOnEscaping(text);
    return change(text);
  });

const forUrl =
  (escape: (text: string) => string) =>
  (text: string): Escaped =>
    new Escaped(escape(text), 'url');

const compare = (decide: (left: unknown, right: unknown) => boolean): TemplateFunction =>
  fn(2, 2, ([left, right]) => decide(left, right));

/** Pulse's title: the first letter large, all others small. */
function title(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** Finds a template's function. Nothing else can be called, whatever it is named. */
export function functionNamed(name: string): TemplateFunction | undefined {
  return table.get(name);
}

const query = onPrinted(forUrl(queryEscape));
const path = onText(forUrl(pathEscape));

const table = new Map<string, TemplateFunction>(
  Object.entries({
    and: fn(1, many, (values) => values.at(-1), { stopsAt: false }),
    or: fn(1, many, (values) => values.at(-1), { stopsAt: true }),
    not: fn(1, 1, ([value], { budget }) => !truth(value, budget)),
    len: fn(1, 1, ([value], { budget }) => lengthOf(plain(value), budget)),
    index: fn(1, many, ([value, ...keys]) => keys.reduce(element, value)),
    slice: fn(1, 4, ([value, ...bounds], { budget }) => slice(plain(value), bounds, budget)),
    print: fn(0, many, (values, { budget }) => sprint(values, budget)),
    println: fn(0, many, (values, { budget }) => sprintln(values, budget)),
    printf: fn(1, many, ([first, ...values], { mode, budget }) => printf(textOf(first), values, mode, budget), {
      check: parseFormat,
    }),
    eq: fn(2, many, ([left, ...others]) => others.some((right) => equal(left, right))),
    ne: compare((left, right) => !equal(left, right)),
    lt: compare(less),
    le: compare((left, right) => less(left, right) || equal(left, right)),
    gt: compare((left, right) => !less(left, right) && !equal(left, right)),
    ge: compare((left, right) => !less(left, right)),
    html: onPrinted(htmlEscape),
    js: onPrinted(jsEscape),
    urlquery: query,
    urlencode: query,
    urlpath: path,
    pathescape: path,
    title: onText(title),
    upper: onText((text) => text.toUpperCase()),
    lower: onText((text) => text.toLowerCase()),
    trim: onText((text) => text.trim()),
    json: fn(1, 1, ([value], { budget }) => new Escaped(jsonOf(value, budget), 'json')),
    default: fn(1, 2, ([fallback, value], { budget }) => (truth(value, budget) ? value : fallback)),
    join: fn(2, 2, ([left, right], { budget }) =>
      Array.isArray(left) ? join(left, textOf(right), budget) : join(right, textOf(left), budget),
    ),
    contains: fn(2, 2, ([part, whole], { budget }) => contains(plain(part), plain(whole), budget)),
    replace: fn(3, 3, ([from, to, text], { budget }) => replace(textOf(text), textOf(from), textOf(to), budget)),
  } satisfies Record<string, TemplateFunction>),
);

function lengthOf(value: unknown, budget: Budget): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) return budget.keysOf(value).length;
  throw new Fault(`${named(kindOf(value))} has no length`);
}

function element(from: unknown, key: unknown): unknown {
  const [holder, bare] = [plain(from), plain(key)];
  const kind = kindOf(holder);
  if (kind === 'map') {
    if (typeof bare !== 'string') throw new Fault(`the keys of a map are strings, not ${named(kindOf(key))}`);
    return own(holder, bare);
  }
  if (kind !== 'list' && kind !== 'string') throw new Fault(`${named(kind)} has no elements`);
  const held = typeof holder === 'string' ? Buffer.from(holder) : (holder as unknown[]);
  const at = position(bare, held.length - 1);
  return held instanceof Buffer ? held[at] : own(held, at);
}

/** A value as errors name it: of a number, which one. */
const cite = (value: unknown): string => (typeof value === 'number' ? String(value) : named(kindOf(value)));

function position(value: unknown, last: number): number {
  if (!Number.isSafeInteger(value)) throw new Fault(`an index must be a whole number, not ${cite(value)}`);
  const at = Number(value);
  if (at < 0 || at > last) throw new Fault(`the index ${at} is out of range`);
  return at;
}

/** Go's x[1:2]. Bounds count the bytes of a string; a character that is cut becomes U+FFFD. */
function slice(value: unknown, bounds: unknown[], budget: Budget): unknown {
  if (typeof value !== 'string' && !Array.isArray(value)) throw new Fault(`${named(kindOf(value))} cannot be sliced`);
  if (typeof value === 'string' && bounds.length > 2) throw new Fault('a string is sliced by two bounds at most');
  const held = typeof value === 'string' ? Buffer.from(value) : value;
  const given = bounds.map((bound) => position(plain(bound), held.length));
  const [start = 0, end = held.length, limit = held.length] = given;
  if (start > end || end > limit) throw new Fault(`the bounds ${given.join(', ')} are out of order`);
  if (held instanceof Buffer) return held.subarray(start, end).toString('utf8');
  budget.spend(end - start);
  return Array.from({ length: end - start }, (_, at): unknown => own(held, start + at));
}

function join(list: unknown, separator: string, budget: Budget): string {
  if (!Array.isArray(list)) throw new Fault(`a list is needed here, not ${named(kindOf(list))}`);
  const draft = new Draft(budget);
  for (let at = 0; at < list.length; at += 1) {
    if (at > 0) draft.add(separator);
    draft.add(format(own(list, at), PLAIN, budget));
  }
  return draft.toString();
}

function contains(part: unknown, whole: unknown, budget: Budget): boolean {
  if (!Array.isArray(whole)) return occursIn(textOf(part), textOf(whole), budget);
  budget.spend(whole.length);
  for (let at = 0; at < whole.length; at += 1) {
    const value = own(whole, at);
    if (kindOf(value) === kindOf(part) && equal(value, part)) return true;
  }
  return false;
}

function occursIn(part: string, whole: string, budget: Budget): boolean {
  budget.spendOnSearch(part, whole);
  return whole.includes(part);
}

/** Replaces each occurrence; an empty text occurs before, between and behind all characters, as in Go. */
function replace(text: string, from: string, to: string, budget: Budget): string {
  budget.spendOnSearch(from, text);
  const pieces = from === '' ? ['', ...Array.from(text), ''] : text.split(from);
  budget.spend(pieces.length - 1);
  budget.checkLength(text.length + (pieces.length - 1) * (to.length - from.length));
  return pieces.join(to);
}
