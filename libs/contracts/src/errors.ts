/**
 * The one catalogue of error codes that travel on the bus and show in the API.
 * What each means is said here; the gateway maps them to HTTP statuses in one place.
 */
export const errorCodes = {
  /** The question does not follow its schema, or its values contradict each other. */
  INVALID_INPUT: 'what was sent is not valid',
  /** The thing asked for does not exist. */
  NOT_FOUND: 'no such resource',
  /** The caller, or Lapwing itself, may not do this. */
  FORBIDDEN: 'not allowed',
  /** Nobody is there to answer, or what they depend on is away; later it may work. */
  UNAVAILABLE: 'a service behind this is away',
  /** Somebody is there, but did not answer before the deadline. */
  TIMEOUT: 'a service behind this did not answer in time',
  /** A fault of Lapwing's own; the log has it under the trace id. */
  INTERNAL: 'internal error',
} as const;

/** A code of the catalogue. */
export type ErrorCode = keyof typeof errorCodes;

/** What travels apart from payloads when something went wrong. `message` is fit for the one who asked. */
export interface WireError {
  code: ErrorCode;
  message: string;
  details: Record<string, unknown>;
}

/** An error with a code of the catalogue; its message and details may be shown to whoever asked. */
export class LapwingError extends Error {
  override readonly name = 'LapwingError';

  constructor(
    readonly code: ErrorCode,
    message: string = errorCodes[code],
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** The form that travels. */
  toWire(): WireError {
    return { code: this.code, message: this.message, details: this.details };
  }

  /**
   * Turns whatever was thrown into an error that may travel: errors of the catalogue as they are, everything else as
   * `INTERNAL` without its text, which could hold secrets.
   */
  static from(thrown: unknown): LapwingError {
    return thrown instanceof LapwingError ? thrown : new LapwingError('INTERNAL');
  }
}
