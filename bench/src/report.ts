/** Prints a line of the results. */
export function line(what: string, value: string): void {
  process.stdout.write(`    ${what.padEnd(66)} ${value}\n`);
}

/** A number with thousands separated. */
export function thousands(value: number): string {
  return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
}

/** The value below which a share of the sorted values lies. */
export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}

/** The middle one of several measurements. */
export const median = (values: number[]): number => percentile(values, 0.5);
