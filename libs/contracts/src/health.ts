import { z } from 'zod';
import { request } from './define.js';

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

const ServiceHealth = z.object({ service: z.string(), status: HealthStatus, checks: z.array(HealthCheck) });
/** How one service is. */
export type ServiceHealth = z.infer<typeof ServiceHealth>;

/** Asks a service how it is. Every service answers this under its own name. */
export function healthGet(service: string) {
  return request(`req.${service}.health.get.v1`, { input: z.object({}), output: ServiceHealth, deadlineMs: 2000 });
}
