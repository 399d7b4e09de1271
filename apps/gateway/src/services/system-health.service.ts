import { streamBounds, within, type Bus } from '@lapwing/bus';
import { healthGet, targetObserved } from '@lapwing/contracts';
import type { Redis } from '@lapwing/redis';
import { judge, type Line, type SystemHealth } from '../domain/system-health.js';
import type { CensusService } from './census.service.js';

/** How long each look at Redis and NATS may take. */
const SERVER_MS = 750;
/** How long a service may take: longer than its own looks may. Together with everything else less than two seconds. */
const SERVICE_MS = 1500;
/** However many probes come, everybody is asked once in so long. */
const FRESH_MS = 1000;

/** Asks everybody how they are, side by side, once for all who want to know. */
export class SystemHealthService {
  #kept: { report: SystemHealth; at: number } | undefined;
  #looking: Promise<SystemHealth> | undefined;

  /** @param isPolling whether there is anything to poll. */
  constructor(
    private readonly parts: { bus: Bus; redis: Redis; census: CensusService; isPolling: () => boolean },
    private readonly freshMs = FRESH_MS,
  ) {}

  /** How the system was within the last second; takes 2 s at most. */
  async report(): Promise<SystemHealth> {
    if (this.#kept && performance.now() - this.#kept.at < this.freshMs) return this.#kept.report;
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #look(): Promise<SystemHealth> {
    const { census, isPolling } = this.parts;
    const [redis, nats, services] = await Promise.all([this.#redis(), this.#nats(), census.ask(healthGet, SERVICE_MS)]);
    const report = judge({ redis, nats, services, isPolling: isPolling() });
    this.#kept = { report, at: performance.now() };
    return report;
  }

  async #redis(): Promise<Line> {
    try {
      const version = await within(this.parts.redis.version(), SERVER_MS, 'Redis');
      return { status: 'healthy', message: 'Redis connected', details: { redis_version: version } };
    } catch {
      return { status: 'unhealthy', message: 'Redis does not answer', details: null };
    }
  }

  async #nats(): Promise<Line> {
    const { bus } = this.parts;
    if (!bus.online) return { status: 'unhealthy', message: 'waiting for NATS', details: null };
    try {
      await bus.roundTrip(SERVER_MS);
    } catch {
      return { status: 'unhealthy', message: 'NATS does not answer', details: null };
    }
    try {
      // A server whose streams are gone still answers, while nothing is stored and nothing judged.
      await within(streamBounds(bus, targetObserved), SERVER_MS, 'JetStream');
      return {
        status: 'healthy',
        message: 'NATS connected',
        details: { nats_version: bus.serverVersion ?? 'unknown' },
      };
    } catch {
      return { status: 'unhealthy', message: 'NATS answers, but does not keep messages', details: null };
    }
  }
}
