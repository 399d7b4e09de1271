import { open, stat } from 'node:fs/promises';
import { MAX_LICENSE_BYTES } from '../domain/license.js';

/** What a file holds: its text, or why it cannot be read, in words. */
export interface FileText {
  /** Another one when the file has changed. */
  mark: string;
  text?: string;
  problem?: string;
}

/** Reads a small file again when it has changed. */
export class LicenseFile {
  #last: FileText | undefined;

  constructor(private readonly path: string) {}

  /** Its text; never throws. */
  async read(): Promise<FileText> {
    const mark = await this.#mark();
    if (this.#last?.mark === mark && this.#last.problem === undefined) return this.#last;
    this.#last = { mark, ...(await this.#text()) };
    return this.#last;
  }

  async #mark(): Promise<string> {
    try {
      const { mtimeMs, ctimeMs, size, ino } = await stat(this.path);
      return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
    } catch (error) {
      return codeOf(error);
    }
  }

  async #text(): Promise<{ text: string } | { problem: string }> {
    try {
      // What is no plain file could make whoever opens it wait.
      if (!(await stat(this.path)).isFile()) return { problem: 'it is no plain file' };
      const text = await readAtMost(this.path, MAX_LICENSE_BYTES);
      return text === undefined ? { problem: `it is larger than ${MAX_LICENSE_BYTES / 1024} KiB` } : { text };
    } catch (error) {
      const code = codeOf(error);
      return { problem: code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})` };
    }
  }
}

/** The text of a file; undefined when it is larger. */
async function readAtMost(path: string, maxBytes: number): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(maxBytes + 1);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, bytes, buffer.length - bytes);
      bytes += bytesRead;
      if (bytesRead === 0 || bytes > maxBytes) break;
    }
    return bytes > maxBytes ? undefined : buffer.toString('utf8', 0, bytes);
  } finally {
    await file.close();
  }
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'unknown';
}
