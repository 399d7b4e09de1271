import { cited, errorAt } from './errors.js';
import { numberOf, unquote } from './literals.js';

/** What a token is. `open` and `close` are the braces of an action; the others without a name of their own are what they look like. */
export type TokenKind =
  'text' | 'open' | 'close' | 'end of file' | 'word' | 'dot' | 'field' | 'variable' | 'literal' | Punctuation;
type Punctuation = '|' | '(' | ')' | ':=' | '=' | ',';

/** A token of a template. */
export interface Token {
  kind: TokenKind;
  /** As it is written; of a text, without what is trimmed. */
  text: string;
  /** What a literal stands for. */
  value: string | number | null;
  offset: number;
  /** Whether space stands before it: `.A.B` is one operand, `.A .B` are two. */
  spaced: boolean;
}

const SPACE = ' \t\r\n';
const isSpace = (char: string | undefined): boolean => char !== undefined && char !== '' && SPACE.includes(char);
const isDigit = (char: string | undefined): boolean => char !== undefined && char >= '0' && char <= '9';
const WORD = /[\p{L}\p{Nd}_]+/uy;

/**
 * Takes a template apart, in time linear in its length. Source: the lexer of Go's text/template/parse.
 * @throws TemplateError when something is not closed, or cannot stand in an action.
 */
export function tokensOf(source: string): Token[] {
  return new Lexer(source).read();
}

class Lexer {
  readonly #tokens: Token[] = [];
  #at = 0;
  #trims = false;

  constructor(private readonly source: string) {}

  read(): Token[] {
    while (this.#at < this.source.length) this.#readText();
    this.#push('end of file', '');
    return this.#tokens;
  }

  #push(kind: TokenKind, text: string, spaced = false, value: Token['value'] = null): void {
    this.#tokens.push({ kind, text, value, offset: this.#at, spaced });
    this.#at += text.length;
  }

  #fail(offset: number, reason: string): never {
    throw errorAt(this.source, offset, reason);
  }

  /** Reads text up to an action, and the action. */
  #readText(): void {
    if (this.#trims) this.#skipSpace();
    this.#trims = false;
    const found = this.source.indexOf('{{', this.#at);
    const open = found < 0 ? this.source.length : found;
    const marked = this.source[open + 2] === '-' && isSpace(this.source[open + 3]);
    const end = marked ? this.#trimmed(open) : open;
    if (end > this.#at) this.#push('text', this.source.slice(this.#at, end));
    this.#at = open;
    if (found < 0) return;
    const inside = open + (marked ? 4 : 2);
    if (this.source.startsWith('/*', inside)) this.#skipComment(inside);
    else this.#readAction(open, inside);
  }

  #skipSpace(): boolean {
    const start = this.#at;
    while (isSpace(this.source[this.#at])) this.#at += 1;
    return this.#at > start;
  }

  /** Where text ends without the space before an offset. */
  #trimmed(offset: number): number {
    let end = offset;
    while (end > this.#at && isSpace(this.source[end - 1])) end -= 1;
    return end;
  }

  #skipComment(start: number): void {
    const end = this.source.indexOf('*/', start + 2);
    if (end < 0) this.#fail(start, 'the comment is not closed: "*/" is missing');
    this.#at = end + 2;
    this.#trims = isSpace(this.source[this.#at]) && this.source.startsWith('-}}', this.#at + 1);
    if (!this.#trims && !this.source.startsWith('}}', this.#at))
      this.#fail(this.#at, 'a comment must fill its action: "}}" must follow "*/"');
    this.#at += this.#trims ? 4 : 2;
  }

  #readAction(open: number, inside: number): void {
    this.#push('open', '{{');
    this.#at = inside;
    for (;;) {
      const spaced = this.#skipSpace();
      if (this.#at >= this.source.length) this.#fail(open, 'the action is not closed: "}}" is missing');
      this.#trims = spaced && this.source.startsWith('-}}', this.#at);
      if (this.#trims || this.source.startsWith('}}', this.#at)) {
        this.#push('close', this.#trims ? '-}}' : '}}', spaced);
        return;
      }
      this.#readToken(spaced);
    }
  }

  #readToken(spaced: boolean): void {
    const char = this.source[this.#at] ?? '';
    const next = this.source[this.#at + 1];
    if (char === '"' || char === '`' || char === "'") this.#readQuoted(char, spaced);
    else if (isDigit(char) || ('+-.'.includes(char) && isDigit(next)) || ('+-'.includes(char) && next === '.'))
      this.#readNumber(spaced);
    else if (char === '.' || char === '$') this.#readName(char, spaced);
    else if (char === ':' && next === '=') this.#push(':=', ':=', spaced);
    else if (char === '|' || char === '(' || char === ')' || char === '=' || char === ',')
      this.#push(char, char, spaced);
    else this.#readWord(spaced);
  }

  #wordAt(offset: number): string {
    WORD.lastIndex = offset;
    return WORD.exec(this.source)?.[0] ?? '';
  }

  #unexpected(offset: number): never {
    const char = String.fromCodePoint(this.source.codePointAt(offset) ?? 0);
    this.#fail(offset, `unexpected ${cited(char)}`);
  }

  /** Go wants a space, or what cannot belong to a name, behind every name. */
  #checkEnd(): void {
    const char = this.source[this.#at];
    const ends =
      char === undefined || isSpace(char) || '.,|:()'.includes(char) || this.source.startsWith('}}', this.#at);
    if (!ends) this.#unexpected(this.#at);
  }

  #readName(sign: '.' | '$', spaced: boolean): void {
    const name = this.#wordAt(this.#at + 1);
    const kind = sign === '$' ? 'variable' : name === '' ? 'dot' : 'field';
    this.#push(kind, sign + name, spaced);
    this.#checkEnd();
  }

  #readWord(spaced: boolean): void {
    const word = this.#wordAt(this.#at);
    if (word === '') this.#unexpected(this.#at);
    this.#push('word', word, spaced);
    this.#checkEnd();
  }

  #readNumber(spaced: boolean): void {
    let end = this.#at + 1;
    for (; end < this.source.length; end += 1) {
      const char = this.source[end] ?? '';
      const signs = '+-'.includes(char) && 'eE'.includes(this.source[end - 1] ?? '');
      if (!signs && char !== '.' && char !== '_' && !isDigit(char) && !/[a-zA-Z]/.test(char)) break;
    }
    const text = this.source.slice(this.#at, end);
    const value = numberOf(text);
    if (typeof value === 'string') this.#fail(this.#at, `${cited(text)} ${value}`);
    this.#push('literal', text, spaced, value);
  }

  #readQuoted(quote: string, spaced: boolean): void {
    const name = quote === "'" ? 'character' : 'string';
    let end = this.#at + 1;
    while (this.source[end] !== quote) {
      const escapes = quote !== '`' && this.source[end] === '\\';
      const last = escapes ? end + 1 : end;
      const breaks = quote !== '`' && this.source[last] === '\n';
      if (last >= this.source.length || breaks) this.#fail(this.#at, `the ${name} is not closed: ${quote} is missing`);
      end = last + 1;
    }
    const text = this.source.slice(this.#at, end + 1);
    const value = unquote(text);
    if (value === null) this.#fail(this.#at, `the ${name} ${cited(text)} has an escape that is not known`);
    if (quote !== "'") return this.#push('literal', text, spaced, value);
    if (Array.from(value).length !== 1) this.#fail(this.#at, `${cited(text)} must be one character`);
    this.#push('literal', text, spaced, value.codePointAt(0) ?? 0);
  }
}
