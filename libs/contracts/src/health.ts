import { z } from 'zod';
import { event, request } from './define.js';

/** How something is: `degraded` still does its work, `unhealthy` does not. */
export const HealthStatus = z.enum(['healthy', 'degraded', 'unhealthy']);
/** See {@link HealthStatus}. */
export type HealthStatus = z.infer<typeof HealthStatus>;

/** One thing that a service depends on or runs, e.g. `database` or the worker `rollup`. */
export const HealthCheck = z.object({
  name: z.string(),
  kind: z.enum(['dependency', 'worker']),
  status: HealthStatus,
  /** One sentence for people, without addresses or secrets. */
  message: z.string(),
});
/** See {@link HealthCheck}. */
export type HealthCheck = z.infer<typeof HealthCheck>;

/** How one replica of a service is. */
export const ServiceHealth = z.object({
  service: z.string(),
  status: HealthStatus,
  checks: z.array(HealthCheck),
  /** Names the replica, anew at each start. */
  instance: z.string().max(64).optional(),
  /** When the replica began, milliseconds since 1970. */
  startedAt: z.int().optional(),
  /** Whether it has never been ready yet, e.g. because it waits for migrations: then nobody asks it, and others do its work. */
  isStarting: z.boolean().optional(),
});
/** See {@link ServiceHealth}. */
export type ServiceHealth = z.infer<typeof ServiceHealth>;

/** Asks a service how it is. Every replica of every service answers this under its own name. */
export function healthGet(service: string) {
  return request(`req.${service}.health.get.v1`, { input: z.object({}), output: ServiceHealth, deadlineMs: 2000 });
}

/** A replica of a service stops in order: that it is silent from now on is no fault. Said on `<name>.<service>`. */
export const serviceStopped = event(
  'evt.service.stopped.v1',
  null,
  z.object({ service: z.string(), instance: z.string().max(64) }),
  ({ service }) => service,
);
