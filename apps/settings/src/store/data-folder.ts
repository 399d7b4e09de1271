import type { Dirent, Stats } from 'node:fs';
import { lstat, opendir, realpath, statfs, unlink } from 'node:fs/promises';
import path from 'node:path';

/** The classes of files: the sub-folders of the data folder in which they lie. */
export const fileClasses = ['thumbnails', 'images', 'clips'] as const;
/** See {@link fileClasses}. */
export type FileClassName = (typeof fileClasses)[number];

/** Files, and what they take. */
export interface Files {
  files: number;
  bytes: number;
  /** Whether there is more than was looked at. */
  isTruncated: boolean;
  /** How many the system did not let be read or deleted. */
  refused: number;
}

const MAX_DEPTH = 16;
const AT_ONCE = 32;

/** The data folder: the volume on which it lies, and files in it. Follows no links. */
export class DataFolder {
  constructor(private readonly folder: string) {}

  /** The volume on which it lies, or will lie. */
  async volume(): Promise<{ total: number; free: number }> {
    for (let folder = path.resolve(this.folder); ; folder = path.dirname(folder)) {
      try {
        const { bsize, blocks, bfree } = await statfs(folder);
        return { total: blocks * bsize, free: bfree * bsize };
      } catch (error) {
        if (!isGone(error) || folder === path.dirname(folder)) throw error;
      }
    }
  }

  /** How many files of a class there are; looks at a bounded number of entries, for a bounded time. */
  async measure(name: FileClassName, limits: { entries: number; ms: number }): Promise<Files> {
    const end = performance.now() + limits.ms;
    return this.#each(
      name,
      limits.entries,
      () => performance.now() < end,
      async (_, { size }) => size,
    );
  }

  /**
   * Deletes the files of a class that were changed last before an instant, or counts them; looks at a bounded number of entries.
   * @param before milliseconds since 1970.
   */
  async clean(name: FileClassName, before: number, dryRun: boolean, entries: number): Promise<Files> {
    return this.#each(
      name,
      entries,
      () => true,
      async (file, { size, mtimeMs }) => {
        if (mtimeMs >= before) return null;
        if (!dryRun) await unlink(file);
        return size;
      },
    );
  }

  /** Does something with each file; counts those of which it gives a size. */
  async #each(
    name: FileClassName,
    entries: number,
    goOn: () => boolean,
    use: (file: string, stats: Stats) => Promise<number | null>,
  ): Promise<Files> {
    const sum: Files = { files: 0, bytes: 0, isTruncated: false, refused: 0 };
    const one = async (file: string): Promise<void> => {
      const size = await usedUnlessGone(file, use).catch((error: unknown) => {
        if (!isRefused(error)) throw error;
        sum.refused++;
        return null;
      });
      if (size === null) return;
      sum.files++;
      sum.bytes += size;
    };
    let left = entries;
    let batch: string[] = [];
    for await (const file of filesIn(path.join(path.resolve(this.folder), name), 0)) {
      if (left-- <= 0 || !goOn()) {
        sum.isTruncated = true;
        break;
      }
      if (file === null) continue;
      batch.push(file);
      if (batch.length >= AT_ONCE) await Promise.all(batch.splice(0).map(one));
    }
    await Promise.all(batch.map(one));
    return sum;
  }
}

/** The regular files below a folder; null for an entry that is none. A folder that is reached through a link is left alone. */
async function* filesIn(folder: string, depth: number): AsyncGenerator<string | null> {
  const isReal = await realpath(folder).then(
    async (real) => real === path.join(await realpath(path.dirname(folder)), path.basename(folder)),
    (error: unknown) => (isGone(error) ? false : Promise.reject(error as Error)),
  );
  if (!isReal) return;
  let entries: AsyncIterable<Dirent>;
  try {
    entries = await opendir(folder);
  } catch (error) {
    if (isGone(error)) return;
    throw error;
  }
  for await (const entry of entries) {
    yield entry.isFile() ? path.join(folder, entry.name) : null;
    if (entry.isDirectory() && depth < MAX_DEPTH) yield* filesIn(path.join(folder, entry.name), depth + 1);
  }
}

async function usedUnlessGone(
  file: string,
  use: (file: string, stats: Stats) => Promise<number | null>,
): Promise<number | null> {
  try {
    const stats = await lstat(file);
    return stats.isFile() ? await use(file, stats) : null;
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

function isRefused(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EBUSY', 'EROFS'].includes((error as { code?: string }).code ?? '');
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as { code?: string }).code ?? '');
}
