import { HealthStatus } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';
import type { SystemHealth } from '../../../domain/system-health.js';

/** How each part of the system is, by name. */
export const Services = z.record(
  z.string(),
  z.object({ status: HealthStatus, message: z.string(), details: z.record(z.string(), z.string()).nullable() }),
);

/** The home-security health document. */
export const SystemHealthDocument = z.object({ status: HealthStatus, services: Services, timestamp: isoTime });

/** The home-security readiness document. */
export const ReadinessDocument = z.object({
  ready: z.boolean(),
  status: z.enum(['ready', 'degraded', 'not_ready']),
  services: Services,
  workers: z.array(z.object({ name: z.string(), running: z.boolean(), message: z.string().nullable() })),
  timestamp: isoTime,
});

/** Of a gateway that is about to stop: however the system is, requests shall go to others. */
export const leaving: SystemHealth = {
  status: 'unhealthy',
  services: { gateway: { status: 'unhealthy', message: 'this gateway is about to stop', details: null } },
  workers: [],
  ready: false,
};

/** How the system is. */
export function toHealth({ status, services }: SystemHealth, now: number): z.infer<typeof SystemHealthDocument> {
  return { status, services, timestamp: isoSeconds(now) };
}

/** Whether the system takes requests; `degraded` does. */
export function toReadiness(
  { ready, status, services, workers }: SystemHealth,
  now: number,
): z.infer<typeof ReadinessDocument> {
  const word = ready ? (status === 'healthy' ? 'ready' : 'degraded') : 'not_ready';
  return { ready, status: word, services, workers, timestamp: isoSeconds(now) };
}
