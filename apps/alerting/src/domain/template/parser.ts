import { cited, errorAt, Fault } from './errors.js';
import { functionNamed, type TemplateFunction } from './functions.js';
import { tokensOf, type Token, type TokenKind } from './lexer.js';
import type { Call, Node, Operand, Pipeline, Program } from './nodes.js';
import { Scope } from './scope.js';

/** How deep blocks and parentheses may be nested, together. Rendering calls itself as deep. */
export const MAX_NESTING = 50;

const LITERALS = new Map<string, boolean | null>([
  ['true', true],
  ['false', false],
  ['nil', null],
]);
/** Parts of Go's templates that Lapwing has no use for, and what to say. */
const REFUSED: Record<string, string> = {
  define: '{{define}} is not supported: a template stands alone',
  template: '{{template}} is not supported: a template stands alone',
  block: '{{block}} is not supported: a template stands alone',
  call: '"call" is not supported: the data has no functions',
};
const KEYWORDS = new Set(['if', 'else', 'end', 'range', 'with', 'break', 'continue', 'define', 'template', 'block']);
const OPERANDS = new Set<TokenKind>(['word', 'dot', 'field', 'variable', 'literal', '(']);

/**
 * Reads a template. Source: the parser of Go's text/template/parse.
 * @throws TemplateError about everything that can be known without data.
 */
export function parse(source: string): Program {
  return new Parser(source).read();
}

class Parser {
  readonly #tokens: Token[];
  readonly #scope = new Scope();
  #at = 0;
  #nesting = 0;
  #ranges = 0;

  constructor(private readonly source: string) {
    this.#tokens = tokensOf(source);
  }

  read(): Program {
    const body = this.#readBody();
    const token = this.#next();
    if (token.kind !== 'end of file') this.#fail(token, `there is nothing that {{${token.text}}} could belong to`);
    return { body, slots: this.#scope.size };
  }

  #peek(ahead = 0): Token {
    const last = this.#tokens.length - 1;
    return this.#tokens[Math.min(this.#at + ahead, last)] as Token;
  }

