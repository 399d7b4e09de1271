import { DatabaseCheck } from '@lapwing/postgres';
import { createDatabase, eventually, freePort } from '@lapwing/testing';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

const healthy = { status: 'healthy', message: 'Database operational' };
const silent = { status: 'unhealthy', message: 'Database does not answer' };

/** Stands before a database; what goes through it can be held up. */
class Gate {
  isOpen = true;
  connections = 0;
  readonly #sockets = new Set<Socket>();

  constructor(
    readonly server: Server,
    private readonly to: URL,
  ) {
    server.on('connection', (near) => {
      this.connections++;
      const far = connect(Number(this.to.port || 5432), this.to.hostname);
      for (const [from, into] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on('data', (data) => this.isOpen && into.write(data));
        from.on('error', () => {});
        from.on('close', () => into.destroy());
      }
    });
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe('the look at the database', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let gate: Gate;
  let url: string;
  const migrations: { waitingFor: string | undefined } = { waitingFor: undefined };
  let check: DatabaseCheck;

  beforeAll(async () => {
    database = await createDatabase();
    const behind = new URL(database.url);
    gate = new Gate(createServer().listen(0, '127.0.0.1'), new URL(behind));
    await once(gate.server, 'listening');
    behind.hostname = '127.0.0.1';
    behind.port = String((gate.server.address() as { port: number }).port);
    url = behind.href;
  });
  afterAll(async () => {
    gate.cut();
    gate.server.close();
    await database.drop();
  });
  beforeEach(() => {
    Object.assign(gate, { isOpen: true, connections: 0 });
    migrations.waitingFor = undefined;
    check = new DatabaseCheck({ service: 'test', url }, migrations);
  });
  afterEach(() => check.onApplicationShutdown());

  it('asks it, over one connection that it keeps', async () => {
    expect(await Promise.all([check.look(), check.look()])).toEqual([healthy, healthy]);
    expect(await check.look()).toEqual(healthy);
    expect(gate.connections).toBe(1);
    migrations.waitingFor = 'Database is being brought up to date';
    expect(await check.look()).toEqual({ status: 'unhealthy', message: 'Database is being brought up to date' });
  });

  it('finds out that it hangs, and that it goes on', async () => {
    await check.look();
    gate.isOpen = false;
    expect(await check.look()).toEqual(silent);
    // Not even a new connection comes through.
    expect(await check.look()).toEqual(silent);
    gate.isOpen = true;
    expect(await check.look()).toEqual(healthy);
  });

  it('finds out that it was cut off', async () => {
    await check.look();
    gate.cut();
    await eventually(async () => expect(await check.look()).toEqual(healthy));
    expect(gate.connections).toBeGreaterThan(1);
  });

  it('says of one that is not there that it does not answer, and nothing else', async () => {
    const away = new DatabaseCheck(
      { service: 'test', url: `postgres://u:hunter2@127.0.0.1:${await freePort()}/x` },
      migrations,
    );
    expect(await away.look()).toEqual(silent);
    await away.onApplicationShutdown();
  });
});
