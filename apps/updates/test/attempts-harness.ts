import { Bus } from '@lapwing/bus';
import { updateProgressed, type AttemptAction, type UpdateAttempt } from '@lapwing/contracts';
import { Migrations, Postgres, Schema } from '@lapwing/postgres';
import { FileServer, NatsServer, createDatabase, eventually } from '@lapwing/testing';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Journal } from '../src/domain/journal';
import { ArchivesService } from '../src/services/archives.service';
import { AttemptsService } from '../src/services/attempts.service';
import { FeedService } from '../src/services/feed.service';
import { AttemptStore } from '../src/store/attempt.store';
import { FeedStore } from '../src/store/feed.store';
import { Installation } from '../src/store/installation';
import { keys, platform, putFeed, putRelease, type Piece } from './releases';

const actor = { name: 'admin', userId: null, sessionHash: null, permissions: ['*'], address: '127.0.0.1' };

/** What tests of attempts work with, new for each of them. */
interface Given {
  postgres: Postgres;
  schema: Schema;
  /** Where releases are installed. */
  folder: string;
  feedFolder: string;
  server: FileServer;
  /** What was told of attempts. */
  told: UpdateAttempt[];
  /** Throws when the licence does not cover updates. */
  licence: () => Promise<void>;
}

/** Sets attempts up on real servers, for the tests of a `describe`. */
export function attemptsHarness() {
  const h = {} as Given;
  let nats: NatsServer;
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let bus: Bus;
  let running: AttemptsService[];

  beforeAll(async () => {
    nats = await NatsServer.start();
    database = await createDatabase();
    h.postgres = new Postgres({ service: 'updates', url: database.url });
    const migrations = new Migrations(
      h.postgres,
      'updates',
      pathToFileURL(`${path.join(__dirname, '../migrations')}/`),
    );
    await migrations.run();
    h.schema = new Schema(h.postgres, migrations);
    bus = new Bus({ service: 'updates', servers: nats.url });
    bus.onModuleInit();
    await eventually(() => bus.online);
    bus.listen(updateProgressed, '*', (attempt) => h.told.push(attempt));
  });
  afterAll(async () => {
    await bus.onApplicationShutdown();
    await h.postgres.onApplicationShutdown();
    await database.drop();
    await nats.stop();
  });
  beforeEach(async () => {
    await h.postgres.query('test.clear', 'DELETE FROM updates.attempt');
    await h.postgres.query('test.clear', 'DELETE FROM updates.feed');
    h.folder = await mkdtemp(path.join(tmpdir(), 'lapwing-install-'));
    h.feedFolder = await mkdtemp(path.join(tmpdir(), 'lapwing-feed-'));
    h.server = await FileServer.start(h.feedFolder);
    await mkdir(path.join(h.folder, 'releases/1.0.0'), { recursive: true });
    await symlink('releases/1.0.0', path.join(h.folder, 'current'));
    running = [];
    h.told = [];
    h.licence = async () => {};
  });
  afterEach(async () => {
    for (const service of running) await service.onModuleDestroy();
    await h.server.stop();
    for (const one of [h.folder, h.feedFolder]) await rm(one, { recursive: true, force: true });
  });

  const make = (version = '1.0.0', isInstalled = true, data = path.join(h.folder, 'updates')): AttemptsService => {
    const feed = new FeedService(new FeedStore(h.schema), {
      url: h.server.url,
      channel: () => 'stable',
      trustedKeys: [keys.publicKey],
      reach: 'private',
      http: true,
      version,
      platform,
      deploymentType: isInstalled ? 'systemd' : 'docker',
      installFolder: h.folder,
    });
    const service = new AttemptsService({
      bus,
      postgres: h.postgres,
      store: new AttemptStore(h.schema),
      feed,
      archives: new ArchivesService({
        folder: path.join(data, 'archives'),
        reach: 'private',
        http: true,
        maxBytes: 2 ** 30,
        retryMs: 20,
      }),
      installation: isInstalled ? new Installation(h.folder) : undefined,
      backups: path.join(data, 'backups'),
      environmentFile: undefined,
      place: `here:${h.folder}`,
      version,
      deploymentType: isInstalled ? 'systemd' : 'docker',
      wantUpdates: () => h.licence(),
    });
    service.onApplicationBootstrap();
    running.push(service);
    return service;
  };
  const offer = async (version: string, pieces?: Piece[]) =>
    putFeed(h.feedFolder, [await putRelease(h.feedFolder, version, pieces)]);
  const start = (service: AttemptsService, action: AttemptAction = 'update', more: object = {}) =>
    service.start({ actor, action, ...more });
  const ended = (service: AttemptsService, id: string) =>
    eventually(async () => {
      const attempt = await service.get(id);
      expect(attempt.status).not.toBe('in_progress');
      return attempt;
    }, 20_000);
  const journal = async (): Promise<Journal> =>
    JSON.parse(await readFile(path.join(h.folder, 'journal.json'), 'utf8')) as Journal;
  const ordered = () => eventually(async () => expect((await journal()).phase).toBe('ordered'), 20_000);
  /** Does what the guard does. */
  const guard = async (changes: Partial<Journal>) =>
    writeFile(
      path.join(h.folder, 'journal.json'),
      JSON.stringify({ ...(await journal()), ...changes, at: Date.now() }),
    );
  return Object.assign(h, { make, offer, start, ended, journal, ordered, guard });
}
