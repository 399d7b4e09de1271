import { Migrations, Postgres } from '@lapwing/postgres';
import { createDatabase, eventually, freePort } from '@lapwing/testing';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

describe('migrations', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let folder: string;
  const open: Postgres[] = [];

  const connectTo = (url: string): Postgres => {
    const postgres = new Postgres({ service: 'test', url });
    open.push(postgres);
    return postgres;
  };
  const of = (postgres: Postgres): Migrations => new Migrations(postgres, 'shop', pathToFileURL(`${folder}/`));
  const write = (name: string, sql: string): Promise<void> => writeFile(path.join(folder, name), sql);

  beforeEach(async () => {
    database = await createDatabase();
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-migrations-'));
    await write('0001_first.sql', 'CREATE TABLE shop.thing (id integer)');
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((postgres) => postgres.onApplicationShutdown()));
    await database.drop();
    await rm(folder, { recursive: true });
  });

  it('runs each file once, in order', async () => {
    const postgres = connectTo(database.url);
    await of(postgres).run();
    await write('0002_second.sql', 'INSERT INTO shop.thing VALUES (7)');
    await of(postgres).run();
    await of(postgres).run();
    expect((await postgres.query('test', 'SELECT id FROM shop.thing')).rows).toEqual([{ id: 7 }]);
  });

  it('leaves nothing of a run that failed', async () => {
    await write('0002_broken.sql', 'INSERT INTO shop.thing VALUES (1); SELECT nonsense');
    const postgres = connectTo(database.url);
    const migrations = of(postgres);
    await expect(migrations.run()).rejects.toThrow('nonsense');
    expect(migrations.ready).toBe(false);
    const { rows } = await postgres.query<{ there: boolean }>(
      'test',
      `SELECT to_regclass('shop.thing') IS NOT NULL AS there`,
    );
    expect(rows).toEqual([{ there: false }]);
  });

  it('refuses a hole in the numbers and an odd name', async () => {
    await write('0003_third.sql', 'SELECT 1');
    await expect(of(connectTo(database.url)).run()).rejects.toThrow('"0003_third.sql" does not follow');
  });

  it('lets several services migrate one database at the same time', async () => {
    const several = Array.from({ length: 4 }, () => of(connectTo(database.url)));
    await Promise.all(several.map((migrations) => migrations.run()));
    expect(several.every((migrations) => migrations.ready)).toBe(true);
  });

  it('waits for a database that is away at the start', async () => {
    const url = new URL(database.url);
    const target = { host: url.hostname, port: Number(url.port) };
    url.port = String(await freePort());
    const migrations = of(connectTo(url.href));
    migrations.onApplicationBootstrap();
    expect(migrations.ready).toBe(false);
    const sockets = new Set<Socket>();
    const door = createServer((client) => {
      const server = connect(target);
      for (const socket of [client, server]) sockets.add(socket.on('error', () => {}));
      client.pipe(server).pipe(client);
    }).listen(Number(url.port), '127.0.0.1');
    try {
      await eventually(() => migrations.ready);
    } finally {
      await migrations.onModuleDestroy();
      await open.pop()?.onApplicationShutdown();
      for (const socket of sockets) socket.destroy();
      door.close();
    }
  });
});
