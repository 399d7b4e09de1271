import type { TemplateFunction } from './functions.js';

/** A value in an action. `offset`: where it stands in the source, from 0. */
export type Operand = { offset: number } & (
  | { kind: 'literal'; value: string | number | boolean | null }
  /** `.A.B`: names below the dot; none for the dot itself. */
  | { kind: 'field'; names: string[] }
  /** `$x.A`: names below a variable. */
  | { kind: 'variable'; slot: number; names: string[] }
  /** `(…).A`: names below what stands in parentheses. */
  | { kind: 'group'; pipeline: Pipeline; names: string[] }
  | Call
);

/** A function and what is written behind it; in a pipeline, what comes from the left is its last argument. */
export interface Call {
  kind: 'call';
  offset: number;
  name: string;
  function: TemplateFunction;
  arguments: Operand[];
}

/** `first | rest[0] | rest[1] …`, and the slots of the variables that get the result. */
export interface Pipeline {
  offset: number;
  first: Operand;
  rest: Call[];
  slots: number[];
}

/** A piece of a template. */
export type Node =
  | { kind: 'text'; offset: number; text: string }
  | { kind: 'action'; offset: number; pipeline: Pipeline }
  | { kind: 'if'; offset: number; branches: { condition: Pipeline; body: Node[] }[]; otherwise: Node[] }
  | { kind: 'with'; offset: number; subject: Pipeline; body: Node[]; otherwise: Node[] }
  /** Slots of `subject`: the element's alone, or the index's and the element's. */
  | { kind: 'range'; offset: number; subject: Pipeline; body: Node[]; otherwise: Node[] }
  | { kind: 'break' | 'continue'; offset: number };

/** A template that was read. Slot 0 holds `$`. */
export interface Program {
  body: Node[];
  slots: number;
}
