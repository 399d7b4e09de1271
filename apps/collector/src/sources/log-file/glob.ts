import { opendir } from 'node:fs/promises';
import path from 'node:path';

/** Folders that one search looks into, how deep `**` goes, and names that it reads of a folder. */
const MAX_FOLDERS = 2000;
const MAX_DEPTH = 16;
const MAX_NAMES = 20_000;

/**
 * Whether a name looks like a pattern: `*` stands for any characters or none, `?` for one, all else for itself. As in a shell, a name that begins with a dot is
 * meant only by a pattern that does. Only the last `*` is ever tried again: at most pattern × name steps.
 */
export function matchesName(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  let at = 0;
  let next = 0;
  let star = -1;
  let starTakesTo = 0;
  while (at < name.length) {
    if (pattern[next] === '*') {
      star = next++;
      starTakesTo = at;
    } else if (next < pattern.length && (pattern[next] === '?' || pattern[next] === name[at])) {
      next++;
      at++;
    } else if (star >= 0) {
      next = star + 1;
      at = ++starTakesTo;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(next));
}

/** Whether a path looks like a pattern: `*` and `?` within a name, `**` as a name of its own for any folders or none. */
export function matchesPath(pattern: string, file: string): boolean {
  return matchesParts(pattern.split('/'), file.split('/'));
}

function matchesParts(pattern: string[], parts: string[]): boolean {
  // Which parts may come next, pattern by pattern: as many steps as pattern × path, however many `**` there are.
  let reached = new Set([0]);
  for (const one of pattern) {
    const next = new Set<number>();
    for (const at of reached) {
      if (one !== '**') {
        if (at < parts.length && matchesName(one, parts[at] ?? '')) next.add(at + 1);
        continue;
      }
      for (let to = at; to <= parts.length; to++) {
        next.add(to);
        if (parts[to]?.startsWith('.')) break;
      }
    }
    reached = next;
  }
  return reached.has(parts.length);
}

/** What a search found; not all of it when it met a bound. */
export interface Found {
  paths: string[];
  isPartial: boolean;
}

/** Looks for what a pattern means: an absolute path, see {@link matchesPath}. `**` follows no symbolic links to folders. */
export async function findPaths(pattern: string): Promise<Found> {
  const parts = path.posix.normalize(pattern).split('/').slice(1);
  const search = new Search();
  await search.walk('/', parts, 0);
  return { paths: [...search.found], isPartial: search.isPartial };
}

class Search {
  readonly found = new Set<string>();
  isPartial = false;
  #folders = 0;

  async walk(folder: string, parts: string[], depth: number): Promise<void> {
    const plain = parts.findIndex((part) => /[*?]/.test(part));
    if (plain < 0) {
      this.found.add(path.join(folder, ...parts));
      return;
    }
    const [wanted = '', ...rest] = parts.slice(plain);
    const begin = path.join(folder, ...parts.slice(0, plain));
    if (wanted === '**') {
      await this.walk(begin, rest.length > 0 ? rest : ['*'], depth);
      if (depth >= MAX_DEPTH) return;
    }
    for (const { name, isFolder } of await this.#list(begin)) {
      const one = path.join(begin, name);
      if (wanted === '**') {
        if (isFolder && !name.startsWith('.')) await this.walk(one, ['**', ...rest], depth + 1);
      } else if (matchesName(wanted, name)) {
        if (rest.length === 0) this.found.add(one);
        else await this.walk(one, rest, depth);
      }
    }
  }

  async #list(folder: string): Promise<{ name: string; isFolder: boolean }[]> {
    if (++this.#folders > MAX_FOLDERS) {
      this.isPartial = true;
      return [];
    }
    const names: { name: string; isFolder: boolean }[] = [];
    try {
      for await (const one of await opendir(folder, { bufferSize: 256 })) {
        if (names.length >= MAX_NAMES) {
          this.isPartial = true;
          break;
        }
        names.push({ name: one.name, isFolder: one.isDirectory() });
      }
    } catch {
      // not there, no folder, or not for us: then nothing is found in it
    }
    return names;
  }
}
