import type { SeqRange } from '@lapwing/contracts';

/** Folds ascending numbers into runs: [3, 4, 5, 9] becomes [[3, 5], [9, 9]]. */
export function runsOf(ascending: number[]): SeqRange[] {
  const runs: SeqRange[] = [];
  for (const number of ascending) {
    const last = runs.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}
