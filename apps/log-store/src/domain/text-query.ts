import { readLogQuery } from '@lapwing/contracts';

/** How a text is looked for. */
export interface TextQuery {
  /** In the syntax of web searches; null where `part` finds all that it would. */
  words: string | null;
  /** A part of the line; null where the text has signs of that syntax, or is too short for an index. */
  part: string | null;
  /** Parts that every line has that matches: cheap to look for where there is no index. */
  required: string[];
}

const PURE_WORD = /^[A-Za-z0-9]+$/;

/**
 * Reads what a person looks for. A text without signs is found as words in any order, and as a part of the line. One plain word needs no words:
 * whoever has it as a word has it as a part.
 */
export function readTextQuery(query: string): TextQuery {
  const { words, part } = readLogQuery(query);
  return { words: part !== null && PURE_WORD.test(part) ? null : words, part, required: requiredWords(words) };
}

/** Words that a line must hold: none of those that are excluded, and none at all where `or` or markup leave it open. */
function requiredWords(text: string): string[] {
  if (/[<>&]|\bor\b/i.test(text)) return [];
  return text
    .replace(/-"[^"]*"?/g, ' ')
    .split(/[\s"]+/)
    .filter((word) => PURE_WORD.test(word))
    .slice(0, 10);
}

/** A text as a pattern of `LIKE` that finds it anywhere. */
export function likePattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, String.raw`\$&`)}%`;
}
