import { mkdir, open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder } from './folder.js';

/** A small file that is written whole or not at all, and that only its owner may read. */
export class JsonFile<T> {
  #writing: Promise<void> = Promise.resolve();

  /** @param parse checks what was read; throws when it is not what it should be. */
  constructor(
    private readonly file: string,
    private readonly parse: (value: unknown) => T,
  ) {}

  /** What the file holds; undefined when there is none, or nothing that makes sense. */
  async read(): Promise<T | undefined> {
    try {
      return this.parse(JSON.parse(await readFile(this.file, 'utf8')));
    } catch {
      return undefined;
    }
  }

  /** Replaces what the file holds: on the disk, and found there by its name, when it resolves. */
  write(value: T): Promise<void> {
    this.#writing = this.#writing.catch(() => {}).then(() => this.#replace(JSON.stringify(value)));
    return this.#writing;
  }

  async #replace(text: string): Promise<void> {
    await mkdir(path.dirname(this.file), { recursive: true });
    const temporary = `${this.file}.new`;
    const handle = await open(temporary, 'w', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, this.file);
    await syncFolder(path.dirname(this.file));
  }
}
