/** A warning or an error that was logged, without the fields beside its message: those may hold anything. */
export interface LoggedProblem {
  /** When it was logged last, milliseconds since 1970. */
  time: number;
  level: 'warn' | 'error' | 'fatal';
  service: string;
  component: string;
  /** The constant message of the log, 200 characters at most. */
  message: string;
  /** The error's code, e.g. `ECONNREFUSED`, or its kind, e.g. `TypeError`; null without one. */
  error: string | null;
  /** How often it was logged since it was last forgotten. */
  count: number;
}

const MAX_KEPT = 200;
const MAX_MESSAGE = 200;
const MAX_NAME = 64;
/** Names of kinds and codes look so, and nothing that is a secret does. */
const KIND = /^[A-Z][A-Za-z]{1,40}(Error|Exception)?$/;
const CODE = /^[A-Z][A-Z_]{2,40}$/;

/** The newest problems of this process; the same one again counts, and does not push out others. */
const kept = new Map<string, LoggedProblem>();

const nameOf = (value: unknown): string => (typeof value === 'string' ? value.slice(0, MAX_NAME) : '');

/** What may be said of an error: its code or its kind. */
function errorOf(fields: unknown): string | null {
  if (typeof fields !== 'object' || fields === null) return null;
  const { error, err } = fields as { error?: unknown; err?: unknown };
  const thrown = fields instanceof Error ? fields : (error ?? err);
  if (typeof thrown !== 'object' || thrown === null) return null;
  const { code, type, name } = thrown as Record<string, unknown>;
  if (typeof code === 'string' && CODE.test(code)) return code;
  const kind = type ?? name;
  return typeof kind === 'string' && KIND.test(kind) ? kind : null;
}

/**
 * Keeps what was logged as a warning or worse, the newest {@link MAX_KEPT} of the process.
 * @param who the service and the component that speak.
 * @param args what the logger was called with.
 */
export function noteProblem(
  who: { service?: unknown; component?: unknown },
  level: LoggedProblem['level'],
  args: readonly unknown[],
  now = Date.now(),
): void {
  const [first, second] = args;
  const text = typeof first === 'string' ? first : second;
  if (typeof text !== 'string') return;
  const [service, component] = [nameOf(who.service), nameOf(who.component)];
  const message = text.slice(0, MAX_MESSAGE);
  const error = errorOf(first);
  const key = JSON.stringify([level, service, component, message, error]);
  const count = (kept.get(key)?.count ?? 0) + 1;
  kept.delete(key);
  kept.set(key, { time: now, level, service, component, message, error, count });
  for (const oldest of kept.keys()) {
    if (kept.size <= MAX_KEPT) return;
    kept.delete(oldest);
  }
}

/**
 * The problems that a service of this process logged, the newest first.
 * @param limit how many at most.
 */
export function recentProblems(service: string, limit: number): LoggedProblem[] {
  const own = [...kept.values()].filter((problem) => problem.service === service);
  return own.toReversed().slice(0, limit);
}
