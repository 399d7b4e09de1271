import { MAX_LOG_PATTERN_SIZE, patternSize } from '@lapwing/contracts';
import { RE2JS, RE2JSSyntaxException } from 're2js';

/** A pattern, or in words why it is none. */
export type Pattern = { regex: RE2JS } | { problem: string };

/**
 * Compiles a regular expression in the syntax of RE2 (github.com/google/re2/wiki/Syntax), which matches in a time that is linear in the line; upper and
 * lower case are the same.
 * @param text at most 500 characters.
 */
export function patternOf(text: string): Pattern {
  if (patternSize(text) > MAX_LOG_PATTERN_SIZE) return { problem: 'is too large; repeat less' };
  try {
    return { regex: RE2JS.compile(text, RE2JS.CASE_INSENSITIVE) };
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    const reason = error.message.replace(/^error parsing regexp: /, '');
    return { problem: `is no RE2 regular expression (which has no back-references and no look-around): ${reason}` };
  }
}
