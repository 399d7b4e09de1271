/** What the process ends with. */
export const exits = {
  ok: 0,
  /** The server said no. */
  refused: 1,
  /** What was typed, or a file that it names, is not right. */
  usage: 2,
  /** Nobody answers, or not what Lapwing answers. */
  unreachable: 3,
  /** `status`: something of the system is not as it should be, and it works. */
  degraded: 4,
  /** `status`: the system does not work. */
  unhealthy: 5,
  /** `audit verify`: somebody has changed the audit trail. */
  broken: 6,
  /** Ctrl-C at a question. */
  interrupted: 130,
} as const;

/** Shown below the help. */
export const exitHelp = `
Ends with 0 when all went well, 1 when the server refused, 2 for wrong usage, 3 when nobody answers, 4 when the system is degraded and 5 when it is
unhealthy (status), 6 when the audit trail was changed (audit verify), 130 after Ctrl-C at a question. More: docs/command-line.md`;

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
