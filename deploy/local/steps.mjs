// What the launcher tells the person who started it.

const begun = performance.now();
const quiet = process.env.LAPWING_QUIET === '1';

/** @param {string} text one line about what happens now */
export function step(text) {
  if (!quiet) process.stdout.write(`${`${((performance.now() - begun) / 1000).toFixed(1)}s`.padStart(7)}  ${text}\n`);
}

/** A fault that is told in plain words, without a stack. */
export class LaunchError extends Error {}

/** @param {unknown} error */
export function fail(error) {
  process.stderr.write(
    `\n${error instanceof LaunchError ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exit(1);
}