  #next(): Token {
    const token = this.#peek();
    this.#at += 1;
    return token;
  }

  #fail(at: { offset: number }, reason: string): never {
    throw errorAt(this.source, at.offset, reason);
  }

  #unexpected(token: Token): never {
    this.#fail(token, `unexpected ${token.kind === 'end of file' ? 'end' : cited(token.text)}`);
  }

  #expect(kind: TokenKind): Token {
    const token = this.#next();
    return token.kind === kind ? token : this.#unexpected(token);
  }

  #isWord(...words: string[]): boolean {
    const { kind, text } = this.#peek();
    return kind === 'word' && words.includes(text);
  }

  /** Reads what is nested. `at`: where errors point to. */
  #nested<T>(at: Token, read: () => T): T {
    this.#nesting += 1;
    if (this.#nesting > MAX_NESTING) this.#fail(at, `blocks and parentheses are nested more than ${MAX_NESTING} deep`);
    const result = read();
    this.#nesting -= 1;
    return result;
  }

  /** Reads up to {{else}}, {{end}} or the end; of the first two the braces are read, too. */
  #readBody(): Node[] {
    const nodes: Node[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.kind === 'end of file') return nodes;
      this.#at += 1;
      if (token.kind === 'text') nodes.push({ kind: 'text', offset: token.offset, text: token.text });
      else if (this.#isWord('else', 'end')) return nodes;
      else nodes.push(this.#readAction());
    }
  }

  #readAction(): Node {
    const token = this.#peek();
    const word = token.kind === 'word' ? token.text : '';
    if (word === 'if') return this.#nested(token, () => this.#readIf());
    if (word === 'range' || word === 'with') return this.#nested(token, () => this.#readBlock(word));
    if (word === 'break' || word === 'continue') return this.#readJump(word);
    return { kind: 'action', offset: token.offset, pipeline: this.#readPipeline('close') };
  }

  #readJump(kind: 'break' | 'continue'): Node {
    const { offset } = this.#next();
    if (this.#ranges === 0) this.#fail({ offset }, `{{${kind}}} must stand in a {{range}}`);
    this.#expect('close');
    return { kind, offset };
  }

  #readIf(): Node {
    const start = this.#next();
    const mark = this.#scope.mark();
    const branches = [this.#readBranch()];
    let otherwise: Node[] = [];
    while (this.#endsWith(start, 'else')) {
      if (this.#isWord('if')) {
        this.#at += 1;
        branches.push(this.#readBranch());
        continue;
      }
      otherwise = this.#readElse(start);
      break;
    }
    this.#scope.release(mark);
    return { kind: 'if', offset: start.offset, branches, otherwise };
  }

  #readBranch(): { condition: Pipeline; body: Node[] } {
    const condition = this.#readPipeline('close');
    return { condition, body: this.#readScope() };
  }

  #readBlock(kind: 'range' | 'with'): Node {
    const start = this.#next();
    const mark = this.#scope.mark();
    const subject = this.#readPipeline('close', kind === 'range' ? 2 : 1);
    this.#ranges += kind === 'range' ? 1 : 0;
    const body = this.#readScope();
    this.#ranges -= kind === 'range' ? 1 : 0;
    const otherwise = this.#endsWith(start, 'else') ? this.#readElse(start) : [];
    this.#scope.release(mark);
    return { kind, offset: start.offset, subject, body, otherwise };
  }

  /** Reads a body whose variables end with it. */
  #readScope(): Node[] {
    const mark = this.#scope.mark();
    const body = this.#readBody();
    this.#scope.release(mark);
    return body;
  }

  /** Reads the rest of {{else}} and what belongs to it, up to the {{end}}. */
  #readElse(start: Token): Node[] {
    this.#expect('close');
    const body = this.#readScope();
    if (this.#endsWith(start, 'else')) this.#fail(this.#peek(-1), `{{${start.text}}} has an {{else}} already`);
    return body;
  }

  /** Reads the word that ended a body: true for {{else …, false for a whole {{end}}. */
  #endsWith(start: Token, word: 'else'): boolean {
    const token = this.#next();
    if (token.kind === 'end of file') this.#fail(start, `{{${start.text}}} is not closed: {{end}} is missing`);
    if (token.text === word) return true;
    this.#expect('close');
    return false;
  }

  #readPipeline(end: 'close' | ')', variables = 1): Pipeline {
    const { offset } = this.#peek();
    const { names, declares } = end === 'close' ? this.#readNames(variables) : { names: [], declares: false };
    if (this.#peek().kind === end) this.#fail(this.#peek(), 'a value is missing');
    const first = this.#readCommand();
    const rest: Call[] = [];
    while (this.#peek().kind === '|') {
      this.#at += 1;
      rest.push(this.#readStage());
    }
    this.#expect(end);
    // Go knows a variable only behind the pipeline that declares it.
    const slots = names.map((token) => (declares ? this.#scope.declare(token.text) : this.#slotOf(token)));
    return { offset, first, rest, slots };
  }

  /** Reads `$x :=`, `$x =`, and of a range `$i, $x :=`. */
  #readNames(most: number): { names: Token[]; declares: boolean } {
    const two = most === 2 && this.#peek().kind === 'variable' && this.#peek(1).kind === ',';
    const sign = this.#peek(two ? 3 : 1);
    const names = two ? [this.#peek(), this.#peek(2)] : [this.#peek()];
    const isSet = names.every(({ kind }) => kind === 'variable') && (sign.kind === ':=' || sign.kind === '=');
    if (!isSet) return { names: [], declares: false };
    for (const token of names) if (token.text === '$') this.#fail(token, '"$" is the data, and cannot be set');
    this.#at += two ? 4 : 2;
    return { names, declares: sign.kind === ':=' };
  }

  #slotOf(token: Token): number {
    return this.#scope.find(token.text) ?? this.#fail(token, `the variable ${cited(token.text)} is not defined`);
  }

  /** Reads the first command of a pipeline. */
  #readCommand(): Operand {
    const token = this.#peek();
    if (token.kind === 'word' && !LITERALS.has(token.text)) return this.#readCall(true, 0);
    if (token.kind === 'word' && token.text === 'nil') this.#fail(token, 'nil is no value to put out');
    const operand = this.#readOperand();
    if (OPERANDS.has(this.#peek().kind) && this.#peek().spaced)
      this.#fail(this.#peek(), `${cited(token.text)} is no function and takes no arguments`);
    return operand;
  }

  /** Reads what follows a |. */
  #readStage(): Call {
    const token = this.#peek();
    if (token.kind === 'word' && !LITERALS.has(token.text)) return this.#readCall(true, 1);
    if (OPERANDS.has(token.kind)) this.#fail(token, `only a function can stand behind "|", not ${cited(token.text)}`);
    return this.#unexpected(token);
  }

  /** @param piped how many arguments come from the left. */
  #readCall(takesArguments: boolean, piped: number): Call {
    const token = this.#next();
    const called = this.#functionOf(token);
    const values = takesArguments ? this.#readArguments() : [];
    const count = values.length + piped;
    if (count < called.least || count > called.most)
      this.#fail(token, `${cited(token.text)} takes ${range(called)}, not ${count}`);
    this.#check(called, values[0]);
    return { kind: 'call', offset: token.offset, name: token.text, function: called, arguments: values };
  }

  #readArguments(): Operand[] {
    const values: Operand[] = [];
    while (this.#peek().spaced && OPERANDS.has(this.#peek().kind)) values.push(this.#readOperand());
    return values;
  }

  #functionOf(token: Token): TemplateFunction {
    const { text } = token;
    const reason = Object.hasOwn(REFUSED, text) ? REFUSED[text] : undefined;
    if (reason !== undefined) this.#fail(token, reason);
    if (KEYWORDS.has(text)) this.#unexpected(token);
    return functionNamed(text) ?? this.#fail(token, `the function ${cited(text)} is not known`);
  }

  #check({ check }: TemplateFunction, first: Operand | undefined): void {
    if (!check || first?.kind !== 'literal' || typeof first.value !== 'string') return;
    try {
      check(first.value);
    } catch (error) {
      if (error instanceof Fault) this.#fail(first, error.message);
      throw error;
    }
  }

  #readOperand(): Operand {
    const token = this.#peek();
    const { offset, kind, text, value } = token;
    if (kind === 'word') return this.#readWord(token);
    this.#at += 1;
    if (kind === 'literal') return this.#alone({ kind, offset, value });
    if (kind === 'dot') return this.#alone({ kind: 'field', offset, names: [] });
    if (kind === 'field') return { kind, offset, names: [text.slice(1), ...this.#readNamesBelow()] };
    if (kind === 'variable') return { kind, offset, slot: this.#slotOf(token), names: this.#readNamesBelow() };
    if (kind !== '(') return this.#unexpected(token);
    const pipeline = this.#nested(token, () => this.#readPipeline(')'));
    return { kind: 'group', offset, pipeline, names: this.#readNamesBelow() };
  }

  #readWord(token: Token): Operand {
    const value = LITERALS.get(token.text);
    if (value === undefined) return this.#alone(this.#readCall(false, 0));
    this.#at += 1;
    return this.#alone({ kind: 'literal', offset: token.offset, value });
  }

  /** What has no fields. */
  #alone(operand: Operand): Operand {
    const token = this.#peek();
    return token.kind === 'field' && !token.spaced ? this.#unexpected(token) : operand;
  }

  #readNamesBelow(): string[] {
    const names: string[] = [];
    while (this.#peek().kind === 'field' && !this.#peek().spaced) names.push(this.#next().text.slice(1));
    return names;
  }
}

function range({ least, most }: TemplateFunction): string {
  const plural = (count: number): string => `${count} argument${count === 1 ? '' : 's'}`;
  if (most === Number.POSITIVE_INFINITY) return `at least ${plural(least)}`;
  return least === most ? plural(least) : `${least} to ${plural(most)}`;
}
