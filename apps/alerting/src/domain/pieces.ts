/** What a piece may hold, in characters of JSON. */
const MAX_LENGTH = 500_000;

/**
 * As many entries, from one of them on, as fit into a message; always one where there is one.
 * @returns those, and the number of the entry after them; null when there is none.
 */
export function pieceOf<T>(entries: readonly T[], from: number): { piece: T[]; next: number | null } {
  let length = 0;
  let end = from;
  for (; end < entries.length; end++) {
    length += JSON.stringify(entries[end]).length;
    if (length > MAX_LENGTH && end > from) break;
  }
  return { piece: entries.slice(from, end), next: end < entries.length ? end : null };
}
