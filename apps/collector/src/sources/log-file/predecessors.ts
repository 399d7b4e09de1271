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
  /** When it was made, whatever it was called since; 0 where the file system does not tell. */
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
  return all.filter(({ bornMs }) => bornMs > instant).toSorted(byAge);
}

/**
 * Which of them came after one that is known, oldest first. When a file was made tells best, because some programs give the newest the smallest number,
 * and some the greatest.
 * @param known the known one, where it is still there under another name.
 * @param mtimeMs when the known one was written last: milliseconds since 1970.
 */
export function laterOnes(all: Predecessor[], known: Predecessor | undefined, mtimeMs: number): Predecessor[] {
  const isLater = (one: Predecessor): boolean => (known ? byAge(one, known) > 0 : one.mtimeMs > mtimeMs);
  return all.filter((one) => one.id !== known?.id && isLater(one)).toSorted(byAge);
}

/** Files that were made and written within one step of the clock are taken in the order of `.3`, `.2`, `.1`, which is the usual one. */
function byAge(a: Predecessor, b: Predecessor): number {
  const born = a.bornMs > 0 && b.bornMs > 0 ? a.bornMs - b.bornMs : 0;
  return born || (a.bornMs > 0 ? a.mtimeMs - b.mtimeMs : 0) || (b.turn ?? 0) - (a.turn ?? 0) || a.mtimeMs - b.mtimeMs;
}
