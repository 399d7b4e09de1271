/** The column types that {@link encodeColumn} can write. */
export type ColumnType = 'int2' | 'int4' | 'int8' | 'timestamptz' | 'text';

/** A table, its columns in order, and the type of each. */
export interface Table {
  name: string;
  columns: Record<string, ColumnType>;
}

const OID: Record<ColumnType, number> = { int2: 21, int4: 23, int8: 20, timestamptz: 1184, text: 25 };
const WIDTH: Record<Exclude<ColumnType, 'text'>, number> = { int2: 2, int4: 4, int8: 8, timestamptz: 8 };
const LIMIT: Record<'int2' | 'int4' | 'int8', number> = {
  int2: 32_767,
  int4: 2_147_483_647,
  int8: Number.MAX_SAFE_INTEGER,
};

/** A value of a column, as {@link encodeColumn} takes it: numbers for all types but `text`. */
export type ColumnValue = number | string | null | undefined;

/** PostgreSQL counts microseconds from here. */
const EPOCH_MS = Date.UTC(2000, 0, 1);
const HEADER = 20;

/**
 * Writes a column of values as PostgreSQL's binary array, to be given as one parameter and taken apart by `unnest`:
 * three times as fast as values in text. Numbers are rounded and kept within the type's range; null, undefined and NaN
 * become NULL. Times are milliseconds since 1970.
 *
 * Source of the format: `array_recv` in PostgreSQL's src/backend/utils/adt/arrayfuncs.c.
 */
export function encodeColumn(type: ColumnType, values: readonly ColumnValue[]): Buffer {
  return type === 'text' ? encodeText(values) : encodeNumbers(type, values as readonly (number | null | undefined)[]);
}

function header(buffer: Buffer, type: ColumnType, length: number): number {
  buffer.writeInt32BE(1, 0); // dimensions
  buffer.writeInt32BE(1, 4); // may hold NULL
  buffer.writeInt32BE(OID[type], 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16); // lower bound
  return HEADER;
}

function encodeNumbers(type: Exclude<ColumnType, 'text'>, values: readonly (number | null | undefined)[]): Buffer {
  const width = WIDTH[type];
  const buffer = Buffer.allocUnsafe(HEADER + values.length * (4 + width));
  let at = header(buffer, type, values.length);
  for (const value of values) {
    if (value === null || value === undefined || Number.isNaN(value)) {
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
    at = buffer.writeInt32BE(width, at);
    if (type === 'timestamptz') at = writeInt64((value - EPOCH_MS) * 1000, buffer, at);
    else {
      const whole = Math.min(Math.max(Math.round(value), -LIMIT[type]), LIMIT[type]);
      if (type === 'int2') at = buffer.writeInt16BE(whole, at);
      else if (type === 'int4') at = buffer.writeInt32BE(whole, at);
      else at = writeInt64(whole, buffer, at);
    }
  }
  return buffer.subarray(0, at);
}

/** In two halves, because BigInt costs several times as much. */
function writeInt64(value: number, buffer: Buffer, at: number): number {
  const high = Math.floor(value / 2 ** 32);
  return buffer.writeUInt32BE(value - high * 2 ** 32, buffer.writeInt32BE(high, at));
}

function encodeText(values: readonly ColumnValue[]): Buffer {
  const texts = values.map((value) => (value === null || value === undefined ? null : String(value)));
  const size = texts.reduce((sum, text) => sum + 4 + (text === null ? 0 : Buffer.byteLength(text)), HEADER);
  const buffer = Buffer.allocUnsafe(size);
  let at = header(buffer, 'text', texts.length);
  for (const text of texts) {
    if (text === null) at = buffer.writeInt32BE(-1, at);
    else {
      const length = Buffer.byteLength(text);
      at = buffer.writeInt32BE(length, at);
      at += buffer.write(text, at, length);
    }
  }
  return buffer;
}

/**
 * The parts of a statement that reads rows from parameters: `unnest($1::integer[], …) AS name (column, …)` and the
 * parameters themselves. Column names come from code, never from input.
 * @param first the number of the first parameter.
 */
export function unnestColumns(
  columns: Record<string, ColumnType>,
  rows: readonly (readonly ColumnValue[])[],
  alias: string,
  first = 1,
): { from: string; values: Buffer[] } {
  const names = Object.keys(columns);
  const from = `unnest(${names.map((name, index) => `$${first + index}::${columns[name]}[]`).join(', ')}) AS ${alias} (${names.join(', ')})`;
  const values = names.map((name, index) =>
    encodeColumn(
      columns[name] ?? 'text',
      rows.map((row) => row[index]),
    ),
  );
  return { from, values };
}
