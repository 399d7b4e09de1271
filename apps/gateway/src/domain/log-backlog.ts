/** A line with its time (milliseconds since 1970) and by what it is known, wherever it comes from. */
interface Known {
  time: number;
  key: string;
}

/**
 * The newest lines of those that are stored and those that came over the bus, each once, oldest first.
 * @param stored newest first; where a line is among both, this one counts.
 * @param fresh in the order in which they came.
 * @param limit how many there are at most; 1 or more.
 */
export function backlogOf<S extends Known, F extends Known>(stored: S[], fresh: F[], limit: number): (S | F)[] {
  const keys = new Set(stored.map(({ key }) => key));
  const missing = fresh.filter(({ key }) => !keys.has(key));
  return [...stored.toReversed(), ...missing].toSorted((a, b) => a.time - b.time).slice(-limit);
}
