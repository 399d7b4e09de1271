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
  /** No credential, or one that stands for nobody (any more). */
  UNAUTHENTICATED: 'log in, or send an API token',
  /** A wrong name, password or code; which of them is not told. */
  INVALID_CREDENTIALS: 'wrong user name or password',
  /** The password was right, and a code of the second factor is wanted. */
  TOTP_REQUIRED: 'a code of the second factor is required',
  /** A write with a session cookie came without the token that proves that Lapwing's own page sent it. */
  CSRF_INVALID: 'the header X-CSRF-Token must hold the value of the cookie pulse_csrf',
  /** Too many failed logins; `details` tell until when. */
  ACCOUNT_LOCKED: 'too many failed attempts',
  /** More than the limit allows; `details` tell the limit and when to come back. */
  RATE_LIMITED: 'too many requests',
  /** Asked for with the present password, which was wrong. */
  INVALID_CURRENT_PASSWORD: 'the current password is wrong',
  /** There is a user of this name. */
  USERNAME_TAKEN: 'there is a user of this name',
  /** There is a role of this name. */
  ROLE_EXISTS: 'there is a role of this name',
  /** Nobody could administer Lapwing any more. */
  LAST_ADMIN: 'the last administrator must stay',
  /** The system's own roles are fixed. */
  SYSTEM_ROLE: 'roles of the system cannot be changed',
  /** Users can not make themselves here. */
  REGISTRATION_DISABLED: 'registration is switched off',
  /** The first start is over. */
  ALREADY_CONFIGURED: 'there is a user already: log in',
  /** There is an agent of this id. */
  AGENT_EXISTS: 'there is an agent of this id',
  /** The registration was approved before. */
  ALREADY_APPROVED: 'this agent is approved already',
  /** Another machine has this id: the newcomer waits in quarantine, and is never merged with it. */
  AGENT_CLONE: 'another machine has this id',
  /** An administrator has taken the agent's credentials away. */
  AGENT_REVOKED: 'this agent was revoked',
  /** An administrator has refused the registration; `details` tell when it may ask again. */
  AGENT_REJECTED: 'this registration was rejected',
  /** An enrolment token that does not exist, was used, or is too old. */
  ENROLLMENT_TOKEN_INVALID: 'no such enrolment token',
  /** The sender's clock is far from the server's. */
  CLOCK_SKEW: 'the clock of the sender is wrong',
  /** The Docker host was removed and may not report again yet. */
  HOST_REMOVED: 'this Docker host was removed',
  /** A node of this address or name is configured already. */
  NODE_EXISTS: 'there is such a node already',
  /** A password or an API token must be given: there is none, or the one that is kept was for another host. */
  SECRET_REQUIRED: 'a password or an API token is required',
  /** A setup code that does not exist, was used, is too old, or was made for another type or host. */
  SETUP_CODE_INVALID: 'no such setup code',
  /** A setting that the environment of the service holds fast. */
  SETTING_OVERRIDDEN: 'the environment sets this: it cannot be changed here',
  /** Somebody else changed it since it was read. */
  PRECONDITION_FAILED: 'somebody else changed this meanwhile: read it again',
  /** A cleanup runs already. */
  CLEANUP_IN_PROGRESS: 'a cleanup is under way',
  /** An import of the configuration runs already. */
  IMPORT_IN_PROGRESS: 'an import is under way',
  /** An exported configuration that cannot be read: another pass phrase, damaged, or of another version. */
  EXPORT_UNREADABLE: 'the file or the pass phrase is wrong',
  /** Nothing newer is there to fetch or to install. */
  UPDATE_NOT_AVAILABLE: 'there is no newer release',
  /** Another attempt to change what runs is under way, on this server or another. */
  UPDATE_IN_PROGRESS: 'an update is under way',
  /** This deployment is updated by whoever put it there; `details` hold the commands. */
  UPDATE_NOT_SUPPORTED: 'this deployment does not update itself',
  /** The feed of releases could not be fetched. */
  UPDATE_FEED_UNREACHABLE: 'the feed of releases cannot be reached',
  /** The feed of releases, or what it names, is not what was signed. */
  UPDATE_FEED_INVALID: 'the feed of releases cannot be believed',
  /** An update was tried and given up; the version from before runs. */
  UPDATE_FAILED: 'the update failed',
  /** The licence covers no new releases (any more). */
  UPDATES_EXPIRED: 'Updates expired. Please renew your license.',
  /** Nobody vouches for this key and address. */
  INVALID_LICENSE: 'Invalid license key',
  /** More than the message bus carries in one message. */
  TOO_LARGE: 'too large',
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

/** Whether whoever was asked is away for now, so that the same may go well later. */
export function isAway(error: unknown): boolean {
  return error instanceof LapwingError && (error.code === 'UNAVAILABLE' || error.code === 'TIMEOUT');
}
