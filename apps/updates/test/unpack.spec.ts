import { createHash, randomBytes } from 'node:crypto';
import { lstat, mkdtemp, readFile, readdir, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unpack } from '../src/store/unpack';
import { archiveOf, type Piece } from './releases';

describe('unpacking', () => {
  let folder: string;
  let outside: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-unpack-'));
    outside = path.join(folder, 'outside');
    await writeFile(outside, 'untouched');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const run = async (
    archive: Buffer,
    limits?: { entries: number; bytes: number },
    signal = new AbortController().signal,
  ) => {
    const file = path.join(folder, 'archive.tar.gz');
    await writeFile(file, archive);
    const to = path.join(folder, 'to');
    await unpack(file, { top: 'top', to, signal, ...(limits && { limits }) });
    return to;
  };
  const attack = async (...pieces: Piece[]) => run(await archiveOf(pieces));

  it('gives files, folders and links as they were', async () => {
    const to = await attack(
      { name: 'top/', type: 'directory' },
      { name: 'top/a/b.js', text: 'one' },
      { name: 'top/link', link: 'a/b.js' },
      { name: 'top/node_modules/@lapwing/bus', link: '../../a' },
    );
    expect(await readFile(path.join(to, 'link'), 'utf8')).toBe('one');
    expect(await readlink(path.join(to, 'node_modules/@lapwing/bus'))).toBe('../../a');
    expect((await stat(path.join(to, 'a/b.js'))).mode & 0o7777).toBe(0o644);
  });

  it.each<[string, Piece[], string]>([
    ['a file upwards', [{ name: 'top/../../outside', text: 'x' }], 'leads out of it'],
    ['an absolute file', [{ name: '/tmp/outside', text: 'x' }], 'leads out of it'],
    ['a link out', [{ name: 'top/l', link: '../outside' }], 'leads out of it'],
    ['a link to an absolute path', [{ name: 'top/l', link: '/etc/passwd' }], 'leads out of it'],
    [
      'a file through a link',
      [
        { name: 'top/l', link: 'a' },
        { name: 'top/l', text: 'x' },
      ],
      'twice',
    ],
    ['a hard link', [{ name: 'top/l', link: '../outside', type: 'link' }], 'neither a file'],
    ['a pipe', [{ name: 'top/p', type: 'fifo' }], 'neither a file'],
    ['a link to what is not there', [{ name: 'top/l', link: 'nowhere' }], 'leads nowhere in it'],
    [
      'links that lead round',
      [
        { name: 'top/a', link: 'b' },
        { name: 'top/b', link: 'a' },
      ],
      'leads nowhere in it',
    ],
    [
      'links of which one bends another',
      [
        { name: 'top/d/e/up', link: '../..' },
        { name: 'top/l', link: 'd/e/up/..' },
      ],
      'leads out of it',
    ],
  ])('refuses %s, and nothing outside is touched', async (_, pieces, reason) => {
    await expect(attack(...pieces)).rejects.toThrow(reason);
    expect(await readFile(outside, 'utf8')).toBe('untouched');
    expect((await readdir(folder)).toSorted()).toEqual(['archive.tar.gz', 'outside', 'to']);
  });

  it('writes nothing through a link that stands where a folder is wanted', async () => {
    await expect(
      attack({ name: 'top/real/file', text: '1' }, { name: 'top/l', link: 'real' }, { name: 'top/l/more', text: 'x' }),
    ).rejects.toThrow('EEXIST');
    expect((await readdir(path.join(folder, 'to/real'))).toSorted()).toEqual(['file']);
  });

  it('stops at a bomb: a small archive of very much', async () => {
    const bomb = await archiveOf([1, 2, 3].map((at) => ({ name: `top/${at}`, zeros: 2 ** 20 })));
    expect(bomb.length).toBeLessThan(10_000);
    await expect(run(bomb, { entries: 10, bytes: 2 ** 21 })).rejects.toThrow('more than 2097152 bytes');
  });

  it('stops at very many entries', async () => {
    const many = await archiveOf(Array.from({ length: 20 }, (_, at) => ({ name: `top/${at}`, text: '' })));
    await expect(run(many, { entries: 10, bytes: 2 ** 21 })).rejects.toThrow('more than 10 entries');
  });

  it.each(['no gzip', 'half of it', 'no tar', 'nothing'])('refuses what is broken: %s', async (kind) => {
    const good = await archiveOf([{ name: 'top/a', text: randomBytes(50_000).toString('hex') }]);
    const { gzipSync } = await import('node:zlib');
    const broken = { 'no gzip': Buffer.from('<!doctype html>'), 'half of it': good.subarray(0, good.length / 2) };
    const other = { 'no tar': gzipSync(randomBytes(2000)), nothing: Buffer.alloc(0) };
    await expect(run({ ...broken, ...other }[kind] ?? good)).rejects.toThrow('the archive is broken');
  });

  it('ends when it is told to', async () => {
    const archive = await archiveOf([{ name: 'top/a', text: randomBytes(200_000).toString('hex') }]);
    await expect(run(archive, undefined, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('gives large files whole', async () => {
    const text = randomBytes(3_000_000).toString('hex');
    const to = await attack({ name: 'top/large', text });
    const hash = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
    expect(hash(await readFile(path.join(to, 'large')))).toBe(hash(text));
    expect((await lstat(path.join(to, 'large'))).isFile()).toBe(true);
  });
});
