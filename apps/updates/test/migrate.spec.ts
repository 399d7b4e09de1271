import { createDatabase, freePort } from '@lapwing/testing';
import { execFile } from 'node:child_process';
import path from 'node:path';

const program = path.join(__dirname, '../dist/migrate.js');

/** Runs it as a Job does. */
function migrate(url: string, ...args: string[]): Promise<{ code: unknown; out: string; errors: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], DATABASE_URL: url };
    execFile(process.execPath, [program, ...args], { env }, (error, out, errors) =>
      resolve({ code: error === null ? 0 : error.code, out, errors }),
    );
  });
}

describe('migrate.js', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;

  beforeEach(async () => {
    database = await createDatabase();
  });
  afterEach(() => database.drop());

  it('applies the migrations of all services, says which, and finds nothing to do the next time', async () => {
    const first = await migrate(database.url);
    expect({ code: first.code, errors: first.errors }).toEqual({ code: 0, errors: '' });
    expect(first.out).toMatch(/^settings: 0001_\w+\.sql applied$/m);
    expect(first.out).toMatch(/^metrics: 0001_\w+\.sql applied$/m);
    const lines = first.out.split('\n').filter((line) => line.endsWith('.sql applied'));
    expect(first.out).toMatch(new RegExp(`^${lines.length} migrations applied$`, 'm'));
    expect(await migrate(database.url)).toEqual({ code: 0, out: 'all schemas were up to date\n', errors: '' });
  }, 120_000);

  it('may run several times at once', async () => {
    const all = await Promise.all([migrate(database.url), migrate(database.url)]);
    expect(all.map(({ code, errors }) => `${String(code)} ${errors}`)).toEqual(['0 ', '0 ']);
  }, 120_000);

  it('waits for a database that is not there, and gives up in plain words', async () => {
    const url = `postgres://lapwing:hunter2@127.0.0.1:${await freePort()}/postgres`;
    const { code, out, errors } = await migrate(url, '--wait', '2');
    expect({ code, out }).toEqual({ code: 1, out: 'waiting for the database\n' });
    expect(errors).toBe('the database is away\n');
  }, 60_000);

  it('does not wait where waiting is of no use', async () => {
    const url = new URL(database.url);
    url.password = 'wrong';
    const { code, errors } = await migrate(url.href);
    expect(code).toBe(1);
    expect(errors).toContain('password authentication failed');
  }, 60_000);
});
