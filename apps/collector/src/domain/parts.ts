/** How many characters of JSON one part should have at most; a message may have a million bytes. */
const PART_CHARACTERS = 300_000;

/**
 * Divides things into parts that fit into messages. Where a thing goes depends on its key and the number of parts alone, so that a part of
 * one poll and one of another never hold the same thing, and the number grows in powers of two, so that it seldom changes.
 */
export function partsOf<T>(items: T[], keyOf: (item: T) => string): T[][] {
  const [sample] = items;
  if (sample === undefined) return [[]];
  const characters = items.reduce((sum, item) => sum + JSON.stringify(item).length + 1, 0);
  const count = 2 ** Math.ceil(Math.log2(Math.max(characters / PART_CHARACTERS, 1)));
  if (count === 1) return [items];
  // Twice as many: a hash does not fill all of them alike.
  const parts: T[][] = Array.from({ length: Math.min(count * 2, 512) }, () => []);
  for (const item of items) parts[hash(keyOf(item)) % parts.length]?.push(item);
  return parts;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return value;
}
