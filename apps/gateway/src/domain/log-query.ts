import { readLogQuery } from '@lapwing/contracts';

/** What a search looks at; made of a line once for all searches. */
export interface SearchText {
  /** The line in lower case. */
  lower: string;
  /** Its words in lower case, one space between them, before the first and after the last. */
  words: string;
}

/** What separates words: all but letters, their marks, and digits. */
const BETWEEN = /[^\p{L}\p{M}\p{N}]+/gu;

/** The words of a text as {@link SearchText} has them; a single space where there is none. Linear in the length. */
export function wordsOf(text: string): string {
  return ` ${text.toLowerCase().replace(BETWEEN, ' ').trim()} `.replace('  ', ' ');
}

/** One word, or several that follow each other, that must be there; or must not. */
interface Term {
  words: string;
  isNegated: boolean;
}

const OR = /^or(?![-_\p{L}\p{N}])(?=[^]\s*\S)/iu;
const IGNORED = /^[\s!&|()]/;
const BARE = /^[^\s"!&|()]+/;

/**
 * Makes a search out of words in the syntax of PostgreSQL's `websearch_to_tsquery` (parsing as in its `tsquery.c`, without stop words or stems): all
 * words must be there, as whole words, in upper or lower case; `"a phrase"` in this order; `or` between alternatives; `-` before what must not be there.
 * A text without such signs is found as a part of a line, too; see {@link readLogQuery}.
 * @param query at most 1000 characters.
 * @returns whether a line matches; false for every line where the query has no word at all and is no plain text.
 */
export function searchOf(query: string): (text: SearchText) => boolean {
  const { words, part } = readLogQuery(query);
  const alternatives = parse(words);
  const lower = part?.toLowerCase();
  return (text) =>
    (lower !== undefined && text.lower.includes(lower)) ||
    alternatives.some((terms) => terms.every((term) => text.words.includes(term.words) !== term.isNegated));
}

/** Alternatives of terms that must all hold. */
function parse(query: string): Term[][] {
  const alternatives: Term[][] = [[]];
  let rest = query;
  let isNegated = false;
  let isAfterTerm = false;
  while (rest !== '') {
    const or: string | undefined = isAfterTerm ? OR.exec(rest)?.[0] : undefined;
    if (or !== undefined) {
      alternatives.push([]);
      isAfterTerm = false;
      rest = rest.slice(or.length);
    } else if (IGNORED.test(rest)) rest = rest.slice(1);
    else if (rest.startsWith('-')) {
      isNegated = !isNegated;
      isAfterTerm = false;
      rest = rest.slice(1);
    } else {
      const { text, length } = operand(rest);
      const words = wordsOf(text);
      if (words !== ' ') alternatives.at(-1)?.push({ words, isNegated });
      isNegated = false;
      isAfterTerm = true;
      rest = rest.slice(length);
    }
  }
  return alternatives.filter((terms) => terms.length > 0);
}

/** A phrase in quotes, of which the second may be missing, or what stands without a space; and how much of the text it was. */
function operand(rest: string): { text: string; length: number } {
  if (!rest.startsWith('"')) {
    const text = BARE.exec(rest)?.[0] ?? rest;
    return { text, length: text.length };
  }
  const end = rest.indexOf('"', 1);
  return end < 0 ? { text: rest.slice(1), length: rest.length } : { text: rest.slice(1, end), length: end + 1 };
}
