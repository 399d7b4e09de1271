import { trace } from '@opentelemetry/api';
import { pino, type Logger } from 'pino';
import { noteProblem } from './problems.js';

export type { Logger } from 'pino';

const SECRETS = [
  'password',
  'token',
  'secret',
  'authorization',
  'cookie',
  '*.password',
  '*.token',
  '*.secret',
  '*.authorization',
  '*.cookie',
];

const root = pino({
  level: process.env['LOG_LEVEL'] || 'info',
  base: null,
  timestamp: pino.stdTimeFunctions.isoTime,
  redact: { paths: SECRETS, censor: '***' },
  formatters: { level: (label) => ({ level: label }) },
  hooks: {
    logMethod(args, method, level) {
      const label = this.levels.labels[level];
      if (label === 'warn' || label === 'error' || label === 'fatal') noteProblem(this.bindings(), label, args);
      method.apply(this, args);
    },
  },
  mixin() {
    const context = trace.getActiveSpan()?.spanContext();
    return context ? { trace_id: context.traceId, span_id: context.spanId } : {};
  },
});

const TIDY_AT = 1000;
/** Whoever has a logger: pino's children do not follow their parent's level. */
let loggers: WeakRef<Logger>[] = [];
let tidyAt = TIDY_AT;

/**
 * A logger of one component: JSON lines on standard output, with the trace id where there is a trace.
 * Write a constant message and put what varies into fields.
 * @param service the service, e.g. `metrics-store`.
 * @param component the class or the job that speaks.
 */
export function createLogger(service: string, component?: string): Logger {
  const logger = root.child(component ? { service, component } : { service });
  loggers.push(new WeakRef(logger));
  if (loggers.length > tidyAt) {
    loggers = loggers.filter((one) => one.deref() !== undefined);
    tidyAt = Math.max(TIDY_AT, 2 * loggers.length);
  }
  return logger;
}

/** Sets from which level on this process logs: all its loggers, and those that come. */
export function setLogLevel(level: 'error' | 'warn' | 'info' | 'debug'): void {
  root.level = level;
  for (const logger of loggers) {
    const known = logger.deref();
    if (known) known.level = level;
  }
}

/** What may be logged of something thrown: its kind, message and stack. */
export function describeError(thrown: unknown): { type: string; message: string; stack?: string; code?: string } {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: String(thrown) };
  const code = (thrown as { code?: unknown }).code;
  return {
    type: thrown.name,
    message: thrown.message,
    ...(thrown.stack && { stack: thrown.stack }),
    ...(typeof code === 'string' && { code }),
  };
}
