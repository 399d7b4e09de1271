import { errorAt } from './errors.js';
import { evaluate, type RenderOptions } from './evaluator.js';
import type { Program } from './nodes.js';
import { parse } from './parser.js';

export { TemplateError } from './errors.js';
export type { RenderOptions } from './evaluator.js';

/** How long a template's source may be, in bytes of UTF-8. */
export const MAX_SOURCE_BYTES = 65_536;

/** A template that was read, ready to be rendered any number of times. */
export class Template {
  /** Use {@link compile}. */
  constructor(
    private readonly source: string,
    private readonly program: Program,
  ) {}

  /**
   * Renders the template. It can reach nothing but what plain objects and lists in `data` hold themselves.
   * @throws TemplateError when the output gets too long, the template takes too many steps, or a value is of a kind that cannot be used.
   */
  render(data: Readonly<Record<string, unknown>>, options: RenderOptions): string {
    return evaluate(this.source, this.program, data, options);
  }
}

/**
 * Reads a template in the syntax of Go's text/template, as Pulse's webhooks use it.
 * @throws TemplateError when it is too long or cannot be read: then it should not be saved.
 */
export function compile(source: string): Template {
  if (Buffer.byteLength(source) > MAX_SOURCE_BYTES)
    throw errorAt(source, 0, `the template is longer than ${MAX_SOURCE_BYTES / 1024} KiB`);
  return new Template(source, parse(source));
}
