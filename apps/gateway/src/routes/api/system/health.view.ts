import { isoSeconds } from '../../../http/query.js';
import type { SystemHealth } from '../../../services/system-health.service.js';

/** The home-security health document. */
export function toHealth({ status, services }: SystemHealth, now: number) {
  return { status, services, timestamp: isoSeconds(now) };
}

/** The home-security readiness document: `degraded` still takes requests. */
export function toReadiness({ ready, status, services, workers }: SystemHealth, now: number) {
  const word = ready ? (status === 'healthy' ? 'ready' : 'degraded') : 'not_ready';
  return { ready, status: word, services, workers, timestamp: isoSeconds(now) };
}
