/** Escape sequences of terminals: CSI, OSC (up to its end, or to the next escape), and those of two characters. Source: ECMA-48. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for.
const ESCAPES = /(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]|\u001B\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|\u001B[ -/]*[0-~]/g;
/** Controls but `\n` and `\t`, and the signs that turn the direction in which text is shown. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for.
const UNWELCOME = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069\p{Cs}]/gu;
// oxlint-disable-next-line no-control-regex -- they are what is looked for.
const SUSPICIOUS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069\p{Cs}]/u;

/**
 * Text of a log as data: without escape sequences, and with U+FFFD for every other control character (but line feeds and tabs), for signs that turn
 * the direction of text, and for halves of surrogate pairs. `\r\n` becomes `\n`, another `\r` or line separator a space. Linear in the length.
 */
export function cleanLogText(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  // Each run of \r is looked at once: /\r+\n/ would begin anew at each of its signs.
  return text
    .replace(/\r+\n?/g, (run) => (run.endsWith('\n') ? '\n' : ' '.repeat(run.length)))
    .replace(/[\u2028\u2029]/g, ' ')
    .replace(ESCAPES, '')
    .replace(UNWELCOME, '\uFFFD');
}

/** Texts as short as these are found as words only: an index of parts knows triples of characters. */
const MIN_PART = 3;
/** Signs of the syntax of web searches: quotes, a word with one minus before it, `or`. */
const SIGNS = /"|(?:^|\s)-[^\s-]|(?:^|\s)or(?:\s|$)/i;
/** Several are an option of a command, e.g. `--verbose`, and one alone is a dash: neither is the opposite of what follows. */
const DASHES = /(^|\s)-(?:-+|(?=\s|$))/g;

/**
 * What is meant by a search: words in the syntax of web searches, and, where the text has none of its signs, a part of a line.
 * @param query as a person writes it.
 */
export function readLogQuery(query: string): { words: string; part: string | null } {
  const text = query.trim();
  const isPart = !SIGNS.test(text) && text.length >= MIN_PART;
  return { words: text.replace(DASHES, '$1'), part: isPart ? text : null };
}

/** As {@link cleanLogText}, for what stands on one line: the name of a unit, or a field. */
export function cleanLogName(text: string): string {
  return cleanLogText(text).replace(/[\n\t]+/g, ' ');
}
