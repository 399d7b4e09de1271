import { LapwingError } from '@lapwing/contracts';
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';

/** The agent in one file, and its SHA-256 in hexadecimal. */
export interface AgentFile {
  content: Buffer;
  sha256: string;
}

/** Knows the file that hosts download; reads it anew when it has changed. */
export class AgentFileService {
  #known: { changedAt: number; file: Promise<AgentFile> } | undefined;

  constructor(private readonly path: string) {}

  /** The file. Throws `NOT_FOUND` when none was built. */
  async get(): Promise<AgentFile> {
    const changedAt = await stat(this.path).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
    if (changedAt === undefined) throw new LapwingError('NOT_FOUND', 'this installation has no agent to download');
    if (this.#known?.changedAt !== changedAt) this.#known = { changedAt, file: this.#read() };
    return this.#known.file;
  }

  async #read(): Promise<AgentFile> {
    const content = await readFile(this.path);
    return { content, sha256: createHash('sha256').update(content).digest('hex') };
  }
}
