import { LapwingError, type ErrorCode } from '@lapwing/contracts';
import { HttpException } from '@nestjs/common';

/** An answer that tells an error, in the form that all four APIs accept. */
export interface ErrorAnswer {
  status: number;
  body: {
    success: false;
    error: string;
    code: string;
    details: Record<string, unknown>;
    detail?: string;
    [more: string]: unknown;
  };
  retryAfter?: number;
}

const STATUS: Record<ErrorCode, number> = {
  INVALID_INPUT: 400,
  NOT_FOUND: 404,
  FORBIDDEN: 403,
  UNAUTHENTICATED: 401,
  INVALID_CREDENTIALS: 401,
  TOTP_REQUIRED: 401,
  CSRF_INVALID: 403,
  ACCOUNT_LOCKED: 429,
  RATE_LIMITED: 429,
  INVALID_CURRENT_PASSWORD: 400,
  USERNAME_TAKEN: 400,
  ROLE_EXISTS: 400,
  LAST_ADMIN: 400,
  SYSTEM_ROLE: 403,
  REGISTRATION_DISABLED: 403,
  ALREADY_CONFIGURED: 403,
  AGENT_EXISTS: 400,
  ALREADY_APPROVED: 400,
  AGENT_CLONE: 400,
  AGENT_REVOKED: 403,
  AGENT_REJECTED: 403,
  ENROLLMENT_TOKEN_INVALID: 401,
  CLOCK_SKEW: 400,
  HOST_REMOVED: 403,
  NODE_EXISTS: 400,
  SECRET_REQUIRED: 400,
  SETUP_CODE_INVALID: 401,
  SETTING_OVERRIDDEN: 400,
  PRECONDITION_FAILED: 412,
  CLEANUP_IN_PROGRESS: 409,
  IMPORT_IN_PROGRESS: 409,
  EXPORT_UNREADABLE: 400,
  UPDATE_NOT_AVAILABLE: 400,
  UPDATE_IN_PROGRESS: 409,
  UPDATE_NOT_SUPPORTED: 400,
  UPDATE_FEED_UNREACHABLE: 502,
  UPDATE_FEED_INVALID: 502,
  UPDATE_FAILED: 500,
  UPDATES_EXPIRED: 403,
  INVALID_LICENSE: 401,
  TOO_LARGE: 413,
  UNAVAILABLE: 503,
  TIMEOUT: 503,
  INTERNAL: 500,
};

const CODES: Record<number, string> = {
  400: 'INVALID_INPUT',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  406: 'NOT_ACCEPTABLE',
  413: 'BODY_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'RATE_LIMITED',
  503: 'UNAVAILABLE',
};

const RETRY_AFTER_SECONDS = 5;

/** Pulse's clients read what these errors tell (attempts left, lock) from the top of the answer. */
const SPREAD: ErrorCode[] = ['INVALID_CREDENTIALS', 'INVALID_CURRENT_PASSWORD', 'ACCOUNT_LOCKED', 'TOTP_REQUIRED'];

/** The home-security routes answer 422 where all others answer 400. */
const UNPROCESSABLE =
  /^\/api\/system\/(config|cleanup|gpu|pipeline-latency|health|stats|severity|storage|telemetry)(\/|\?|$)/;

const DOCKER_REPORT = /^\/api\/agents\/docker\/report\/?(\?|$)/;

/** The status that a library put on its error, for errors of the caller's making. */
function statusOf(thrown: unknown): number | undefined {
  if (thrown instanceof HttpException) return thrown.getStatus();
  const status = (thrown as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

/** Turns whatever was thrown into the answer that the caller gets; unexpected faults show nothing of themselves. */
export function toErrorAnswer(thrown: unknown, url: string): ErrorAnswer {
  const answer = toAnswer(thrown);
  if (DOCKER_REPORT.test(url)) return toReportRefusal(answer, thrown);
  if (answer.status !== 400 || !UNPROCESSABLE.test(url)) return answer;
  return { ...answer, status: 422, body: { ...answer.body, detail: answer.body.error } };
}

/** Pulse's Docker agents know these two codes, and by the words "was removed" that they shall stop. */
function toReportRefusal(answer: ErrorAnswer, thrown: unknown): ErrorAnswer {
  const { code, details } = answer.body;
  if (answer.status !== 400 && code !== 'HOST_REMOVED') return answer;
  const isJson = thrown instanceof LapwingError;
  const pulse = isJson ? 'invalid_report' : 'invalid_json';
  return { status: 400, body: { ...answer.body, code: pulse, details: { ...details, reason: code } } };
}

function toAnswer(thrown: unknown): ErrorAnswer {
  if (thrown instanceof LapwingError) {
    const status = STATUS[thrown.code];
    const { retryAfterMs, allowed: _allowed, resetMs: _resetMs, ...details } = thrown.details;
    const more = SPREAD.includes(thrown.code) ? details : {};
    const body = { ...more, success: false as const, error: thrown.message, code: thrown.code, details };
    const wait = typeof retryAfterMs === 'number' ? Math.ceil(retryAfterMs / 1000) : RETRY_AFTER_SECONDS;
    const tellsWhen = status === 503 || status === 429 || typeof retryAfterMs === 'number';
    return { status, body, ...(tellsWhen && { retryAfter: wait }) };
  }
  const status = statusOf(thrown) ?? 500;
  const error = status < 500 && thrown instanceof Error ? thrown.message : 'internal error';
  return {
    status,
    body: { success: false, error, code: CODES[status] ?? (status < 500 ? 'INVALID_INPUT' : 'INTERNAL'), details: {} },
  };
}
