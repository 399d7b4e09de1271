/** What stands before an entry of an archive. */
export interface ArchiveEntry {
  name: string;
  type: string;
  /** Bytes. */
  size: number;
  /** Where a symbolic link leads. */
  linkname?: string | null | undefined;
}

/** How much an archive may hold, so that a small one cannot fill a disk. */
export interface ArchiveLimits {
  entries: number;
  /** Bytes of all files together. */
  bytes: number;
}

/** A release has some 10,000 files and 200 MB. */
export const archiveLimits: ArchiveLimits = { entries: 100_000, bytes: 2 ** 31 };

const MAX_NAME = 1024;
const MAX_DEPTH = 32;

/** An archive that must not be unpacked. The message may be shown. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

/**
 * Decides entry by entry what of an archive may be unpacked: files, folders and symbolic links below one folder that lead nowhere else, each name
 * once. Source of the tricks: CWE-22, CWE-59, CWE-409.
 */
export class ArchivePolicy {
  readonly #seen = new Set<string>();
  readonly #folders = new Set<string>();
  #bytes = 0;
  #entries = 0;

  /** @param top the one folder in which everything must be. */
  constructor(
    private readonly top: string,
    private readonly limits: ArchiveLimits = archiveLimits,
  ) {}

  /**
   * The path of an entry below the top folder; empty for that folder itself.
   * @throws ArchiveError with what is wrong.
   */
  admit(entry: ArchiveEntry): string {
    const shown = JSON.stringify(entry.name.slice(0, 200));
    if (!['file', 'directory', 'symlink'].includes(entry.type))
      throw new ArchiveError(`the archive holds ${shown}, which is neither a file, a folder nor a symbolic link`);
    const parts = partsOf(entry.name.replace(/\/$/, ''));
    if (!parts) throw new ArchiveError(`the archive holds ${shown}, which leads out of it`);
    if (parts[0] !== this.top) throw new ArchiveError(`the archive holds ${shown}, which is not below "${this.top}"`);
    const path = parts.slice(1).join('/');
    if (path === '' && entry.type !== 'directory') throw new ArchiveError(`the archive holds no folder "${this.top}"`);
    if (entry.type === 'symlink' && !staysInside(parts.length - 2, entry.linkname ?? ''))
      throw new ArchiveError(`the archive holds the link ${shown}, which leads out of it`);
    this.#count(entry, path, shown);
    return path;
  }

  #count({ size, type }: ArchiveEntry, path: string, shown: string): void {
    // Names that differ in nothing but case are one on some file systems.
    const name = path.toLowerCase();
    if (this.#seen.has(name) && type !== 'directory') throw new ArchiveError(`the archive holds ${shown} twice`);
    this.#seen.add(name);
    this.#bytes += size;
    // Each entry is one, and so is each folder on the way that is not there yet.
    this.#entries += 1 + this.#newFolders(name);
    if (this.#entries > this.limits.entries)
      throw new ArchiveError(`the archive holds more than ${this.limits.entries} entries`);
    if (this.#bytes > this.limits.bytes)
      throw new ArchiveError(`the archive holds more than ${this.limits.bytes} bytes`);
  }

  #newFolders(path: string): number {
    const before = this.#folders.size;
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const folder = path.slice(0, at);
      if (this.#folders.has(folder)) break;
      this.#folders.add(folder);
    }
    return this.#folders.size - before;
  }
}

function partsOf(name: string): string[] | undefined {
  if (name === '' || name.length > MAX_NAME || name.startsWith('/') || /[\0\\]/.test(name)) return undefined;
  const parts = name.replace(/^\.\//, '').split('/');
  if (parts.length > MAX_DEPTH) return undefined;
  return parts.some((part) => part === '' || part === '.' || part === '..') ? undefined : parts;
}

/**
 * Whether a link leads to something below the top folder, whatever other links there are: it may go up first, and never again after it went down,
 * since a name on the way could be a link to somewhere higher.
 * @param depth folders between the top folder and the link.
 */
function staysInside(depth: number, target: string): boolean {
  const parts = target.split('/');
  const ups = parts.findIndex((part) => part !== '..');
  if (target === '' || target.length > MAX_NAME || ups < 0 || ups > depth) return false;
  return parts.slice(ups).every((part) => part !== '' && part !== '.' && part !== '..' && !/[\0\\]/.test(part));
}
