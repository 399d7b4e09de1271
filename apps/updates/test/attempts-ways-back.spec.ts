import { eventually } from '@lapwing/testing';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Installation } from '../src/store/installation';
import { attemptsHarness } from './attempts-harness';
import { smallRelease } from './releases';

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

describe('attempts', () => {
  const h = attemptsHarness();
  const { make, offer, start, ended, journal, ordered, guard } = h;

  describe('a way back', () => {
    const install = async (version: string, isProven = true): Promise<void> => {
      const at = path.join(h.folder, 'releases', version, 'apps/standalone/dist');
      await mkdir(at, { recursive: true });
      await writeFile(path.join(at, 'self-test.js'), `console.log('ok ${version}');`);
      if (isProven) await writeFile(path.join(h.folder, 'releases', version, '.proven'), '');
    };

    it('leads to the version before that has run, or to the one that is named', async () => {
      for (const version of ['0.7.0', '0.8.0']) await install(version);
      await install('0.9.0', false);
      const service = make();
      const { id } = await start(service, 'rollback');
      await ordered();
      expect(await journal()).toMatchObject({ from: '1.0.0', to: '0.8.0' });
      await guard({ phase: 'done', outcome: 'success' });
      expect(await ended(service, id)).toMatchObject({ action: 'rollback', version: '0.8.0', status: 'success' });
      await start(service, 'rollback', { version: '0.7.0' });
      await eventually(async () => expect((await journal()).to).toBe('0.7.0'), 10_000);
      expect(h.server.asked).toEqual([]);
    });

    it('never leads forward, where licence and feed would be asked, nor to what never held', async () => {
      await install('1.1.0');
      await install('0.9.0', false);
      const service = make();
      for (const version of ['1.1.0', '1.0.0', '0.9.0'])
        await expect(start(service, 'rollback', { version })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('need not wait for an archive that is being fetched', async () => {
      await install('0.8.0');
      await offer('1.1.0');
      h.server.intercept = ({ url = '' }, response) => url.endsWith('.gz') && response.writeHead(200).write('x');
      const service = make();
      const { id } = await start(service);
      await eventually(async () => expect((await service.get(id)).step).toBe('downloading'));
      await start(service, 'rollback');
      expect(await service.get(id)).toMatchObject({
        status: 'cancelled',
        error: expect.stringContaining('to go back') as string,
      });
      await ordered();
    });

    it('keeps what has held when versions that did not are removed', async () => {
      for (const version of ['0.6.0', '0.7.0', '0.8.0', '0.9.0']) await install(version);
      for (const version of ['1.1.0', '1.2.0', '1.3.0']) await install(version, false);
      await mkdir(path.join(h.folder, 'releases/0.9.0.bak'));
      await new Installation(h.folder).prune(['1.0.0']);
      expect((await readdir(path.join(h.folder, 'releases'))).toSorted()).toEqual([
        '0.8.0',
        '0.9.0',
        '0.9.0.bak',
        '1.0.0',
      ]);
    });

    it('leads nowhere without another version, and to none that is not there', async () => {
      const service = make();
      await expect(start(service, 'rollback')).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining('no older version') as string,
      });
      await expect(start(service, 'rollback', { version: '0.5.0' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await service.list(10)).toMatchObject([{ status: 'failed' }, { status: 'failed' }]);
    });
  });

  describe(`a full disk (${isRoot ? 'of its own' : 'SKIPPED: wants root for a disk of its own'})`, () => {
    (isRoot ? it : it.skip).each(['archive', 'unpacking', 'saving'] as const)(
      'while it comes to the %s leaves what runs as it is, and an entry',
      async (step) => {
        const disk = await mkdtemp(path.join(tmpdir(), 'lapwing-disk-'));
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', disk]);
        try {
          const noise = randomBytes(step === 'archive' ? 4_000_000 : 300_000);
          await offer(
            '1.1.0',
            smallRelease('1.1.0', { noise: noise.toString('base64'), zeros: '0'.repeat(4_000_000) }),
          );
          const onDisk =
            step === 'unpacking'
              ? path.join(h.folder, 'releases')
              : path.join(h.folder, 'updates', step === 'archive' ? 'archives' : 'backups');
          await mkdir(path.dirname(onDisk), { recursive: true });
          if (step === 'unpacking') await rm(onDisk, { recursive: true });
          await symlink(disk, onDisk);
          if (step === 'saving') await writeFile(path.join(disk, 'ballast'), Buffer.alloc(3 * 2 ** 20 - 4096));
          const service = make();
          const { id } = await start(service);
          const { status, error } = await ended(service, id);
          expect(status).toBe('failed');
          expect(error).toMatch(/the disk is (too )?full/);
          expect(existsSync(path.join(h.folder, 'journal.json'))).toBe(false);
        } finally {
          execFileSync('umount', [disk]);
          await rm(disk, { recursive: true });
        }
      },
    );
  });
});
