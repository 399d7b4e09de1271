import type { Table } from '@lapwing/postgres';
import { once } from 'node:events';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

const EPOCH_MS = Date.UTC(2000, 0, 1);
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const WIDTH = { int2: 2, int4: 4, int8: 8, timestamptz: 8 } as const;

/** Writes rows by binary COPY. Source of the format: PostgreSQL, COPY, section "Binary Format". */
export async function copyRows(client: pg.Client, table: Table, rows: (number | null)[][]): Promise<void> {
  const types = Object.values(table.columns) as (keyof typeof WIDTH)[];
  const stream = client.query(
    copyFrom(`COPY ${table.name} (${Object.keys(table.columns).join(', ')}) FROM STDIN BINARY`),
  );
  const buffer = Buffer.allocUnsafe(SIGNATURE.length + rows.length * (2 + types.length * 12) + 2);
  let at = SIGNATURE.copy(buffer);
  for (const row of rows) {
    at = buffer.writeInt16BE(types.length, at);
    types.forEach((type, index) => {
      const value = row[index];
      if (value === null || value === undefined) at = buffer.writeInt32BE(-1, at);
      else {
        at = buffer.writeInt32BE(WIDTH[type], at);
        const whole = type === 'timestamptz' ? (value - EPOCH_MS) * 1000 : Math.round(value);
        if (type === 'int2') at = buffer.writeInt16BE(whole, at);
        else if (type === 'int4') at = buffer.writeInt32BE(whole, at);
        else {
          const high = Math.floor(whole / 2 ** 32);
          at = buffer.writeUInt32BE(whole - high * 2 ** 32, buffer.writeInt32BE(high, at));
        }
      }
    });
  }
  at = buffer.writeInt16BE(-1, at);
  stream.end(buffer.subarray(0, at));
  await once(stream, 'finish');
}
