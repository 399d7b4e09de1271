import { LapwingError } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { existsSync } from 'node:fs';
import { readFile, readdir, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AttemptStore } from '../src/store/attempt.store';
import { attemptsHarness } from './attempts-harness';
import { platform, putFeed, putRelease, smallRelease, type Piece } from './releases';

describe('attempts', () => {
  const h = attemptsHarness();
  const { make, offer, start, ended, journal, ordered, guard } = h;

  it('an update goes all its steps, hands over to the guard, and succeeds when the guard says so', async () => {
    await offer('1.1.0');
    const service = make();
    const { id, status } = await start(service);
    expect(status).toBe('in_progress');
    await ordered();
    expect(await journal()).toMatchObject({ attemptId: id, from: '1.0.0', to: '1.1.0', starts: 0, outcome: null });
    expect(existsSync(path.join(h.folder, 'releases/1.1.0/release.json'))).toBe(true);
    // The guard alone changes what runs.
    expect(await readlink(path.join(h.folder, 'current'))).toBe('releases/1.0.0');
    await guard({ phase: 'trial', starts: 1 });
    await eventually(async () => expect((await service.get(id)).step).toBe('watching'));
    await guard({ phase: 'done', outcome: 'success' });
    expect(await ended(service, id)).toMatchObject({
      status: 'success',
      step: 'done',
      progress: 100,
      version: '1.1.0',
      versionFrom: '1.0.0',
      initiatedBy: 'admin',
      error: null,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    await eventually(() => expect(h.told.at(-1)?.step).toBe('done'));
    const steps = [...new Set(h.told.map(({ step }) => step))];
    expect(steps).toEqual([
      'downloading',
      'verifying',
      'unpacking',
      'testing',
      'saving',
      'migrating',
      'restarting',
      'watching',
      'done',
    ]);
    const progress = h.told.map((attempt) => attempt.progress);
    expect(progress).toEqual(progress.toSorted((one, other) => one - other));
    const [backup = ''] = await readdir(path.join(h.folder, 'updates/backups'));
    expect((await readdir(path.join(h.folder, 'updates/backups', backup))).toSorted()).toEqual([
      'configuration.jsonl.gz',
      'schema.json',
    ]);
    const saved = JSON.parse(
      await readFile(path.join(h.folder, 'updates/backups', backup, 'schema.json'), 'utf8'),
    ) as object;
    expect(saved).toMatchObject({ schemas: { updates: expect.arrayContaining(['0001_updates.sql']) as string[] } });
  });

  it('what the guard rolled back is told with its reason', async () => {
    await offer('1.1.0');
    const service = make();
    const { id } = await start(service);
    await ordered();
    await guard({ phase: 'done', outcome: 'rolled_back', reason: 'version 1.1.0 was not ready after 60 s' });
    expect(await ended(service, id)).toMatchObject({
      status: 'rolled_back',
      error: 'version 1.1.0 was not ready after 60 s',
      errorCode: 'UPDATE_FAILED',
    });
  });

  it('a download ends with the archive, verified; the update after it fetches nothing', async () => {
    await offer('1.1.0');
    const service = make();
    const { id } = await start(service, 'download');
    const { status, archive, sha256 } = await ended(service, id);
    expect([status, existsSync(archive ?? ''), sha256?.length]).toEqual(['success', true, 64]);
    await start(service);
    await ordered();
    expect(h.server.asked.filter((asked) => asked.includes('tar.gz'))).toHaveLength(1);
  });

  it('there is one at a time, over all replicas and actions; the second leaves an entry, too', async () => {
    await offer('1.1.0');
    const [one, other] = [make(), make()];
    const results = await Promise.allSettled([start(one), start(other), start(one, 'download'), start(other)]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'UPDATE_IN_PROGRESS' });
    await ordered();
    await expect(start(other)).rejects.toMatchObject({ code: 'UPDATE_IN_PROGRESS' });
    const all = (await one.list(20)).map(({ status, errorCode }) => `${status} ${errorCode}`);
    expect(all.toSorted()).toEqual([
      ...Array.from({ length: 4 }, () => 'failed UPDATE_IN_PROGRESS'),
      'in_progress null',
    ]);
  });

  it('only what the feed names is fetched, whatever a client sends', async () => {
    await offer('1.1.0');
    const service = make();
    for (const downloadUrl of [
      'https://evil.example.com/lapwing.tar.gz',
      `${h.server.url}/other.tar.gz`,
      'http://169.254.169.254/',
    ])
      await expect(start(service, 'update', { downloadUrl })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(h.server.asked).toEqual(['/stable.json', '/rc.json']);
    const [entry] = await service.list(1);
    expect(entry).toMatchObject({ status: 'failed', errorCode: 'INVALID_INPUT' });
    const { id } = await start(service, 'download', {
      downloadUrl: `${h.server.url}/lapwing-1.1.0-${platform}.tar.gz`,
    });
    expect((await ended(service, id)).status).toBe('success');
  });

  it('whatever the feed names can be fetched, not the newest of the channel alone', async () => {
    const [older, newest] = [await putRelease(h.feedFolder, '1.1.0'), await putRelease(h.feedFolder, '1.2.0')];
    await putFeed(h.feedFolder, [older, newest]);
    await putFeed(h.feedFolder, [await putRelease(h.feedFolder, '1.3.0-rc.1')], { channel: 'rc' });
    const service = make();
    for (const version of ['1.1.0', '1.3.0-rc.1']) {
      const downloadUrl = `${h.server.url}/lapwing-${version}-${platform}.tar.gz`;
      const { id } = await start(service, 'download', { downloadUrl });
      expect(await ended(service, id)).toMatchObject({ status: 'success', version });
    }
  });

  it('an unknown version is refused, and told; nothing newer is no attempt', async () => {
    await offer('1.0.0');
    const service = make();
    await expect(start(service, 'update', { version: '7.0.0' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(start(service)).rejects.toMatchObject({ code: 'UPDATE_NOT_AVAILABLE', message: '1.0.0 runs already' });
    await expect(start(make('2.0.0'))).rejects.toMatchObject({
      code: 'UPDATE_NOT_AVAILABLE',
      message: '1.0.0 is older than 2.0.0, which runs: go back with a rollback',
    });
    expect(await service.list(10)).toMatchObject([
      { status: 'failed', version: '1.0.0', errorCode: 'UPDATE_NOT_AVAILABLE' },
      { status: 'failed', version: '7.0.0', errorCode: 'NOT_FOUND' },
    ]);
  });

  it('a licence that has lapsed stops both doors, with an entry, and no check', async () => {
    await offer('1.1.0');
    const service = make();
    h.licence = () => Promise.reject(new LapwingError('UPDATES_EXPIRED'));
    for (const action of ['update', 'download'] as const)
      await expect(start(service, action)).rejects.toMatchObject({
        code: 'UPDATES_EXPIRED',
        message: 'Updates expired. Please renew your license.',
      });
    expect(await service.list(10)).toMatchObject([{ errorCode: 'UPDATES_EXPIRED' }, { errorCode: 'UPDATES_EXPIRED' }]);
    expect(h.server.asked.filter((asked) => asked.includes('tar.gz'))).toEqual([]);
  });

  it('what others put there is changed by them: the answer has the commands', async () => {
    await offer('1.1.0');
    const service = make('1.0.0', false);
    await expect(start(service)).rejects.toMatchObject({
      code: 'UPDATE_NOT_SUPPORTED',
      details: {
        deploymentType: 'docker',
        version: '1.1.0',
        steps: expect.arrayContaining(['docker compose up -d --wait']) as string[],
      },
    });
  });

  it.each<[string, Record<string, string> | Piece[], string, string]>([
    [
      'another version inside',
      smallRelease('1.0.9').map((piece) => ({ ...piece, name: piece.name.replace('1.0.9', '1.1.0') })),
      'UPDATE_FEED_INVALID',
      'does not hold Lapwing 1.1.0',
    ],
    [
      'nothing of a release inside',
      [{ name: 'lapwing-1.1.0/a', text: '' }],
      'UPDATE_FEED_INVALID',
      'does not hold Lapwing 1.1.0',
    ],
    [
      'a path that leads out',
      [...smallRelease('1.1.0'), { name: 'lapwing-1.1.0/../../../evil', text: 'x' }],
      'UPDATE_FEED_INVALID',
      'leads out of it',
    ],
    [
      'a link that leads out',
      [...smallRelease('1.1.0'), { name: 'lapwing-1.1.0/evil', link: '/etc/passwd' }],
      'UPDATE_FEED_INVALID',
      'leads out of it',
    ],
    [
      'a self-test that fails',
      { 'apps/standalone/dist/self-test.js': `console.error('FLEET_X: is required'); process.exit(1);` },
      'UPDATE_FAILED',
      'the self-test of the new version failed: FLEET_X: is required',
    ],
    [
      'a self-test that says something else',
      { 'apps/standalone/dist/self-test.js': `console.log('ok 9.9.9');` },
      'UPDATE_FAILED',
      'something else',
    ],
    [
      'a migration that fails',
      { 'apps/updates/dist/migrate.js': `console.error('relation exists'); process.exit(1);` },
      'UPDATE_FAILED',
      'the migration of the new version failed: relation exists',
    ],
    [
      'a migration that takes away',
      { 'apps/fleet/migrations/0002_less.sql': 'ALTER TABLE fleet.agent DROP COLUMN name;' },
      'UPDATE_FAILED',
      'fleet/0002_less.sql drops a column',
    ],
  ])('a release with %s is given up, and what runs is untouched', async (_, changes, code, reason) => {
    await offer('1.1.0', Array.isArray(changes) ? changes : smallRelease('1.1.0', changes));
    const service = make();
    const { id } = await start(service);
    const { status, error, errorCode } = await ended(service, id);
    expect([status, errorCode]).toEqual(['failed', code]);
    expect(error).toContain(reason);
    expect(existsSync(path.join(h.folder, 'journal.json'))).toBe(false);
    expect(await readlink(path.join(h.folder, 'current'))).toBe('releases/1.0.0');
    expect(existsSync(path.join(h.folder, '../evil'))).toBe(false);
    // The next one is not held up by what this one left.
    await offer('1.1.0');
    await h.postgres.query('test.clear', 'DELETE FROM updates.feed');
    await start(service);
    await ordered();
  });

  it('an archive that was changed on the way is refused, with an entry', async () => {
    await offer('1.1.0');
    const file = path.join(h.feedFolder, `lapwing-1.1.0-${platform}.tar.gz`);
    const content = await readFile(file);
    content[content.length - 20] = (content[content.length - 20] ?? 0) ^ 1;
    await writeFile(file, content);
    const service = make();
    const { id } = await start(service);
    expect(await ended(service, id)).toMatchObject({ status: 'failed', errorCode: 'UPDATE_FEED_INVALID' });
  });

  it('the end of one attempt does not disturb the next one', async () => {
    const service = make();
    for (let times = 0; times < 20; times++) {
      await offer('1.1.0', [{ name: 'lapwing-1.1.0/a', text: String(times) }]);
      await h.postgres.query('test.clear', 'DELETE FROM updates.feed');
      const { id } = await eventually(() => start(service));
      await eventually(async () => expect((await service.get(id)).status).toBe('failed'));
    }
    const codes = new Set((await service.list(100)).map(({ errorCode }) => errorCode));
    expect([...codes]).toEqual(expect.arrayContaining(['UPDATE_FEED_INVALID']));
    expect(codes).not.toContain('INTERNAL');
  });

  it('a feed that cannot be believed leaves an entry', async () => {
    await writeFile(path.join(h.feedFolder, 'stable.json'), '<!doctype html>');
    const service = make();
    await expect(start(service)).rejects.toMatchObject({ code: 'UPDATE_FEED_INVALID' });
    expect(await service.list(1)).toMatchObject([{ status: 'failed', errorCode: 'UPDATE_FEED_INVALID' }]);
  });

  it.each(['downloading', 'unpacking', 'testing', 'migrating'] as const)(
    'a stop while %s is h.told, and the next attempt runs',
    async (step) => {
      const slow = 'setTimeout(() => {}, 20_000);';
      const changes = {
        testing: { 'apps/standalone/dist/self-test.js': slow },
        migrating: { 'apps/updates/dist/migrate.js': slow },
      };
      await offer(
        '1.1.0',
        smallRelease(
          '1.1.0',
          step === 'testing' || step === 'migrating' ? changes[step] : { large: 'x'.repeat(5_000_000) },
        ),
      );
      if (step === 'downloading')
        h.server.intercept = ({ url = '' }, response) => url.endsWith('.gz') && response.writeHead(200).write('x');
      const service = make();
      const { id } = await start(service);
      if (step !== 'unpacking') await eventually(async () => expect((await service.get(id)).step).toBe(step));
      await service.onModuleDestroy();
      const { status, error } = await make().get(id);
      expect(status).toBe('failed');
      expect(error).toMatch(
        step === 'unpacking' ? /^interrupted while \w+: the service was stopped$/ : `interrupted while ${step}`,
      );
      h.server.intercept = undefined;
      await offer('1.1.0');
      await h.postgres.query('test.clear', 'DELETE FROM updates.feed');
      await start(make());
      await ordered();
    },
  );

  it('an attempt whose process is gone without a word is closed by whoever comes after it', async () => {
    const store = new AttemptStore(h.schema);
    const gone = { action: 'update' as const, version: '1.1.0', versionFrom: '1.0.0', channel: 'stable' as const };
    const id = '5d0c2a61-4f3e-4c55-8a0b-6f1f4b1f9e21';
    await store.begin({ ...gone, id, deploymentType: 'systemd', initiatedBy: 'admin', holder: 'gone' });
    await store.advance(id, 'gone', { step: 'unpacking', progress: 60 });
    await h.postgres.query('test.age', `UPDATE updates.attempt SET beat_at = now() - interval '1 minute'`);
    const service = make();
    expect(await ended(service, id)).toMatchObject({
      status: 'failed',
      error: 'interrupted while unpacking: the process that was at work on it is gone',
    });
  });

  it('an order that no guard takes is withdrawn', async () => {
    await offer('1.1.0');
    const service = make();
    const { id } = await start(service);
    await ordered();
    await writeFile(
      path.join(h.folder, 'journal.json'),
      JSON.stringify({ ...(await journal()), at: Date.now() - 61_000 }),
    );
    expect(await ended(service, id)).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('is it running?') as string,
    });
    expect(existsSync(path.join(h.folder, 'journal.json'))).toBe(false);
  });
});
