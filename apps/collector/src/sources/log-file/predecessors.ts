import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { mayPrecede, turnOf } from './names.js';

/** So many of a file's predecessors are looked at. */
const MAX_LOOKED_AT = 200;

/** A file that was at a path before another took its place. */
export interface Predecessor {
  file: string;
  id: string;
  mtimeMs: number;
  /** When it was made; 0 where the file system does not tell. */
  bornMs: number;
  /** See {@link turnOf}. */
  turn: number | undefined;
}

/** Files that may have been at this path before, in no order. Compressed ones are none. */
export async function predecessorsOf(file: string): Promise<Predecessor[]> {
  const { dir, base } = path.parse(file);
  const names = (await readdir(dir).catch(() => [])).filter((name) => mayPrecede(name, base));
  const found: Predecessor[] = [];
  for (const name of names.toSorted().slice(0, MAX_LOOKED_AT)) {
    const one = path.join(dir, name);
    const [ids, times] = await Promise.all([stat(one, { bigint: true }), stat(one)]).catch(() => []);
    if (ids?.isFile() && times)
      found.push({
        file: one,
        id: String(ids.ino),
        mtimeMs: times.mtimeMs,
        bornMs: times.birthtimeMs,
        turn: turnOf(name),
      });
  }
  return found;
}

/** Those that were made after an instant (milliseconds since 1970), oldest first. */
export function bornAfter(all: Predecessor[], instant: number): Predecessor[] {
  return laterOnes(
    all.filter(({ bornMs }) => bornMs > instant),
    Number.POSITIVE_INFINITY,
    0,
  );
}

/**
 * Which of them came after one that is known, oldest first: by their numbers where all have some, else by when they were written last.
 * @param turn the number of the known one, and `mtimeMs` when it was written last.
 */
export function laterOnes(all: Predecessor[], turn: number | undefined, mtimeMs: number): Predecessor[] {
  const isLater = (one: Predecessor): boolean =>
    one.turn !== undefined && turn !== undefined ? one.turn < turn : one.mtimeMs > mtimeMs;
  return all
    .filter(isLater)
    .toSorted((a, b) => (a.turn !== undefined && b.turn !== undefined ? b.turn - a.turn : a.mtimeMs - b.mtimeMs));
}
