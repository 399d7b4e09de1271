/** Of a line in JSON, so many characters are looked at. */
const JSON_SCAN = 4096;

/**
 * The value of the first of these names in a line that is a JSON object, without its quotes and with its escapes as they stand; undefined when
 * none of its own (not of a nested object) is a text or a number. Reads the first 4096 characters; need not be whole JSON.
 */
export function jsonField(text: string, names: ReadonlySet<string>): string | undefined {
  if (text.charCodeAt(0) !== 0x7b) return undefined;
  const limit = Math.min(text.length, JSON_SCAN);
  let depth = 0;
  let key: string | undefined;
  for (let at = 0; at < limit; at += 1) {
    const char = text[at];
    if (char === '"') {
      const end = closingQuote(text, at + 1, limit);
      if (end < 0) return undefined;
      if (depth === 1) {
        const value = text.slice(at + 1, end);
        if (key === undefined) key = value;
        else if (names.has(key)) return value;
      }
      at = end;
    } else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    else if (depth !== 1) continue;
    else if (char === ',') key = undefined;
    else if (char === ':' && key !== undefined && names.has(key)) {
      const number = /^\s*(-?\d{1,20}(?:\.\d{1,20})?)/.exec(text.slice(at + 1, at + 48));
      if (number) return number[1];
    }
  }
  return undefined;
}

function closingQuote(text: string, from: number, limit: number): number {
  for (let at = text.indexOf('"', from); at >= 0 && at < limit; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (at - slashes - 1 >= from && text[at - slashes - 1] === '\\') slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}

const WORD = /^[A-Za-z][a-z']*[.,;]?$|^[A-Z]+[.,;]?$/;
const DATE_WORD =
  /^(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun|UTC|GMT|[A-Z]{2,3}T|Z)$/;

/**
 * How many words of a sentence stand in what precedes something in a line: months, days and zones of a date are none, nor is what holds digits or signs,
 * such as a process or a module. Meant for some hundred characters at most.
 */
export function plainWords(prefix: string): number {
  let count = 0;
  for (const token of prefix.split(/[\s]/)) if (WORD.test(token) && !DATE_WORD.test(token)) count += 1;
  return count;
}

/** The first so many characters (UTF-16 units), one less where a surrogate pair would be cut in two. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 1 : max);
}
