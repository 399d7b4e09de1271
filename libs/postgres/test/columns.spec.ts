import { Postgres, encodeColumn, unnestColumns, type ColumnType } from '@lapwing/postgres';
import { createDatabase } from '@lapwing/testing';

describe('columns as binary arrays', () => {
  let postgres: Postgres;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await createDatabase();
    drop = database.drop;
    postgres = new Postgres({ service: 'test', url: database.url });
  });
  afterAll(async () => {
    await postgres.onApplicationShutdown();
    await drop();
  });

  const roundTrip = async (type: ColumnType, values: (number | string | null | undefined)[]): Promise<unknown[]> => {
    const { rows } = await postgres.query<{ value: unknown }>('test', `SELECT unnest($1::${type}[]) AS value`, [
      encodeColumn(type, values),
    ]);
    return rows.map((row) => row.value);
  };

  it.each<[ColumnType, (number | null)[]]>([
    ['int2', [0, 1, -1, 32_767, -32_767, null]],
    ['int4', [0, 2_147_483_647, -2_147_483_647, null]],
    ['int8', [0, 1, -1, 2 ** 32, -(2 ** 32), 2 ** 32 - 1, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, null]],
    ['timestamptz', [0, Date.UTC(2000, 0, 1), 1_768_473_000_123, -86_400_000, null]],
  ])('%s: what is written is read', async (type, values) => {
    expect(await roundTrip(type, values)).toEqual(values);
  });

  it('text: any character, empty and NULL', async () => {
    const values = ['', 'plain', 'ä€😀', 'a"b\\c{},', "x'; DROP TABLE y;--", null];
    expect(await roundTrip('text', values)).toEqual(values);
  });

  it('keeps numbers within the type, and makes NULL of what is none', async () => {
    expect(await roundTrip('int2', [1e9, -1e9, Number.NaN, undefined, 1.5])).toEqual([32_767, -32_767, null, null, 2]);
    expect(await roundTrip('int8', [1e300, Number.NEGATIVE_INFINITY])).toEqual([
      Number.MAX_SAFE_INTEGER,
      -Number.MAX_SAFE_INTEGER,
    ]);
  });

  it('numbers parameters from where it is told', async () => {
    const { from, values } = unnestColumns(
      { id: 'int4', name: 'text' },
      [
        [1, 'a'],
        [2, 'b'],
      ],
      'incoming',
      2,
    );
    const { rows } = await postgres.query('test', `SELECT id, name, $1::text AS tag FROM ${from}`, ['x', ...values]);
    expect(rows).toEqual([
      { id: 1, name: 'a', tag: 'x' },
      { id: 2, name: 'b', tag: 'x' },
    ]);
  });
});
