import { Draft, type Budget } from './budget.js';
import { cited, Fault } from './errors.js';
import { jsonText, type EscapeMode } from './escape.js';
import { format, PLAIN, quoted, typeName, type Directive } from './format.js';
import { Escaped, kindOf, plain } from './values.js';

/** Widths and precisions go up to this; larger ones count as this. */
export const MAX_WIDTH = 1000;

const FLAGS = { '-': 'minus', '+': 'plus', ' ': 'space', '0': 'zero' } as const;

/**
 * Takes a format apart, into texts and what is to be put between them.
 * @throws Fault about what Lapwing leaves out of Go: `#`, `*` and `[1]`.
 */
export function parseFormat(text: string): (string | Directive)[] {
  const parts: (string | Directive)[] = [];
  for (let at = 0; at < text.length;) {
    const found = text.indexOf('%', at);
    const start = found < 0 ? text.length : found;
    if (start > at) parts.push(text.slice(at, start));
    if (found < 0) break;
    const reader = new DirectiveReader(text, start + 1);
    parts.push(reader.read());
    at = reader.at;
  }
  return parts;
}

class DirectiveReader {
  constructor(
    private readonly text: string,
    public at: number,
  ) {}

  /** Reads what follows a %: a directive, or the text that stands for one. */
  read(): string | Directive {
    const directive = { ...PLAIN };
    this.#readFlags(directive);
    directive.width = this.#readNumber() ?? 0;
    if (this.text[this.at] === '.' && this.at + 1 < this.text.length) {
      this.at += 1;
      directive.precision = this.#readNumber() ?? 0;
    }
    const point = this.text.codePointAt(this.at);
    if (point === undefined) return '%!(NOVERB)';
    directive.verb = String.fromCodePoint(point);
    if ('#*['.includes(directive.verb)) throw new Fault(`printf does not know ${cited(`%${directive.verb}`)}`);
    this.at += directive.verb.length;
    // As in Go, a plus before v asks for no sign.
    if (directive.verb === 'v') directive.plus = false;
    return directive.verb === '%' ? '%' : directive;
  }

  #readFlags(directive: Directive): void {
    for (;;) {
      const flag = FLAGS[this.text[this.at] as keyof typeof FLAGS];
      if (flag === undefined) break;
      directive[flag] = true;
      this.at += 1;
    }
    // What is filled up on the right is not filled with zeros.
    if (directive.minus) directive.zero = false;
  }

  #readNumber(): number | null {
    const start = this.at;
    let value = 0;
    for (; this.at < this.text.length; this.at += 1) {
      const digit = this.text.charCodeAt(this.at) - 48;
      if (digit < 0 || digit > 9) break;
      value = Math.min(value * 10 + digit, MAX_WIDTH);
    }
    return this.at > start ? value : null;
  }
}

/**
 * Go's fmt.Sprintf. Where the output is JSON, `%q` quotes as JSON does (Go's own quoting is no JSON for control
 * characters), and what it quotes stands as it is; the rest is escaped.
 */
export function printf(text: string, values: unknown[], mode: EscapeMode, budget: Budget): string | Escaped {
  const parts = parseFormat(text);
  const isRaw = mode === 'json' && parts.some((part) => typeof part !== 'string' && part.verb === 'q');
  const draft = new Draft(budget);
  const put = (piece: string): Draft => draft.add(isRaw ? jsonText(piece) : piece);
  let next = 0;
  for (const part of parts) {
    budget.spend();
    if (typeof part === 'string') put(part);
    else if (next >= values.length) put(`%!${part.verb}(MISSING)`);
    else if (isRaw && part.verb === 'q') draft.add(show(values[next++], part, budget, true));
    else put(show(values[next++], part, budget, false));
  }
  if (next < values.length) put(extras(values.slice(next), budget));
  return isRaw ? new Escaped(draft.toString(), 'json') : draft.toString();
}

function show(value: unknown, directive: Directive, budget: Budget, asJson: boolean): string {
  // Digits are computed one by one, those of huge numbers, too, and padding is written however short the value.
  const digits = typeof value === 'number' && Math.abs(value) > 1e17 ? 100 : 0;
  budget.spend(Math.ceil(directive.width / 20) + (directive.precision ?? 0) + digits);
  return format(plain(value), directive, budget, asJson ? jsonQuoted : quoted);
}

const jsonQuoted = (text: string): string => JSON.stringify(text);

/** What is said of values that the format does not ask for. */
function extras(values: unknown[], budget: Budget): string {
  const draft = new Draft(budget).add('%!(EXTRA ');
  for (const [at, value] of values.entries()) {
    const kind = kindOf(value);
    if (at > 0) draft.add(', ');
    if (kind !== 'nil') draft.add(`${typeName(value)}=`);
    draft.add(format(plain(value), PLAIN, budget));
  }
  return draft.add(')').toString();
}

/** Go's fmt.Sprint: spaces between two values of which neither is a text. */
export function sprint(values: unknown[], budget: Budget): string {
  const draft = new Draft(budget);
  let wasString = true;
  for (const value of values) {
    const isString = kindOf(value) === 'string';
    if (!isString && !wasString) draft.add(' ');
    draft.add(format(plain(value), PLAIN, budget));
    wasString = isString;
  }
  return draft.toString();
}

/** Go's fmt.Sprintln: spaces between all values, and a new line at the end. */
export function sprintln(values: unknown[], budget: Budget): string {
  const draft = new Draft(budget);
  for (const [at, value] of values.entries()) draft.add(at > 0 ? ' ' : '').add(format(plain(value), PLAIN, budget));
  return draft.add('\n').toString();
}
