/** What a message may hold beside everything else, in bytes of JSON. */
const MAX_BYTES = 500_000;

/**
 * As many of some things, in the order of their ids, as fit into a message; always one.
 * @param limit how many were looked for: fewer mean that there are no more.
 * @returns those, and the id after which the next page begins; null for the last.
 */
export function pageOf<T>(found: T[], limit: number, idOf: (one: T) => string): { page: T[]; next: string | null } {
  let bytes = 0;
  const end = found.findIndex((one, index) => {
    bytes += JSON.stringify(one).length;
    return bytes > MAX_BYTES && index > 0;
  });
  const page = end < 0 ? found : found.slice(0, end);
  const isLast = end < 0 && found.length < limit;
  const last = page.at(-1);
  return { page, next: isLast || last === undefined ? null : idOf(last) };
}
