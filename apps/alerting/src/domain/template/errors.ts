/** What is wrong with a template, and where. Its message is for whoever wrote the template. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';

  /**
   * @param reason what is wrong, in plain words.
   * @param line from 1.
   * @param column from 1, in UTF-16 units, as editors count.
   */
  constructor(
    reason: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(`line ${line}, column ${column}: ${reason}`);
  }
}

/** What went wrong where the place in the template is not known; whoever knows it makes a {@link TemplateError} of it. */
export class Fault extends Error {}

/** The error at an offset of a template's source. */
export function errorAt(source: string, offset: number, reason: string): TemplateError {
  const before = source.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let at = before.indexOf('\n'); at >= 0; at = before.indexOf('\n', at + 1)) line += 1;
  return new TemplateError(reason, line, offset - lineStart + 1);
}

/** A piece of a template as errors name it: quoted, and short. */
export function cited(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
