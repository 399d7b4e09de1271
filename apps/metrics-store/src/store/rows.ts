import { unnestColumns, type Table, type Transaction } from '@lapwing/postgres';

const LATE_MS = 60_000;

/** Writes rows, each once, however often it comes. */
export async function insertRows(transaction: Transaction, table: Table, rows: (number | null)[][]): Promise<void> {
  if (rows.length === 0) return;
  const names = Object.keys(table.columns).join(', ');
  const { from, values } = unnestColumns(table.columns, rows, 'incoming');
  await transaction.query(
    `INSERT INTO ${table.name} (${names}) SELECT ${names} FROM ${from} ON CONFLICT DO NOTHING`,
    values,
    `${table.name}.insert`,
  );
}

/** Marks rows (resource, time, …) that are older than a minute: what was rolled up before they came must be again. */
export async function noteLate(
  transaction: Transaction,
  name: string,
  rows: (number | null)[][],
  now: number,
): Promise<void> {
  const old = rows.filter((row) => (row[1] ?? 0) < now - LATE_MS);
  if (old.length === 0) return;
  const { values } = unnestColumns({ resource_id: 'int4', time: 'timestamptz' }, old, 'late');
  await transaction.query(
    'SELECT lapwing.note_late($1, $2::integer[], $3::timestamptz[])',
    [name, ...values],
    'late.note',
  );
}
