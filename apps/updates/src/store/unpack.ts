import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, realpath, symlink } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type ExtractEvents } from 'tar-stream';
import { ArchiveError, ArchivePolicy, type ArchiveLimits } from '../domain/archive.js';

type Entry = ExtractEvents['entry'][1];

/** See {@link unpack}. */
export interface UnpackOptions {
  /** The one folder in the archive, which becomes `to`. */
  top: string;
  /** Must not exist. */
  to: string;
  limits?: ArchiveLimits;
  signal: AbortSignal;
  /** Hears how many bytes of the archive were read. */
  onBytes?: (bytes: number) => void;
}

/**
 * Unpacks a tar archive (gzip) into a new folder. Nothing is ever written through a link: links are made when all files are there, and then looked at
 * once more. Owners, times and special bits are not taken over.
 * @throws ArchiveError for an archive that must not be unpacked; errors of the disk.
 */
export async function unpack(archive: string, options: UnpackOptions): Promise<void> {
  const { top, to, limits, signal, onBytes } = options;
  const policy = new ArchivePolicy(top, limits);
  await mkdir(to, { mode: 0o755 });
  const entries = extract();
  const source = createReadStream(archive);
  let bytes = 0;
  if (onBytes) source.on('data', (chunk) => onBytes((bytes += chunk.length)));
  const written = writeEntries(entries, policy, to).catch((error: unknown) => {
    entries.destroy(error as Error);
    throw error;
  });
  const read = pipeline(source, createGunzip(), entries as unknown as NodeJS.WritableStream, { signal });
  const [links] = await Promise.all([written, read]).catch((error: unknown) => {
    throw readable(error);
  });
  for (const [link, target] of links) await symlink(target, path.join(to, link));
  await checkLinks(to, links);
}

async function writeEntries(
  entries: AsyncIterable<Entry>,
  policy: ArchivePolicy,
  to: string,
): Promise<[link: string, target: string][]> {
  const links: [string, string][] = [];
  const folders = new Set<string>();
  for await (const entry of entries) {
    const { name, type, size, linkname, mode } = entry.header;
    const inside = policy.admit({ name, type, size, linkname });
    const target = path.join(to, inside);
    const folder = type === 'directory' ? target : path.dirname(target);
    if (!folders.has(folder)) {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      folders.add(folder);
    }
    if (type === 'symlink') links.push([inside, linkname]);
    if (type === 'file')
      await pipeline(
        Readable.from(entry as AsyncIterable<Buffer>),
        createWriteStream(target, { flags: 'wx', mode: (mode & 0o111) === 0 ? 0o644 : 0o755 }),
      );
    else entry.resume();
  }
  return links;
}

async function checkLinks(to: string, links: [link: string, target: string][]): Promise<void> {
  const root = await realpath(to);
  for (const [link] of links) {
    const real = await realpath(path.join(to, link)).catch(() => undefined);
    if (real === undefined || !real.startsWith(`${root}${path.sep}`))
      throw new ArchiveError(`the archive holds the link ${JSON.stringify(link)}, which leads nowhere in it`);
  }
}

/** What zlib and tar-stream say of an archive that is none. */
function readable(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: string };
  const isBroken =
    (typeof code === 'string' && code.startsWith('Z_')) || /^(invalid tar|unexpected end)/i.test(message ?? '');
  return isBroken ? new ArchiveError('the archive is broken') : error;
}
