import type { Gap, SeqRange } from '@lapwing/contracts';
import { open, readFile, rename, writeFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder } from './folder.js';

/** What an outbox knows beside its records. */
export interface State {
  outbox: string;
  nextSeq: number;
  lastTime: number;
  stoppedCleanly: boolean;
  bootId: string;
  gaps: Gap[];
  /** The sum of all records up to `summedUpTo`, where there is one. */
  sum?: unknown;
  summedUpTo?: number;
}

/** The name of a segment: its outbox and its first number. */
export const SEGMENT = /^([a-z0-9]{8,32})-(\d+)\.log$/;
const STATE = 'state.json';

/** What was saved last; undefined when there is nothing, or nothing that makes sense. */
export async function readState(folder: string): Promise<State | undefined> {
  try {
    const state = JSON.parse(await readFile(path.join(folder, STATE), 'utf8')) as State;
    return typeof state.outbox === 'string' && Number.isSafeInteger(state.nextSeq) ? state : undefined;
  } catch {
    return undefined;
  }
}

/** Saves the state: whole or not at all. With `isDurable` the names of the folder's files are on the disk, too, when this resolves. */
export async function replaceState(folder: string, state: State, isDurable: boolean): Promise<void> {
  const temporary = path.join(folder, `${STATE}.new`);
  const file = await open(temporary, 'w');
  try {
    await writeFile(file, JSON.stringify(state));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path.join(folder, STATE));
  if (isDurable) await syncFolder(folder);
}

/** A file to which records are appended: all bytes of them, or none. */
export class RecordFile {
  /** Whether something may lie behind the last record that is none: at the next start it would count. */
  #isTorn = false;
  #end = 0;

  private constructor(private readonly handle: FileHandle) {}

  /** Begins an empty file. */
  static async begin(file: string): Promise<RecordFile> {
    return new RecordFile(await open(file, 'w'));
  }

  /** @param isDurable whether they are to be on the disk itself when this resolves. */
  async append(bytes: Buffer, isDurable: boolean): Promise<void> {
    await this.#tidy();
    this.#isTorn = true;
    try {
      // One call to the system may write fewer than it was given, e.g. when the disk fills up.
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, this.#end + done);
        done += bytesWritten;
      }
      if (isDurable) await this.handle.datasync();
    } catch (error) {
      await this.#tidy().catch(() => {});
      throw error;
    }
    this.#isTorn = false;
    this.#end += bytes.length;
  }

  async sync(): Promise<void> {
    await this.handle.sync();
  }

  async close(): Promise<void> {
    await this.#tidy().catch(() => {});
    await this.handle.close();
  }

  async #tidy(): Promise<void> {
    if (!this.#isTorn) return;
    await this.handle.truncate(this.#end);
    this.#isTorn = false;
  }
}

/** A record of a line; undefined for what is none. `more` marks one that counts only together with the next. */
export function parseLine<Body>(line: Buffer): (Body & { seq: number; time: number; more?: boolean }) | undefined {
  try {
    const value = JSON.parse(line.toString()) as Body & { seq: number; time: number };
    return Number.isSafeInteger(value.seq) && Number.isFinite(value.time) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Numbers that are missing between those found. */
export function holesOf(ascending: number[]): SeqRange[] {
  return ascending.flatMap((seq, index): SeqRange[] => {
    const before = ascending[index - 1];
    return before !== undefined && seq > before + 1 ? [[before + 1, seq - 1]] : [];
  });
}
