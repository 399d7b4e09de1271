import type { Bus } from '@lapwing/bus';
import { healthGet, type HealthCheck, type HealthStatus, type ServiceHealth } from '@lapwing/contracts';
import type { OnApplicationBootstrap, Provider } from '@nestjs/common';
import { Bus as BusToken } from '@lapwing/bus';

/** What a check found. */
export interface Finding {
  status: HealthStatus;
  /** One sentence, without addresses or secrets. */
  message: string;
}

type Check = { name: string; kind: HealthCheck['kind']; look: () => Promise<Finding> | Finding };

const DEADLINE_MS = 1500;
const RANK: HealthStatus[] = ['healthy', 'degraded', 'unhealthy'];

/** The worst of several. */
export function worstOf(statuses: HealthStatus[]): HealthStatus {
  return statuses.reduce((worst, status) => (RANK.indexOf(status) > RANK.indexOf(worst) ? status : worst), 'healthy');
}

/** Knows how one service is, and tells it on the bus. */
export class Health implements OnApplicationBootstrap {
  readonly #checks: Check[] = [];

  /** @param onBus whether it answers on the bus; an agent may not. */
  constructor(
    private readonly bus: Bus,
    private readonly onBus = true,
  ) {
    this.add('bus', 'dependency', () =>
      bus.online
        ? { status: 'healthy', message: 'connected to NATS' }
        : { status: 'unhealthy', message: 'waiting for NATS' },
    );
  }

  /** Adds something to look at: what the service depends on, or a worker that it runs. */
  add(name: string, kind: HealthCheck['kind'], look: Check['look']): void {
    this.#checks.push({ name, kind, look });
  }

  onApplicationBootstrap(): void {
    if (this.onBus) this.bus.respond(healthGet(this.bus.options.service), () => this.report());
  }

  /** Looks at everything, side by side; a look that takes longer than 1.5 s counts as a fault. */
  async report(): Promise<ServiceHealth> {
    const checks = await Promise.all(this.#checks.map((check) => this.#look(check)));
    return { service: this.bus.options.service, status: worstOf(checks.map((check) => check.status)), checks };
  }

  async #look({ name, kind, look }: Check): Promise<HealthCheck> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Finding>((resolve) => {
      timer = setTimeout(() => resolve({ status: 'unhealthy', message: 'does not answer' }), DEADLINE_MS);
    });
    try {
      return { name, kind, ...(await Promise.race([Promise.resolve().then(look), late])) };
    } catch {
      return { name, kind, status: 'unhealthy', message: 'does not answer' };
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The provider of a service's health. */
export const healthProvider: Provider = {
  provide: Health,
  useFactory: (bus: Bus) => new Health(bus),
  inject: [BusToken],
};
