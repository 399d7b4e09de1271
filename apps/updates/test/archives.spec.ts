import type { Release } from '@lapwing/contracts';
import { FileServer, eventually } from '@lapwing/testing';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ArchivesService } from '../src/services/archives.service';

const content = randomBytes(3_000_000);
const sha256 = createHash('sha256').update(content).digest('hex');
/** Jest compares large buffers byte by byte, for seconds. */
const isContent = async (file: string): Promise<boolean> => content.equals(await readFile(file));
const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

describe('archives', () => {
  let folder: string;
  let served: string;
  let server: FileServer;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-archives-'));
    served = await mkdtemp(path.join(tmpdir(), 'lapwing-served-'));
    await writeFile(path.join(served, 'archive.tar.gz'), content);
    server = await FileServer.start(served);
  });
  afterEach(async () => {
    await server.stop();
    for (const one of [folder, served]) await rm(one, { recursive: true, force: true });
  });

  const release = (changes: Partial<Release> = {}): Release => ({
    version: '1.1.0',
    channel: 'stable',
    platform: 'linux-x64',
    releasedAt: 0,
    notes: '',
    url: `${server.url}/archive.tar.gz`,
    size: content.length,
    sha256,
    ...changes,
  });
  const get = (
    changes: Partial<Release> = {},
    { signal = new AbortController().signal, shares = [] as number[], to = folder } = {},
  ) =>
    new ArchivesService({ folder: to, reach: 'private', http: true, maxBytes: 2 ** 30, retryMs: 20 }).get(
      release(changes),
      signal,
      (share) => shares.push(share),
    );
  const part = () => path.join(folder, `${sha256}.part`);
  /** Cuts the connection after so many bytes, so often. */
  const cutAfter = (bytes: number, times: number) => {
    let left = times;
    server.intercept = (request, response) => {
      if (left-- <= 0) return false;
      const from = Number(/bytes=(\d+)/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const range = `bytes ${from}-${content.length - 1}/${content.length}`;
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': content.length - from,
        ...(from > 0 && { 'content-range': range }),
      });
      response.write(content.subarray(from, from + bytes), () => response.destroy());
      return true;
    };
  };

  it('are fetched whole, with progress, and not again', async () => {
    const shares: number[] = [];
    const file = await get({}, { shares });
    expect(await isContent(file)).toBe(true);
    expect(shares.at(-1)).toBe(1);
    expect(shares).toEqual(shares.toSorted((one, other) => one - other));
    await get();
    expect(server.asked).toEqual(['/archive.tar.gz']);
    expect(await readdir(folder)).toEqual([path.basename(file)]);
  });

  it('are gone on with where the connection was cut', async () => {
    cutAfter(1_000_000, 2);
    expect(await isContent(await get())).toBe(true);
    expect(server.asked).toHaveLength(3);
    expect(server.asked.slice(1).every((asked) => /bytes=\d{6,}-$/.test(asked))).toBe(true);
  });

  it('are gone on with after a restart', async () => {
    await writeFile(part(), content.subarray(0, 2_000_000));
    expect(await isContent(await get())).toBe(true);
    expect(server.asked).toEqual(['/archive.tar.gz bytes=2000000-']);
  });

  it('begin anew where a server does not go on', async () => {
    await writeFile(part(), content.subarray(0, 2_000_000));
    server.intercept = (_, response) => {
      response.end(content);
      return true;
    };
    expect(await isContent(await get())).toBe(true);
  });

  it('begin anew when what a former run left was spoiled', async () => {
    await writeFile(part(), randomBytes(2_000_000));
    expect(await isContent(await get())).toBe(true);
    expect(server.asked).toEqual(['/archive.tar.gz bytes=2000000-', '/archive.tar.gz']);
    await rm(folder, { recursive: true });
    await mkdir(folder);
    await writeFile(part(), randomBytes(content.length + 5));
    expect(await isContent(await get())).toBe(true);
  });

  it('that are not what was signed are refused, and gone', async () => {
    const changed = Buffer.from(content);
    changed[1_500_000] = (changed[1_500_000] ?? 0) ^ 1;
    await writeFile(path.join(served, 'archive.tar.gz'), changed);
    await expect(get()).rejects.toMatchObject({
      code: 'UPDATE_FEED_INVALID',
      message: expect.stringContaining('not the one that was signed') as string,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('that are longer than was signed are left', async () => {
    await writeFile(path.join(served, 'archive.tar.gz'), Buffer.concat([content, Buffer.alloc(50_000_000)]));
    await expect(get()).rejects.toMatchObject({ code: 'UPDATE_FEED_INVALID' });
  });

  it('that are shorter than was signed are left', async () => {
    await writeFile(path.join(served, 'archive.tar.gz'), content.subarray(0, 1000));
    await expect(get()).rejects.toMatchObject({ code: expect.stringMatching(/^UPDATE_FEED_/) as string });
  }, 60_000);

  it('that are refused leave no connection open', async () => {
    await writeFile(path.join(served, 'archive.tar.gz'), content.subarray(0, 2_000_000));
    for (let times = 0; times < 5; times++) await expect(get()).rejects.toMatchObject({ code: 'UPDATE_FEED_INVALID' });
    await eventually(async () => expect(await server.connections()).toBe(0), 3000);
  });

  it('that are missing, or HTML, are refused', async () => {
    await expect(get({ url: `${server.url}/missing` })).rejects.toMatchObject({
      code: 'UPDATE_FEED_UNREACHABLE',
      message: 'the archive could not be fetched: the server answers with status 404',
    });
    await writeFile(path.join(served, 'archive.tar.gz'), '<!doctype html>');
    await expect(get({ size: 15 })).rejects.toMatchObject({ code: 'UPDATE_FEED_INVALID' });
  });

  it('larger than is allowed are not even asked for', async () => {
    await expect(get({ size: 2 ** 31 })).rejects.toMatchObject({
      code: 'UPDATE_FEED_INVALID',
      message: expect.stringContaining('more than the') as string,
    });
    expect(server.asked).toEqual([]);
  });

  it('can be left, and keep what came', async () => {
    server.intercept = (_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 1_000_000));
      return true;
    };
    const abort = new AbortController();
    const got = get({}, { signal: abort.signal });
    setTimeout(() => abort.abort(), 500);
    await expect(got).rejects.toMatchObject({ name: 'AbortError' });
    server.intercept = undefined;
    expect(await isContent(await get())).toBe(true);
    expect(server.asked[1]).toMatch(/bytes=\d+-/);
  });

  it('are few on the disk', async () => {
    for (const version of ['1.0.0', '1.0.1', '1.0.2', '1.0.3']) await get({ version });
    expect((await readdir(folder)).filter((name) => name.endsWith('.tar.gz'))).toHaveLength(3);
  });

  (isRoot ? it : it.skip)(
    'tell a full disk before anything is fetched (skipped without root: wants a disk of its own)',
    async () => {
      const disk = path.join(folder, 'disk');
      await mkdir(disk);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
      try {
        await expect(get({}, { to: disk })).rejects.toMatchObject({
          code: 'UPDATE_FAILED',
          message: expect.stringContaining('the disk is too full for the archive') as string,
        });
        expect(server.asked).toEqual([]);
      } finally {
        execFileSync('umount', [disk]);
      }
    },
  );
});
