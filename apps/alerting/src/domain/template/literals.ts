// No digit can be taken by two parts of these, so that they are linear.
const DECIMAL = /^(?:0|[1-9](?:_?[0-9])*)$/;
const FLOAT =
  /^(?=\.?[0-9])(?=.*[.eE])(?:[0-9](?:_?[0-9])*)?(?:\.(?:[0-9](?:_?[0-9])*)?)?(?:[eE][+-]?[0-9](?:_?[0-9])*)?$/;
const BASES: [form: RegExp, prefix: RegExp, base: number][] = [
  [/^0[xX](?:_?[0-9a-fA-F])+$/, /^0[xX]/, 16],
  [/^0[bB](?:_?[01])+$/, /^0[bB]/, 2],
  [/^0[oO]?(?:_?[0-7])+$/, /^0[oO]?/, 8],
];

/**
 * What a number of a template stands for, written as Go writes integers and decimal fractions.
 * @returns a string that says what is wrong with it, when something is.
 */
export function numberOf(text: string): number | string {
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[+-]/, '');
  const plain = digits.replaceAll('_', '');
  for (const [form, prefix, base] of BASES)
    if (form.test(digits)) return safe(sign * Number.parseInt(plain.replace(prefix, ''), base));
  if (DECIMAL.test(digits)) return safe(sign * Number(plain));
  if (!FLOAT.test(digits)) return 'is not a number';
  const value = sign * Number(plain);
  return Number.isFinite(value) ? value : 'is too large';
}

function safe(value: number): number | string {
  return Number.isSafeInteger(value) ? value : 'is too large: integers go up to 2^53';
}

const SIMPLE: Record<string, string> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};
/** Everything that may follow a backslash, and what is no escape; nothing else can stand between quotes. */
const PIECE = /\\(?:([abfnrtv\\"'])|x([\da-fA-F]{2})|([0-7]{3})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))|[^\\]+/y;

/**
 * What a quoted string or character stands for. Bytes that are no UTF-8 become U+FFFD.
 * @param text with its quotes.
 * @returns null when it has an escape that Go does not know.
 */
export function unquote(text: string): string | null {
  const quote = text[0] ?? '';
  const inside = text.slice(1, -1);
  if (quote === '`') return inside.replaceAll('\r', '');
  const bytes: Buffer[] = [];
  for (let at = 0; at < inside.length; at = PIECE.lastIndex) {
    PIECE.lastIndex = at;
    const piece = PIECE.exec(inside);
    const read = piece && bytesOf(piece, quote);
    if (!read) return null;
    bytes.push(read);
  }
  return Buffer.concat(bytes).toString('utf8');
}

function bytesOf([whole, simple, hex, octal, short, long]: RegExpExecArray, quote: string): Buffer | null {
  if (simple === '"' || simple === "'") return simple === quote ? Buffer.from(simple) : null;
  if (simple !== undefined) return Buffer.from(SIMPLE[simple] ?? '');
  const byte = hex === undefined ? octal && Number.parseInt(octal, 8) : Number.parseInt(hex, 16);
  if (typeof byte === 'number') return byte > 255 ? null : Buffer.from([byte]);
  const digits = short ?? long;
  if (digits === undefined) return Buffer.from(whole);
  const point = Number.parseInt(digits, 16);
  const exists = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
  return exists ? Buffer.from(String.fromCodePoint(point)) : null;
}
