import { Budget } from './budget.js';
import { errorAt, Fault } from './errors.js';
import { escapeFor, type EscapeMode } from './escape.js';
import type { Surroundings } from './functions.js';
import type { Call, Node, Operand, Pipeline, Program } from './nodes.js';
import { truth } from './truth.js';
import { Escaped, isMap, kindOf, named, own, plain } from './values.js';

/** How a template is rendered. */
export interface RenderOptions {
  /** What the output is, so that texts from the data cannot break out of their place in it. */
  escape: EscapeMode;
  /** How long the output may get; 256 KiB when not given. */
  maxBytes?: number;
  /** How many steps rendering may take; 40 000 when not given. */
  maxSteps?: number;
}

/** How a body ended: a jump ends those around it, too. */
type Ending = 'through' | 'break' | 'continue';

/**
 * Renders a template. Source: text/template/exec.go.
 * @throws TemplateError when it takes too long, puts out too much, or meets a value of a kind that it cannot use.
 */
export function evaluate(source: string, program: Program, data: unknown, options: RenderOptions): string {
  const evaluator = new Evaluator(program, data, options);
  try {
    return evaluator.run();
  } catch (error) {
    if (error instanceof Fault) throw errorAt(source, evaluator.at, error.message);
    throw error;
  }
}

class Evaluator {
  /** Where in the source rendering is. */
  at = 0;
  readonly #output: string[] = [];
  readonly #slots: unknown[];
  readonly #budget: Budget;
  readonly #surroundings: Surroundings;
  #bytesLeft: number;

  constructor(
    private readonly program: Program,
    data: unknown,
    options: RenderOptions,
  ) {
    const { maxBytes = 262_144, maxSteps = 40_000, escape: mode } = options;
    this.#slots = Array.from({ length: program.slots }, () => null);
    this.#slots[0] = data;
    this.#budget = new Budget(maxSteps, maxBytes);
    this.#surroundings = { mode, budget: this.#budget };
    this.#bytesLeft = maxBytes;
  }

  run(): string {
    this.#walk(this.program.body, this.#slots[0]);
    return this.#output.join('');
  }

  #step(offset: number): void {
    this.at = offset;
    this.#budget.spend();
  }

  #write(text: string): void {
    this.#bytesLeft -= Buffer.byteLength(text);
    if (this.#bytesLeft < 0) throw new Fault(`the output gets longer than ${this.#budget.maxBytes} bytes`);
    this.#output.push(text);
  }

  #walk(nodes: Node[], dot: unknown): Ending {
    for (const node of nodes) {
      this.#step(node.offset);
      const ending = this.#visit(node, dot);
      if (ending !== 'through') return ending;
    }
    return 'through';
  }

  #visit(node: Node, dot: unknown): Ending {
    switch (node.kind) {
      case 'text':
        this.#write(node.text);
        return 'through';
      case 'action':
        this.#act(node.pipeline, dot);
        return 'through';
      case 'if': {
        const taken = node.branches.find(({ condition }) => this.#isTrue(this.#result(condition, dot)));
        return this.#walk(taken?.body ?? node.otherwise, dot);
      }
      case 'with': {
        const subject = this.#result(node.subject, dot);
        return this.#isTrue(subject) ? this.#walk(node.body, subject) : this.#walk(node.otherwise, dot);
      }
      case 'range':
        return this.#repeat(node, dot);
      default:
        return node.kind;
    }
  }

  #isTrue(value: unknown): boolean {
    return truth(value, this.#budget);
  }

  #act(pipeline: Pipeline, dot: unknown): void {
    const value = this.#result(pipeline, dot);
    this.at = pipeline.offset;
    if (pipeline.slots.length === 0) this.#write(escapeFor(this.#surroundings.mode, value, this.#budget));
  }

  #repeat(node: Node & { kind: 'range' }, dot: unknown): Ending {
    const subject = plain(this.#result(node.subject, dot));
    this.at = node.subject.offset;
    const { slots } = node.subject;
    let turns = 0;
    for (const [key, value] of this.#elements(subject)) {
      turns += 1;
      this.#step(node.offset);
      this.#set(slots.slice(-1), value);
      this.#set(slots.slice(0, -1), key);
      if (this.#walk(node.body, value) === 'break') break;
    }
    return turns > 0 ? 'through' : this.#walk(node.otherwise, dot);
  }

  /** What a range goes through: a list, a map, the numbers below a whole number, or nothing. */
  *#elements(subject: unknown): Generator<[key: unknown, value: unknown]> {
    if (typeof subject === 'number' && Number.isSafeInteger(subject)) {
      for (let at = 0; at < subject; at += 1) yield [at, at];
    } else if (Array.isArray(subject)) {
      for (let at = 0; at < subject.length; at += 1) yield [at, own(subject, at)];
    } else if (isMap(subject)) {
      for (const key of this.#budget.keysOf(subject)) yield [key, own(subject, key)];
    } else if (kindOf(subject) !== 'nil') {
      const name = typeof subject === 'number' ? String(subject) : named(kindOf(subject));
      throw new Fault(`{{range}} cannot go through ${name}`);
    }
  }

  #set(slots: number[], value: unknown): void {
    for (const slot of slots) this.#slots[slot] = value;
  }

  #result(pipeline: Pipeline, dot: unknown): unknown {
    let value = this.#value(pipeline.first, dot);
    for (const call of pipeline.rest) value = this.#call(call, dot, [value]);
    this.#set(pipeline.slots, value);
    return value;
  }

  #value(operand: Operand, dot: unknown): unknown {
    this.#step(operand.offset);
    switch (operand.kind) {
      case 'literal':
        return operand.value;
      case 'field':
        return this.#below(dot, operand.names);
      case 'variable':
        return this.#below(this.#slots[operand.slot], operand.names);
      case 'group':
        return this.#below(this.#result(operand.pipeline, dot), operand.names);
      default:
        return this.#call(operand, dot, []);
    }
  }

  #below(value: unknown, names: string[]): unknown {
    this.#budget.spend(names.length);
    return names.reduce<unknown>(own, value);
  }

  /** @param piped what comes from the left of a |: the last argument. */
  #call(call: Call, dot: unknown, piped: [] | [unknown]): unknown {
    const values: unknown[] = [];
    const { stopsAt, run } = call.function;
    const take = (value: unknown): boolean => {
      values.push(value);
      return stopsAt !== undefined && this.#isTrue(value) === stopsAt;
    };
    const stopped = call.arguments.some((argument) => take(this.#value(argument, dot)));
    if (!stopped) piped.forEach(take);
    this.#step(call.offset);
    for (const value of values) this.#payFor(value);
    const result = run(values, this.#surroundings);
    const text = plain(result);
    if (typeof text === 'string') this.#budget.checkLength(text.length);
    return result;
  }

  #payFor(value: unknown): void {
    if (typeof value === 'string') this.#budget.spendOn(value);
    else if (value instanceof Escaped) this.#budget.spendOn(value.text);
  }
}
