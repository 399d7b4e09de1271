/** A run of sequence numbers, both ends included. */
export type Range = [number, number];

/** Folds numbers into runs: [5, 3, 4, 9] becomes [[3, 5], [9, 9]]. Doubles count once. */
export function foldRanges(seqs: Iterable<number>): Range[] {
  const ranges: Range[] = [];
  for (const seq of [...seqs].toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && seq <= last[1] + 1) last[1] = Math.max(last[1], seq);
    else ranges.push([seq, seq]);
  }
  return ranges;
}
