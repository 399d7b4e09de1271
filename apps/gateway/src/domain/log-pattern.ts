import { RE2JS, RE2JSSyntaxException } from 're2js';

/** So often may parts of a pattern be repeated by `{n,m}`, all together: each time is a copy of the part. */
const MAX_COPIES = 500;
/** Steps of a compiled pattern: with so many, the worst line of 16 KiB takes a quarter of a second, and one of 200 characters 3 ms. */
const MAX_STEPS = 1000;
const COPIES = /\{(\d+)(?:,(\d*))?\}/g;

/** A pattern, or in words why it is none. */
export type Pattern = { regex: RE2JS } | { problem: string };

/**
 * Compiles a regular expression in the syntax of RE2 (github.com/google/re2/wiki/Syntax), which matches in a time that is linear in the line; upper and
 * lower case are the same.
 * @param text at most 500 characters.
 */
export function patternOf(text: string): Pattern {
  const copies = [...text.matchAll(COPIES)].reduce((sum, [, least, most]) => sum + Number(most || least), 0);
  if (copies > MAX_COPIES) return { problem: `repeats its parts more than ${MAX_COPIES} times` };
  try {
    const regex = RE2JS.compile(text, RE2JS.CASE_INSENSITIVE);
    if (regex.programSize() > MAX_STEPS) return { problem: 'is too large; repeat less' };
    return { regex };
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    const reason = error.message.replace(/^error parsing regexp: /, '');
    return { problem: `is no RE2 regular expression (which has no back-references and no look-around): ${reason}` };
  }
}
