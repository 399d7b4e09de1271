import { LapwingError, MAX_LOG_PATTERN_SIZE, patternSize } from '@lapwing/contracts';
import { RE2JS } from 're2js';

/** PostgreSQL repeats no more often. */
const MAX_REPEAT = 255;
const CLASSES: Record<string, string> = { d: '0-9', w: '0-9A-Za-z_', s: String.raw`\t\n\f\r ` };
const NAMED = /^\[:(alpha|digit|alnum|upper|lower|space|blank|punct|cntrl|print|graph|xdigit|word):\]/;
/** Escapes that mean the same to both, and those that have another name. */
const SAME: Record<string, string> = {
  a: String.raw`\a`,
  f: String.raw`\f`,
  t: String.raw`\t`,
  n: String.raw`\n`,
  r: String.raw`\r`,
  v: String.raw`\v`,
};
const PLACES: Record<string, string> = { A: String.raw`\A`, z: String.raw`\Z`, b: String.raw`\y`, B: String.raw`\Y` };

const refuse = (what: string): LapwingError => new LapwingError('INVALID_INPUT', `the pattern ${what}`);

/**
 * Writes a regular expression in the syntax of RE2 as one of PostgreSQL's that matches the same lines, when case does not matter.
 * Throws `INVALID_INPUT` for what RE2 does not take, and for the few things that PostgreSQL cannot do: Unicode classes (`\pL`), the flags
 * `m` and `-i`, `\C`, and more than 255 repetitions. Source: RE2's wiki page "Syntax"; PostgreSQL, chapter 9.7.3 (advanced regular expressions).
 */
export function postgresPattern(pattern: string): string {
  if (patternSize(pattern) > MAX_LOG_PATTERN_SIZE) throw refuse('is too large: repeat less');
  try {
    RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
  } catch (error) {
    throw refuse(`is not valid: ${error instanceof Error ? error.message : 'it cannot be read'}`);
  }
  return new Translation(pattern).written();
}

class Translation {
  #at = 0;
  /** Whether `.` matches line feeds: by group, the innermost last. */
  readonly #dotAll = [false];

  constructor(private readonly pattern: string) {}

  written(): string {
    let out = '';
    while (this.#at < this.pattern.length) out += this.#next();
    return out;
  }

  #rest(): string {
    return this.pattern.slice(this.#at);
  }

  #take(length: number): string {
    const taken = this.pattern.slice(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  #next(): string {
    const sign = String.fromCodePoint(this.pattern.codePointAt(this.#at) ?? 0);
    switch (sign) {
      case '\\':
        return this.#escape();
      case '[':
        return this.#set();
      case '(':
        return this.#group();
      case ')':
        if (this.#dotAll.length > 1) this.#dotAll.pop();
        return this.#take(1);
      case '.':
        this.#at++;
        return this.#dotAll.at(-1) ? '.' : String.raw`[^\n]`;
      case '{':
        return this.#repeat();
      case '*':
      case '+':
      case '?':
      case '|':
      case '^':
      case '$':
        return this.#take(1);
      default:
        this.#at += sign.length;
        return literal(sign);
    }
  }

  #repeat(): string {
    const [bound] = /^\{\d+(?:,\d*)?\}/.exec(this.#rest()) ?? [];
    if (bound === undefined) {
      this.#at++;
      return String.raw`\{`;
    }
    if ((bound.match(/\d+/g) ?? []).some((count) => Number(count) > MAX_REPEAT))
      throw refuse(`may repeat something ${MAX_REPEAT} times at most`);
    return this.#take(bound.length);
  }

  /** Every group becomes one that captures nothing: only whether it matches is asked. */
  #group(): string {
    const rest = this.#rest();
    const named = /^\(\?P?<[^>]*>/.exec(rest);
    const flagged = /^\(\?([a-zA-Z-]*)([:)])/.exec(rest);
    let dotAll = this.#dotAll.at(-1) ?? false;
    if (flagged) {
      const [text, flags = '', end] = flagged;
      if (/[^isU]/.test(flags)) throw refuse(`may not use the flags "${flags}": only i, s and U are known`);
      dotAll ||= flags.includes('s');
      this.#at += text.length;
      if (end === ')') {
        this.#dotAll[this.#dotAll.length - 1] = dotAll;
        return '';
      }
    } else this.#at += named ? named[0].length : 1;
    this.#dotAll.push(dotAll);
    return '(?:';
  }

  #escape(): string {
    const letter = this.pattern[this.#at + 1] ?? '';
    const place = PLACES[letter];
    const set = CLASSES[letter.toLowerCase()];
    if (place !== undefined) return this.#skip(2, place);
    if (set !== undefined) return this.#skip(2, letter === letter.toLowerCase() ? `[${set}]` : `[^${set}]`);
    if (letter === 'Q') return this.#quoted();
    return this.#character();
  }

  #skip(length: number, written: string): string {
    this.#at += length;
    return written;
  }

  #quoted(): string {
    const end = this.pattern.indexOf(String.raw`\E`, this.#at + 2);
    const text = this.pattern.slice(this.#at + 2, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.pattern.length : end + 2;
    return text.replace(/[\s\S]/gu, literal);
  }

  /** An escape that stands for one character, here or in a set. */
  #character(): string {
    const letter = this.pattern[this.#at + 1] ?? '';
    const [text, long, short] = /^\\x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))/.exec(this.#rest()) ?? [];
    const octal = /^\\(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(this.#rest())?.[0];
    if (text !== undefined)
      return this.#skip(text.length, literal(codePoint(Number.parseInt(long ?? short ?? '0', 16))));
    if (octal !== undefined) return this.#skip(octal.length, literal(codePoint(Number.parseInt(octal.slice(1), 8))));
    const same = SAME[letter];
    if (same !== undefined) return this.#skip(2, same);
    if (/[A-Za-z0-9]/.test(letter)) throw refuse(`may not use "\\${letter}" here`);
    const sign = String.fromCodePoint(this.pattern.codePointAt(this.#at + 1) ?? 0);
    return this.#skip(1 + sign.length, literal(sign));
  }

  #set(): string {
    let out = this.#take(1);
    if (this.pattern[this.#at] === '^') out += this.#take(1);
    for (let first = true; first || this.pattern[this.#at] !== ']'; first = false) {
      if (this.#at >= this.pattern.length) throw refuse('has a set without an end');
      out += this.#member();
    }
    return out + this.#take(1);
  }

  #member(): string {
    const [named, name] = NAMED.exec(this.#rest()) ?? [];
    if (named !== undefined) return this.#skip(named.length, name === 'word' ? (CLASSES['w'] ?? '') : named);
    if (this.#rest().startsWith('[:')) throw refuse('uses a set that is not known here');
    const sign = String.fromCodePoint(this.pattern.codePointAt(this.#at) ?? 0);
    if (sign === '\\') {
      const set = CLASSES[this.pattern[this.#at + 1] ?? ''];
      return set === undefined ? this.#character() : this.#skip(2, set);
    }
    this.#at += sign.length;
    return sign === '-' ? '-' : literal(sign);
  }
}

/** A character that stands for itself, outside and inside of sets. */
function literal(sign: string): string {
  return /^[!-/:-@[-`{-~]$/.test(sign) ? `\\${sign}` : sign;
}

function codePoint(code: number): string {
  if (code === 0) throw refuse('may hold no NUL character');
  return String.fromCodePoint(code);
}
