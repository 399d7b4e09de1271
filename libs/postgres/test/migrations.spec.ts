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
    expect(await of(postgres).run()).toEqual(['0001_first.sql']);
    await write('0002_second.sql', 'INSERT INTO shop.thing VALUES (7)');
    expect(await of(postgres).run()).toEqual(['0002_second.sql']);
    expect(await of(postgres).run()).toEqual([]);
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

  describe('that somebody else applies', () => {
    const waiting: Migrations[] = [];
    const waitOn = (postgres: Postgres): Migrations => {
      const migrations = new Migrations(postgres, 'shop', pathToFileURL(`${folder}/`), 'wait');
      waiting.push(migrations);
      return migrations;
    };
    const isBehind = (migrations: Migrations): void =>
      expect(migrations.waitingFor).toMatch(/^Database waits for the migrations of version \d+\.\d+\.\d+/);
    afterEach(() => Promise.all(waiting.splice(0).map((migrations) => migrations.onModuleDestroy())));

    it('are waited for, and nothing is changed meanwhile', async () => {
      const postgres = connectTo(database.url);
      const migrations = waitOn(postgres);
      let prepared = 0;
      migrations.prepare(async () => void prepared++);
      migrations.onApplicationBootstrap();
      await eventually(() => isBehind(migrations));
      const schemas = `SELECT to_regnamespace('shop') IS NULL AND to_regnamespace('lapwing') IS NULL AS untouched`;
      expect((await postgres.query('test', schemas)).rows).toEqual([{ untouched: true }]);
      expect([migrations.ready, prepared]).toEqual([false, 0]);
      await of(connectTo(database.url)).run();
      await eventually(() => migrations.ready);
      expect([migrations.waitingFor, prepared]).toEqual([undefined, 1]);
    });

    it('are waited for also when only the newest is missing', async () => {
      const postgres = connectTo(database.url);
      await of(postgres).run();
      await write('0002_second.sql', 'INSERT INTO shop.thing VALUES (7)');
      const migrations = waitOn(postgres);
      migrations.onApplicationBootstrap();
      await eventually(() => isBehind(migrations));
      let ready = 0;
      migrations.whenReady(() => ready++);
      expect(await of(postgres).run()).toEqual(['0002_second.sql']);
      await eventually(() => migrations.ready);
      migrations.whenReady(() => ready++);
      expect(ready).toBe(2);
    });

    it('may be ahead of the code: a later version runs beside it', async () => {
      const postgres = connectTo(database.url);
      await write('0002_later.sql', 'INSERT INTO shop.thing VALUES (7)');
      await of(postgres).run();
      await rm(path.join(folder, '0002_later.sql'));
      const migrations = waitOn(postgres);
      migrations.onApplicationBootstrap();
      await eventually(() => migrations.ready);
      expect(await of(postgres).run()).toEqual([]);
    });

    it('are waited for no longer when the service stops', async () => {
      const migrations = waitOn(connectTo(database.url));
      migrations.onApplicationBootstrap();
      await eventually(() => isBehind(migrations));
      await migrations.onModuleDestroy();
      expect(migrations.ready).toBe(false);
    });
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
