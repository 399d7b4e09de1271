import { z } from 'zod';
import { request } from './define.js';
import { ServiceHealth } from './health.js';

/** Problems, breakers and consumers that one answer lists at most. */
export const MAX_LISTED = 50;

const Instant = z.int();

/** A warning or an error that was logged: its constant message, and nothing of what the log says beside it. */
export const Problem = z.object({
  /** When it was logged last, milliseconds since 1970. */
  time: Instant,
  level: z.enum(['warn', 'error', 'fatal']),
  service: z.string().max(64),
  component: z.string().max(64),
  message: z.string().max(200),
  /** The kind of error, e.g. `TypeError`, or its code, e.g. `ECONNREFUSED`; null without one. */
  error: z.string().max(64).nullable(),
  /** How often it was logged since the process began, or since it was last forgotten. */
  count: z.int().min(1),
});
/** See {@link Problem}. */
export type Problem = z.infer<typeof Problem>;

/** Something outside that is asked less, or not at all for now, because it has failed. */
export const Breaker = z.object({
  kind: z.enum(['target', 'channel', 'feed', 'license_server', 'log_rule']),
  /** The id of what failed; never an address. */
  name: z.string().max(200),
  /** Failures in a row; null where they are not counted. */
  failures: z.int().min(0).nullable(),
  /** Since when, and when it is tried again, milliseconds since 1970; null where that is not known. */
  since: Instant.nullable(),
  retryAt: Instant.nullable(),
  /** One word of a few for why. */
  reason: z.string().max(64),
});
/** See {@link Breaker}. */
export type Breaker = z.infer<typeof Breaker>;

/** How far a durable consumer has come in its stream. */
export const ConsumerState = z.object({
  stream: z.string(),
  consumer: z.string(),
  /** Messages that wait to be handed out. */
  pending: z.int(),
  /** Messages that were handed out and are not acknowledged. */
  unacknowledged: z.int(),
  /** Messages that were handed out more than once and are not acknowledged. */
  redelivered: z.int(),
});
/** See {@link ConsumerState}. */
export type ConsumerState = z.infer<typeof ConsumerState>;

/** What one replica of a service tells about itself. */
export const ServiceDiagnostics = ServiceHealth.required({ instance: true, startedAt: true }).extend({
  version: z.string().max(64),
  node: z.string().max(64),
  /** Seconds since the process began. */
  uptime: z.number().min(0),
  /** Bytes. */
  memory: z.object({ rss: z.int(), heapUsed: z.int(), heapTotal: z.int(), external: z.int() }),
  /** Percent of one core, over the last minute or since the start. */
  cpu: z.number().min(0),
  /** How late the event loop was, milliseconds, over the last minute or since the start. */
  eventLoop: z.object({ mean: z.number(), p99: z.number(), max: z.number() }),
  problems: z.array(Problem).max(MAX_LISTED),
  breakers: z.array(Breaker).max(MAX_LISTED),
  consumers: z.array(ConsumerState).max(MAX_LISTED),
});
/** See {@link ServiceDiagnostics}. */
export type ServiceDiagnostics = z.infer<typeof ServiceDiagnostics>;

/** Asks a service what it knows about itself; no secrets, and no addresses. Every replica answers. */
export function diagnosticsGet(service: string) {
  return request(`req.${service}.diagnostics.get.v1`, {
    input: z.object({}),
    output: ServiceDiagnostics,
    deadlineMs: 3000,
  });
}
