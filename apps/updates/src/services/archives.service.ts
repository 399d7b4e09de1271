import { ConnectionError, OutgoingError, fetchStream, type Reach } from '@lapwing/outgoing';
import { LapwingError, type Release } from '@lapwing/contracts';
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { syncFolder, wantRoom } from '../store/disk.js';

/** See {@link ArchivesService}. */
export interface ArchivesOptions {
  folder: string;
  reach: Reach;
  http: boolean;
  /** Bytes of an archive at most. */
  maxBytes: number;
  /** How long to wait before the first new try; later ones wait ever longer. Milliseconds, 500 by default. */
  retryMs?: number;
}

/** For all tries together. */
const DEADLINE_MS = 3_600_000;
/** Whoever gives less than this in so long keeps the updater busy for nothing. */
const LEAST_BYTES = 2 ** 18;
const LEAST_EVERY_MS = 30_000;
const IDLE_MS = 30_000;
const TRIES = 6;
const KEPT = 3;

/** What goes along with a fetch. */
interface Fetching {
  signal: AbortSignal;
  onShare: (share: number) => void;
  /** By the monotonic clock. */
  until: number;
}

/** Archives of releases on the disk: fetched, gone on with where a former try ended, and good only with the hash that was signed. */
export class ArchivesService {
  constructor(private readonly options: ArchivesOptions) {}

  /**
   * Where a release's archive is; fetched if need be.
   * @param onShare hears how much of it is there, 0 to 1.
   * @throws LapwingError `UPDATE_FEED_UNREACHABLE`, `UPDATE_FEED_INVALID` when what came is not what was signed, `UPDATE_FAILED` when the disk is too
   * full; errors of the disk.
   */
  async get(release: Release, signal: AbortSignal, onShare: (share: number) => void): Promise<string> {
    const { folder, maxBytes } = this.options;
    if (release.size > maxBytes)
      throw new LapwingError(
        'UPDATE_FEED_INVALID',
        `the archive has ${release.size} bytes, more than the ${maxBytes} allowed`,
      );
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = path.join(folder, `lapwing-${release.version}-${release.platform}.tar.gz`);
    if (await isWhole(file, release)) return file;
    const part = path.join(folder, `${release.sha256}.part`);
    const fetching = { signal, onShare, until: performance.now() + DEADLINE_MS };
    const there = await sizeOf(part);
    if (there > release.size) await rm(part, { force: true });
    await wantRoom(folder, Math.max(release.size - there, 0) + 2 ** 20, 'the archive');
    if (!(await this.#fetch(release, part, fetching))) {
      // What a former run left may have been spoiled: once more from the beginning.
      await rm(part, { force: true });
      const isGood = there > 0 && (await this.#fetch(release, part, fetching));
      if (!isGood)
        throw new LapwingError('UPDATE_FEED_INVALID', 'the archive that was fetched is not the one that was signed');
    }
    await rename(part, file);
    await syncFolder(folder);
    await this.#prune(file);
    return file;
  }

  /** Fetches what is missing. False when the whole has another hash than was signed. */
  async #fetch(release: Release, part: string, fetching: Fetching): Promise<boolean> {
    const { signal } = fetching;
    for (let attempt = 1; ; attempt++) {
      try {
        const hash = await this.#goOn(release, part, fetching);
        if (hash === release.sha256) return true;
        await rm(part, { force: true });
        return false;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof OutgoingError)) throw error;
        if (!(error instanceof ConnectionError) || attempt === TRIES)
          throw new LapwingError('UPDATE_FEED_UNREACHABLE', `the archive could not be fetched: ${error.message}`);
        const { retryMs = 500 } = this.options;
        await pause(Math.min(retryMs * 2 ** (attempt - 1), 5000), undefined, { signal });
      }
    }
  }

  async #goOn(release: Release, part: string, { signal, onShare, until }: Fetching): Promise<string> {
    const handle = await open(part, 'a+', 0o600);
    try {
      let { hash, bytes } = await hashOf(part, release.size);
      if (bytes < release.size) {
        const { reach, http } = this.options;
        // How much may come is counted below.
        const limits = {
          deadlineMs: Math.max(until - performance.now(), 1),
          idleMs: IDLE_MS,
          maxBytes: Number.MAX_SAFE_INTEGER,
          reach,
          http,
          signal,
        };
        const answer = await fetchStream(release.url, { ...limits, from: bytes });
        try {
          if (answer.size !== undefined && answer.size !== release.size) throw otherSize(answer.size, release.size);
          if (answer.from === 0 && bytes > 0) {
            await handle.truncate(0);
            ({ hash, bytes } = { hash: createHash('sha256'), bytes: 0 });
          }
          bytes = await taken(handle, answer.chunks, { hash, bytes, size: release.size, onShare });
        } finally {
          answer.close();
        }
        if (bytes < release.size) throw new ConnectionError('the host closed the connection before it answered');
        await handle.sync();
      }
      return hash.digest('hex');
    } finally {
      await handle.close();
    }
  }

  /** Whoever went back may want the archive of before; more than a few nobody wants. */
  async #prune(newest: string): Promise<void> {
    const { folder } = this.options;
    const all = (await readdir(folder)).filter((name) => name.endsWith('.tar.gz') || name.endsWith('.part'));
    const aged = await Promise.all(
      all.map(async (name) => ({ name, at: (await stat(path.join(folder, name))).mtimeMs })),
    );
    const others = aged
      .filter(({ name }) => name !== path.basename(newest))
      .toSorted((one, other) => other.at - one.at);
    for (const { name } of others.slice(KEPT - 1)) await rm(path.join(folder, name), { force: true });
  }
}

async function isWhole(file: string, { size, sha256 }: Release): Promise<boolean> {
  const there = await stat(file).catch(() => undefined);
  if (there?.size !== size) return false;
  return (await hashOf(file, size)).hash.digest('hex') === sha256;
}

/** The hash of what is there, of `most` bytes at most. */
async function hashOf(file: string, most: number): Promise<{ hash: Hash; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  if ((await sizeOf(file)) === 0) return { hash, bytes };
  for await (const chunk of createReadStream(file, { end: most - 1 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { hash, bytes };
}

async function taken(
  handle: FileHandle,
  chunks: AsyncIterable<Buffer>,
  { hash, bytes, size, onShare }: { hash: Hash; bytes: number; size: number; onShare: (share: number) => void },
): Promise<number> {
  let sum = bytes;
  let lap = { at: performance.now(), sum };
  for await (const chunk of chunks) {
    sum += chunk.length;
    if (sum > size) throw otherSize(sum, size);
    hash.update(chunk);
    await handle.writeFile(chunk);
    onShare(sum / size);
    if (performance.now() - lap.at < LEAST_EVERY_MS) continue;
    if (sum - lap.sum < LEAST_BYTES) throw new ConnectionError('the server is too slow');
    lap = { at: performance.now(), sum };
  }
  return sum;
}

function otherSize(there: number, signed: number): LapwingError {
  return new LapwingError('UPDATE_FEED_INVALID', `the server has an archive of ${there} bytes, ${signed} were signed`);
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
