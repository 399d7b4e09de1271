/** Ends with this: to be started again (EX_TEMPFAIL of sysexits.h). Whoever supervises must take it for a failure. */
export const START_AGAIN = 75;

/** What asks a process to end. */
const SIGNALS: readonly (string | symbol)[] = ['SIGTERM', 'SIGINT'];

/**
 * From now on this process ends with 0 only when a signal asked it to: an agent that ends by itself, because its code says so or has nothing left to
 * do, ends with {@link START_AGAIN}. A supervisor that starts again what fails would leave the host without one otherwise.
 */
export function endWellOnlyWhenAsked(): void {
  let isAsked = false;
  const accompanied = new Set<string | symbol>();
  // Beside the program's own listener only: without any, a signal ends the process without a code, even one that blocks.
  process.on('newListener', (event) => {
    if (!SIGNALS.includes(event) || accompanied.has(event)) return;
    accompanied.add(event);
    process.on(event, () => (isAsked = true));
  });
  process.on('exit', (code) => {
    if (code === 0 && !isAsked) process.exitCode = START_AGAIN;
  });
}
