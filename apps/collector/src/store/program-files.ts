import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { filesOf, parseState, type ProgramState } from '../domain/program.js';
import { syncFolderNow } from './folder.js';
import { JsonFile } from './json-file.js';

const STATE = 'state.json';

/** The programs that an agent has fetched, and which of them runs: the folder `program` of its data. */
export class ProgramFiles {
  readonly folder: string;
  readonly #state: JsonFile<ProgramState>;

  /** @param dataFolder the agent's data. */
  constructor(dataFolder: string) {
    this.folder = path.join(dataFolder, 'program');
    this.#state = new JsonFile(this.stateFile, parseState);
  }

  get stateFile(): string {
    return path.join(this.folder, STATE);
  }

  /** Where the program of this SHA-256 is. */
  pathOf(sha256: string): string {
    return path.join(this.folder, `${sha256}.mjs`);
  }

  /** Where a file is put while it is fetched. */
  async incoming(): Promise<string> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    return path.join(this.folder, 'incoming.mjs');
  }

  /**
   * Puts what was fetched beside the others, with the signed statement about it. The names are on the disk with the state that is written next.
   * @param incoming as {@link incoming} said.
   */
  async keep(incoming: string, sha256: string, statement: string): Promise<void> {
    const file = await open(this.#statementOf(sha256), 'w', 0o600);
    try {
      await file.writeFile(statement);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(incoming, this.pathOf(sha256));
  }

  /** The signed statement about a program, for the launcher; empty when there is none. */
  statementNow(sha256: string): string {
    try {
      return readFileSync(this.#statementOf(sha256), 'utf8');
    } catch {
      return '';
    }
  }

  /** Keeps the state: on the disk when it returns. */
  write(state: ProgramState): Promise<void> {
    return this.#state.write(state);
  }

  /** Removes every file that the state does not need. */
  async tidy(state: ProgramState): Promise<void> {
    const needed = new Set([STATE, ...filesOf(state)]);
    const files = await readdir(this.folder).catch(() => []);
    for (const file of files) if (!needed.has(file)) await rm(path.join(this.folder, file), { force: true });
  }

  /** The state, for the launcher, which has nothing else to do; undefined when there is none, or nothing that makes sense. */
  readNow(): ProgramState | undefined {
    try {
      return parseState(JSON.parse(readFileSync(this.stateFile, 'utf8')));
    } catch {
      return undefined;
    }
  }

  /** Keeps the state, for the launcher. */
  writeNow(state: ProgramState): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const temporary = `${this.stateFile}.new`;
    const file = openSync(temporary, 'w', 0o600);
    try {
      writeSync(file, JSON.stringify(state));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.stateFile);
    syncFolderNow(this.folder);
  }

  /** Whether the file of a program is what was fetched. */
  isIntact(sha256: string): boolean {
    try {
      return (
        createHash('sha256')
          .update(readFileSync(this.pathOf(sha256)))
          .digest('hex') === sha256
      );
    } catch {
      return false;
    }
  }

  #statementOf(sha256: string): string {
    return path.join(this.folder, `${sha256}.json`);
  }
}
