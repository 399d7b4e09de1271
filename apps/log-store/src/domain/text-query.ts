/** How a text is looked for. */
export interface TextQuery {
  /** In the syntax of web searches; null where `part` finds all that it would. */
  words: string | null;
  /** A part of the line; null where the text has signs of that syntax, or is too short for an index. */
  part: string | null;
  /** Parts that every line has that matches: cheap to look for where there is no index. */
  required: string[];
}

/** Trigram indexes find parts of this many characters or more. */
const MIN_PART = 3;
/** Signs of the syntax of web searches: quotes, a word with one minus before it, `or`. */
const SIGNS = /"|(?:^|\s)-[^\s-]|(?:^|\s)or(?:\s|$)/i;
/** Several are an option of a command, e.g. `--verbose`, and not the opposite of an opposite. */
const DASHES = /(^|\s)-{2,}/g;
const PURE_WORD = /^[A-Za-z0-9]+$/;

/**
 * Reads what a person looks for. A text without signs is found as words in any order, and as a part of the line. One plain word needs no words:
 * whoever has it as a word has it as a part.
 */
export function readTextQuery(query: string): TextQuery {
  const text = query.trim();
  const words = text.replace(DASHES, '$1');
  const required = requiredWords(words);
  if (SIGNS.test(text) || text.length < MIN_PART) return { words, part: null, required };
  return { words: PURE_WORD.test(text) ? null : words, part: text, required };
}

/** Words that a line must hold: none of those that are excluded, and none at all where `or` or markup leave it open. */
function requiredWords(text: string): string[] {
  if (/[<>&]/.test(text) || /(?:^|\s)or(?:\s|$)/i.test(text)) return [];
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
