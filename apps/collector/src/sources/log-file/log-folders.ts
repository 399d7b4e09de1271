import { constants } from 'node:fs';
import { open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

/** A file that may not be read. */
export class NotAllowed extends Error {
  override name = 'NotAllowed';
}

/**
 * Which files may be read is for the host to say, not for the server: regular files below these folders, whatever symbolic links there are.
 */
export class LogFolders {
  constructor(private readonly folders: readonly string[]) {}

  /** Opens a file for reading. @throws NotAllowed for what lies elsewhere or is no regular file; an error of the system for what cannot be opened. */
  async open(file: string): Promise<FileHandle> {
    const real = await realpath(file);
    if (!(await this.#holds(real))) throw new NotAllowed('not below COLLECTOR_LOG_FOLDERS');
    // Without O_NONBLOCK opening a FIFO would wait for whoever writes to it.
    const handle = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      if (!(await handle.stat()).isFile()) throw new NotAllowed('no regular file');
      // Somebody may have put a link in place of a folder since.
      if (!(await this.#holds(await placeOf(handle, real)))) throw new NotAllowed('not below COLLECTOR_LOG_FOLDERS');
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Whether all that a pattern can mean lies below these folders: elsewhere not even names are looked at. */
  async mayHold(pattern: string): Promise<boolean> {
    const parts = pattern.split('/').slice(0, -1);
    const wild = parts.findIndex((part) => /[*?]/.test(part));
    const fixed = path.normalize(parts.slice(0, wild < 0 ? parts.length : wild).join('/') || '/');
    return this.#holds(path.join(await realpath(fixed).catch(() => fixed), 'any'));
  }

  async #holds(real: string): Promise<boolean> {
    for (const folder of this.folders) {
      const below = path.relative(await realpath(folder).catch(() => folder), real);
      if (below !== '' && !below.startsWith('..') && !path.isAbsolute(below)) return true;
    }
    return false;
  }
}

/** Where an open file lies, as the kernel says; as it was found where the kernel does not say. */
async function placeOf(handle: FileHandle, otherwise: string): Promise<string> {
  return readlink(`/proc/self/fd/${handle.fd}`).catch(() => otherwise);
}
