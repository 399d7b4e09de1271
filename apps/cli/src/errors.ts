/** What the process ends with. */
export const exits = {
  ok: 0,
  /** The server said no. */
  refused: 1,
  /** What was typed, or a file that it names, is not right. */
  usage: 2,
  /** Nobody answers, or not what Lapwing answers. */
  unreachable: 3,
} as const;

/** An error that is told in one line; the process ends with its code. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly exit: keyof typeof exits,
    message: string,
  ) {
    super(message);
  }
}
