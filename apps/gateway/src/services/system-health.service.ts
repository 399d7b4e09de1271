import type { Bus } from '@lapwing/bus';
import { healthGet, services, type HealthCheck, type HealthStatus, type ServiceHealth } from '@lapwing/contracts';
import { Redis } from '@lapwing/redis';
import { worstOf } from '@lapwing/service';

/** One line of the health report. */
export interface Line {
  status: HealthStatus;
  message: string;
  details: Record<string, string> | null;
}

/** How the whole system is. */
export interface SystemHealth {
  status: HealthStatus;
  services: Record<string, Line>;
  workers: { name: string; running: boolean; message: string | null }[];
  /** Whether everything without which nothing works is there. */
  ready: boolean;
}

/** Asks everybody how they are, side by side. */
export class SystemHealthService {
  constructor(
    private readonly bus: Bus,
    private readonly redis: Redis,
  ) {}

  /** Looks at all services, the database, Redis and NATS; takes 2 s at most. */
  async report(): Promise<SystemHealth> {
    const [redis, ...reports] = await Promise.all([
      this.#redis(),
      ...services.map((service) => this.#service(service)),
    ]);
    const databases = reports.flatMap((report) => report.checks.filter((check) => check.name === 'database'));
    const database: Line =
      databases.length === 0
        ? { status: 'unhealthy', message: 'no service that knows the database answers', details: null }
        : lineOf(databases.toSorted((a, b) => rank(b) - rank(a))[0] as HealthCheck);
    const nats: Line = this.bus.online
      ? { status: 'healthy', message: 'NATS connected', details: null }
      : { status: 'unhealthy', message: 'waiting for NATS', details: null };
    const own = Object.fromEntries(
      reports.map(({ service, status }): [string, Line] => [
        service,
        { status, message: `${service} is ${status}`, details: null },
      ]),
    );
    const lines = { database, redis, ai: analysisOf(reports), nats, ...own };
    const storing = reports.find((report) => report.service === 'metrics-store');
    return {
      status: systemStatus(lines),
      services: lines,
      workers: workersOf(reports),
      ready: [database, redis, nats].every((line) => line.status === 'healthy') && storing?.status !== 'unhealthy',
    };
  }

  async #redis(): Promise<Line> {
    try {
      const version = await this.redis.version();
      return { status: 'healthy', message: 'Redis connected', details: { redis_version: version } };
    } catch {
      return { status: 'unhealthy', message: 'Redis does not answer', details: null };
    }
  }

  async #service(service: string): Promise<ServiceHealth> {
    try {
      return await this.bus.request(healthGet(service), {});
    } catch {
      return { service, status: 'unhealthy', checks: [] };
    }
  }
}

/** Whoever scores alerts and hands them over to be told. */
function analysisOf(reports: ServiceHealth[]): Line {
  const { status = 'unhealthy' } = reports.find(({ service }) => service === 'alerting') ?? {};
  const message = status === 'healthy' ? 'Alerts are judged and told' : `alerting is ${status}`;
  // Without it everything is seen, and nobody is told: that is less than healthy, and not all is lost.
  return { status: status === 'unhealthy' ? 'degraded' : status, message, details: null };
}

const rank = (check: HealthCheck): number => ['healthy', 'degraded', 'unhealthy'].indexOf(check.status);
const lineOf = ({ status, message }: HealthCheck): Line => ({ status, message, details: null });

/** Unhealthy without its servers; degraded when anything else is not healthy. */
function systemStatus({ database, redis, nats, ...others }: Record<string, Line>): HealthStatus {
  const vital = worstOf([database, redis, nats].map((line) => line?.status ?? 'unhealthy'));
  if (vital === 'unhealthy') return 'unhealthy';
  return worstOf([vital, ...Object.values(others).map((line) => (line.status === 'healthy' ? 'healthy' : 'degraded'))]);
}

/** The workers under the names that clients know. */
function workersOf(reports: ServiceHealth[]): SystemHealth['workers'] {
  const check = (name: string) => reports.flatMap((report) => report.checks).find((one) => one.name === name);
  const worker = (name: string, found: HealthCheck | undefined) => ({
    name,
    running: found?.status === 'healthy',
    message: found ? (found.status === 'healthy' ? null : found.message) : 'does not answer',
  });
  return [
    worker('gpu_monitor', check('sampler')),
    worker('cleanup_service', check('cleanup_service')),
    worker('detection_worker', check('evaluation')),
    worker('analysis_worker', check('clock')),
  ];
}
