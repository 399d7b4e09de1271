/** How many characters of JSON one part should have at most; a message may have a million bytes. */
const PART_CHARACTERS = 300_000;
/** One thing may have as many, and all of a section together. */
const ITEM_CHARACTERS = 200_000;
const SECTION_CHARACTERS = 16_000_000;

/**
 * Divides things into parts that fit into messages. Where a thing goes depends on its key and the number of parts alone, so that a part of
 * one poll and one of another never hold the same thing, and the number grows in powers of two, so that it seldom changes.
 * @returns the parts, and how many things were left out because they, or all together, were larger than anything that is no nonsense.
 */
export function partsOf<T>(items: T[], keyOf: (item: T) => string): { parts: T[][]; dropped: number } {
  let characters = 0;
  const kept = items.filter((item) => {
    const { length } = JSON.stringify(item);
    const fits = length <= ITEM_CHARACTERS && characters + length <= SECTION_CHARACTERS;
    if (fits) characters += length + 1;
    return fits;
  });
  const dropped = items.length - kept.length;
  const count = 2 ** Math.ceil(Math.log2(Math.max(characters / PART_CHARACTERS, 1)));
  if (count === 1) return { parts: [kept], dropped };
  // Twice as many: a hash does not fill all of them alike.
  const parts: T[][] = Array.from({ length: count * 2 }, () => []);
  for (const item of kept) parts[hash(keyOf(item)) % parts.length]?.push(item);
  return { parts, dropped };
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return value;
}
