import { Postgres } from '@lapwing/postgres';
import { registry } from '@lapwing/telemetry';
import { createDatabase, freePort } from '@lapwing/testing';

/** How many failures were counted for a service, by reason. */
async function failuresOf(service: string): Promise<Record<string, number>> {
  const { values = [] } = (await registry.getSingleMetric('lapwing_postgres_failures_total')?.get()) ?? {};
  const own = values.filter(({ labels }) => labels['service'] === service);
  return Object.fromEntries(own.map(({ labels, value }) => [String(labels['reason']), value]));
}

describe('the pool', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let postgres: Postgres;

  beforeAll(async () => {
    database = await createDatabase();
    postgres = new Postgres({ service: 'test', url: database.url, statementTimeoutMs: 300 });
    await postgres.query('test', 'CREATE TABLE thing (id integer PRIMARY KEY)');
  });
  afterAll(async () => {
    await postgres.onApplicationShutdown();
    await database.drop();
  });

  it('does all of a transaction or nothing', async () => {
    const work = postgres.transaction('test', async (transaction) => {
      await transaction.query('INSERT INTO thing VALUES (1)');
      await transaction.query('INSERT INTO thing VALUES (1)');
    });
    await expect(work).rejects.toMatchObject({ code: '23505' });
    expect((await postgres.query('test', 'SELECT 1 FROM thing')).count).toBe(0);
  });

  it('reads integers of 64 bits and times as numbers', async () => {
    const { rows } = await postgres.query(
      'test',
      `SELECT 2^40::bigint AS big, timestamptz '2026-01-15T10:30:00Z' AS at, 1.5::numeric AS n`,
    );
    expect(rows).toEqual([{ big: 2 ** 40, at: Date.UTC(2026, 0, 15, 10, 30), n: 1.5 }]);
  });

  it('says UNAVAILABLE when nobody listens', async () => {
    const away = new Postgres({ service: 'test', url: `postgres://127.0.0.1:${await freePort()}/x` });
    await expect(away.query('test', 'SELECT 1')).rejects.toMatchObject({ name: 'LapwingError', code: 'UNAVAILABLE' });
    await away.onApplicationShutdown();
  });

  it.each(['SELECT $1::text', 'SELECT $1::jsonb'])('blames whoever sent text that cannot be kept: %s', async (text) => {
    const value = text.includes('jsonb') ? '"\\u0000"' : 'a\0b';
    await expect(postgres.query('test', text, [value])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('cancels a statement that takes too long', async () => {
    await expect(postgres.query('test', 'SELECT pg_sleep(5)')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('counts a database that is away apart from one that could not, and from one that refuses', async () => {
    const busy = new Postgres({ service: 'counted', url: database.url, statementTimeoutMs: 300 });
    const raise = (state: string) =>
      busy.query('test', `DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '${state}'; END $$`);
    for (const state of ['40001', '40P01', '55P03', '53300', '57P01', '42P01'])
      await expect(raise(state)).rejects.toBeInstanceOf(Error);
    await expect(busy.query('test', 'SELECT pg_sleep(5)')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await busy.onApplicationShutdown();
    expect(await failuresOf('counted')).toEqual({ away: 2, passing: 4, refused: 1 });
    const away = new Postgres({ service: 'counted', url: `postgres://127.0.0.1:${await freePort()}/x` });
    await expect(away.query('test', 'SELECT 1')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await away.onApplicationShutdown();
    expect(await failuresOf('counted')).toMatchObject({ away: 3 });
  });

  it('survives the loss of its connections', async () => {
    const other = new Postgres({ service: 'test', url: database.url });
    await postgres.query('test', 'SELECT 1');
    await other.query(
      'test',
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
    );
    const work = async () => (await postgres.query('test', 'SELECT 1 AS one')).rows;
    const first = await work().catch((error: unknown) => error);
    if (!Array.isArray(first)) expect(first).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await work()).toEqual([{ one: 1 }]);
    await other.onApplicationShutdown();
  });
});
