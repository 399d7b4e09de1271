import { Draft, type Budget } from './budget.js';
import { Fault } from './errors.js';
import { format, isPrintable, PLAIN } from './format.js';
import { Escaped, isMap, kindOf, own, plain, wellFormed } from './values.js';

/** What the output is: JSON, a URL, or just text. */
export type EscapeMode = 'json' | 'url' | 'none';

/** How deep data may be nested that is written as JSON: it may contain itself. */
const MAX_DEPTH = 50;

/** What an action puts out for its value. */
export function escapeFor(mode: EscapeMode, value: unknown, budget: Budget): string {
  if (value instanceof Escaped && value.mode === mode) return value.text;
  const bare = plain(value);
  const text = kindOf(bare) === 'nil' ? '<no value>' : format(bare, PLAIN, budget);
  if (mode === 'none') return text;
  return mode === 'url' ? encodeURIComponent(wellFormed(text)) : jsonText(text);
}

/** A text as it stands within the quotes of a JSON string. */
export function jsonText(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** A value as JSON, keys in order. What JSON has no word for is null. JSON.stringify would call `toJSON`. */
export function jsonOf(value: unknown, budget: Budget): string {
  const draft = new Draft(budget);
  writeJson(plain(value), draft, budget, 0);
  return draft.toString();
}

function writeJson(value: unknown, draft: Draft, budget: Budget, depth: number): void {
  budget.spend();
  if (depth > MAX_DEPTH) throw new Fault(`the data is nested more than ${MAX_DEPTH} deep`);
  if (Array.isArray(value)) {
    draft.add('[');
    for (let at = 0; at < value.length; at += 1) {
      if (at > 0) draft.add(',');
      writeJson(own(value, at), draft, budget, depth + 1);
    }
    draft.add(']');
  } else if (isMap(value)) {
    draft.add('{');
    for (const [at, key] of budget.keysOf(value).entries()) {
      draft.add(`${at > 0 ? ',' : ''}${JSON.stringify(key)}:`);
      writeJson(own(value, key), draft, budget, depth + 1);
    }
    draft.add('}');
  } else draft.add(kindOf(value) === 'nil' ? 'null' : JSON.stringify(value));
}

const percent = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
const strict = (text: string): string => encodeURIComponent(wellFormed(text)).replace(/[!'()*]/g, percent);

/** Go's url.QueryEscape: all but letters, digits and `-_.~`, and a space as +. */
export function queryEscape(text: string): string {
  return strict(text).replaceAll('%20', '+');
}

/** Go's url.PathEscape: for one segment of a path. */
export function pathEscape(text: string): string {
  return strict(text).replace(/%(?:24|26|2B|3D|3A|40)/g, decodeURIComponent);
}

const HTML: Record<string, string> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};

/** Go's template.HTMLEscapeString. */
export function htmlEscape(text: string): string {
  // oxlint-disable-next-line no-control-regex -- Go replaces NUL.
  return text.replace(/[\0"'&<>]/g, (char) => HTML[char] ?? '');
}

/** Go's template.JSEscapeString: for a string of JavaScript. */
export function jsEscape(text: string): string {
  // oxlint-disable-next-line no-control-regex -- Go escapes control characters.
  return wellFormed(text).replace(/[\\'"<>&=\0-\x1f]|[^\0-\x7f]/gu, (char) => {
    if (char === '\\' || char === "'" || char === '"') return `\\${char}`;
    if (char > '\x7f' && isPrintable(char)) return char;
    const hex = (char.codePointAt(0) ?? 0).toString(16).toUpperCase();
    return String.raw`\u` + hex.padStart(4, '0');
  });
}
