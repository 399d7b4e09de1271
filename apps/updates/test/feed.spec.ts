import type { LapwingError } from '@lapwing/contracts';
import { Migrations, Postgres, Schema } from '@lapwing/postgres';
import { makeKeys } from '@lapwing/signing';
import { FileServer, createDatabase, freePort } from '@lapwing/testing';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { brotliCompressSync } from 'node:zlib';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FeedRelease } from '../src/domain/feed';
import { FeedService, type FeedOptions } from '../src/services/feed.service';
import { FeedStore } from '../src/store/feed.store';
import { feedText, keys, platform, putFeed, putRelease } from './releases';

const DAY = 86_400_000;

describe('the feed', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let postgres: Postgres;
  let schema: Schema;
  let folder: string;
  let server: FileServer;
  let releases: FeedRelease[];
  let first: FeedRelease;
  let second: FeedRelease;
  let now: number;

  beforeAll(async () => {
    database = await createDatabase();
    postgres = new Postgres({ service: 'updates', url: database.url });
    const migrations = new Migrations(postgres, 'updates', pathToFileURL(`${path.join(__dirname, '../migrations')}/`));
    await migrations.run();
    schema = new Schema(postgres, migrations);
  });
  afterAll(async () => {
    await postgres.onApplicationShutdown();
    await database.drop();
  });
  beforeEach(async () => {
    await postgres.query('test.clear', 'DELETE FROM updates.feed');
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-feed-'));
    server = await FileServer.start(folder);
    first = await putRelease(folder, '1.0.0');
    second = await putRelease(folder, '1.1.0');
    releases = [first, second];
    now = Date.now();
  });
  afterEach(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const service = (changes: Partial<FeedOptions> = {}) =>
    new FeedService(new FeedStore(schema), {
      url: server.url,
      channel: () => 'stable',
      trustedKeys: [keys.publicKey],
      reach: 'private',
      http: true,
      version: '1.0.0',
      platform,
      deploymentType: 'systemd',
      installFolder: undefined,
      now: () => now,
      ...changes,
    });
  const refused = (reason: string) =>
    expect.objectContaining({
      code: 'UPDATE_FEED_INVALID',
      message: expect.stringContaining(reason) as string,
    }) as LapwingError;

  it('names the newest release for this platform', async () => {
    await putFeed(folder, [...releases, { ...second, version: '9.0.0', platform: 'plan9-mips' }]);
    expect(await service().check()).toMatchObject({
      currentVersion: '1.0.0',
      updateAvailable: true,
      problem: null,
      release: {
        version: '1.1.0',
        notes: 'what is new in 1.1.0',
        url: `${server.url}/lapwing-1.1.0-${platform}.tar.gz`,
      },
    });
    expect(await service({ version: '1.1.0' }).check()).toMatchObject({ updateAvailable: false });
    expect(await service({ version: '1.2.0-rc.1' }).check()).toMatchObject({ updateAvailable: false });
  });

  it('is asked again after six hours, and at once when forced; many who ask at once ask once', async () => {
    await putFeed(folder, releases);
    const feed = service();
    await Promise.all([feed.check(), feed.check(), feed.check()]);
    expect(server.asked).toEqual(['/stable.json']);
    await feed.check();
    now += 6 * 3_600_000 - 1000;
    await feed.check();
    expect(server.asked).toHaveLength(1);
    now += 2000;
    await feed.check();
    await feed.check('stable', true);
    expect(server.asked).toHaveLength(3);
  });

  it('is remembered over a restart, and by other replicas', async () => {
    await putFeed(folder, releases);
    await service().check();
    await service().check();
    expect(server.asked).toHaveLength(1);
  });

  it('of the channel rc is another', async () => {
    await putFeed(folder, releases);
    const rc = { ...(await putRelease(folder, '1.2.0-rc.1')) };
    await putFeed(folder, [...releases, rc], { channel: 'rc' });
    expect(await service().check('rc')).toMatchObject({ release: { version: '1.2.0-rc.1', channel: 'rc' } });
    expect(await service().check()).toMatchObject({ release: { version: '1.1.0' } });
  });

  it('that is missing is told from one that is not configured', async () => {
    expect(await service({ url: undefined }).check()).toMatchObject({
      release: null,
      updateAvailable: false,
      checkedAt: null,
    });
    expect((await service({ url: undefined }).check()).problem).toContain('UPDATES_FEED_URL');
    await expect(service().check()).rejects.toMatchObject({
      code: 'UPDATE_FEED_UNREACHABLE',
      message: 'the feed of releases cannot be reached: the server answers with status 404',
    });
  });

  it.each<[string, () => Promise<unknown>, string]>([
    [
      'HTML',
      () => writeFile(path.join(folder, 'stable.json'), '<!doctype html><title>Sign in</title>'),
      'no signed statement',
    ],
    [
      'cut short',
      async () => writeFile(path.join(folder, 'stable.json'), (await putFeed(folder, releases)).slice(0, -30)),
      'no signed statement',
    ],
    [
      'unsigned',
      async () => {
        const { signatures: _, ...rest } = JSON.parse(await putFeed(folder, releases)) as { signatures: unknown };
        await writeFile(path.join(folder, 'stable.json'), JSON.stringify(rest));
      },
      'no signed statement',
    ],
    [
      'signed by another key',
      () => putFeed(folder, releases, {}, makeKeys().privateKey),
      'no key that is trusted here',
    ],
    ['expired', () => putFeed(folder, releases, { expiresAt: new Date(Date.now() - 1000).toISOString() }), 'expired'],
    [
      'of another channel',
      async () => {
        await putFeed(folder, releases, { channel: 'rc' });
        await writeFile(path.join(folder, 'stable.json'), await feedText(folder, 'rc'));
      },
      'of the channel "rc"',
    ],
    [
      'with a release that lies elsewhere',
      () => putFeed(folder, [{ ...second, file: '../../elsewhere.tar.gz' }]),
      'malformed',
    ],
  ])('that is %s is not believed', async (_, put, reason) => {
    await put();
    await expect(service().check()).rejects.toEqual(refused(reason));
    expect(await new FeedStore(schema).find('stable')).toBeUndefined();
  });

  it('of a gigabyte is left soon', async () => {
    let sent = 0;
    server.intercept = (_, response) => {
      response.writeHead(200, { 'content-length': String(2 ** 30) });
      const chunk = Buffer.alloc(2 ** 16, '{');
      const more = (): void => {
        while (!response.destroyed && sent < 2 ** 30 && response.write(chunk)) sent += chunk.length;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
      return true;
    };
    await expect(service().check()).rejects.toEqual(refused('larger than 262144 bytes'));
    expect(sent).toBeLessThan(2 ** 25);
  });

  it('that is compressed is not unpacked: a little of it can become very much', async () => {
    server.intercept = (_, response) => {
      response.writeHead(200, { 'content-encoding': 'br' }).end(brotliCompressSync(Buffer.alloc(2 ** 24, '{')));
      return true;
    };
    await expect(service().check()).rejects.toMatchObject({
      code: 'UPDATE_FEED_UNREACHABLE',
      message: expect.stringContaining('compressed') as string,
    });
  });

  it('that fails is not asked for again at once, however often somebody looks', async () => {
    const feed = service();
    for (let times = 0; times < 5; times++)
      await expect(feed.check()).rejects.toMatchObject({ code: 'UPDATE_FEED_UNREACHABLE' });
    expect(server.asked).toHaveLength(1);
    await expect(feed.check('stable', true)).rejects.toMatchObject({ code: 'UPDATE_FEED_UNREACHABLE' });
    now += 61_000;
    await expect(feed.check()).rejects.toMatchObject({ code: 'UPDATE_FEED_UNREACHABLE' });
    expect(server.asked).toHaveLength(3);
  });

  it('of a version that knows more is the same feed to one that knows less, and the other way round', async () => {
    await putFeed(folder, releases, { more: 'of later versions' } as object);
    await service().check();
    await service().check('stable', true);
    await postgres.query('test.other', `UPDATE updates.feed SET document = '{"of": "another version"}'`);
    expect(await service().check()).toMatchObject({ release: { version: '1.1.0' } });
    await putFeed(folder, releases, { sequence: 1, releases: [] });
    await expect(service().check('stable', true)).rejects.toEqual(refused('two feeds of number 1'));
  });

  it('that leads elsewhere is not followed', async () => {
    server.intercept = (_, response) => {
      response.writeHead(302, { location: 'http://169.254.169.254/stable.json' }).end();
      return true;
    };
    await expect(service().check()).rejects.toMatchObject({ message: expect.stringContaining('redirects') as string });
  });

  it('by http is only asked where that is allowed, and never at a forbidden address', async () => {
    await putFeed(folder, releases);
    await expect(service({ http: false }).check()).rejects.toMatchObject({
      message: expect.stringContaining('only https') as string,
    });
    await expect(service({ url: 'http://169.254.169.254' }).check()).rejects.toMatchObject({
      code: 'UPDATE_FEED_UNREACHABLE',
    });
  });

  describe('of a mirror that an attacker holds', () => {
    it('does not go back: an older one that is still good is refused', async () => {
      const old = await putFeed(folder, [first], { sequence: 1 });
      await putFeed(folder, releases, { sequence: 2 });
      await service().check();
      await writeFile(path.join(folder, 'stable.json'), old);
      await expect(service().check('stable', true)).rejects.toEqual(refused('number 1, older than number 2'));
      expect(await service().check()).toMatchObject({ release: { version: '1.1.0' } });
    });

    it('is not mixed: of two with one number the second is refused', async () => {
      await putFeed(folder, releases, { sequence: 2 });
      await service().check();
      await putFeed(folder, [first], { sequence: 2 });
      await expect(service().check('stable', true)).rejects.toEqual(refused('two feeds of number 2'));
    });

    it('does not freeze: what is withheld is noticed when the feed expires, also where a clock was set back', async () => {
      await putFeed(folder, releases, { expiresAt: new Date(now + DAY).toISOString() });
      await service().check();
      now += 2 * DAY;
      await expect(service().check()).rejects.toEqual(refused('expired'));
      await putFeed(folder, releases, {
        sequence: 2,
        issuedAt: new Date(now).toISOString(),
        expiresAt: new Date(now + DAY).toISOString(),
      });
      await service().check();
      now -= 100 * DAY;
      expect((await new FeedStore(schema).find('stable'))?.issuedAt).toBeGreaterThan(now + 99 * DAY);
      await putFeed(folder, releases, {
        sequence: 3,
        issuedAt: new Date(now + 100 * DAY).toISOString(),
        expiresAt: new Date(now + DAY).toISOString(),
      });
      await expect(service().check('stable', true)).rejects.toEqual(refused('expired'));
    });
  });

  it('that was believed lately is good enough while the server is away; forced, that is told', async () => {
    await putFeed(folder, releases);
    await service().check();
    const away = service({ url: `http://127.0.0.1:${await freePort()}` });
    now += 7 * 3_600_000;
    expect(await away.check()).toMatchObject({ release: { version: '1.1.0' } });
    await expect(away.check('stable', true)).rejects.toMatchObject({ code: 'UPDATE_FEED_UNREACHABLE' });
  });

  it('has a plan for what it names, and for nothing else', async () => {
    await putFeed(folder, releases);
    const plan = await service().plan('1.1.0');
    expect(plan.canApply).toBe(true);
    expect(plan.steps.join('\n')).toContain(second.sha256);
    for (const version of ['1.0.1', '7.0.0'])
      await expect(service().plan(version)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await service({ deploymentType: 'kubernetes' }).plan('1.1.0')).toMatchObject({ canApply: false });
    await expect(service().release('stable', '7.0.0')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('says for which platforms a release is there', async () => {
    await putFeed(folder, [{ ...second, platform: 'plan9-mips' }]);
    await expect(service().release('stable', '1.1.0')).rejects.toThrow(
      `it is there for plan9-mips, this is ${platform}`,
    );
    expect(await service().check()).toMatchObject({ release: null, updateAvailable: false });
  });
});
