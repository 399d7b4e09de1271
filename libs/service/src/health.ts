import { Bus, ownConsumers } from '@lapwing/bus';
import {
  MAX_LISTED,
  diagnosticsGet,
  healthGet,
  serviceStopped,
  type Breaker,
  type ConsumerState,
  type HealthCheck,
  type HealthStatus,
  type ServiceDiagnostics,
  type ServiceHealth,
} from '@lapwing/contracts';
import { gauge, recentProblems } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy, Provider } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { measureLoad, processFacts } from './process-facts.js';

/** What a check found. */
export interface Finding {
  status: HealthStatus;
  /** One sentence, without addresses or secrets. */
  message: string;
}

type Check = { name: string; kind: HealthCheck['kind']; look: () => Promise<Finding> | Finding };

/** Shorter than whoever asks waits, so that one slow look does not make the whole service look silent. */
const DEADLINE_MS = 1000;
const RANK: HealthStatus[] = ['healthy', 'degraded', 'unhealthy'];

/** How often it is looked for metrics alone. */
const SHOW_MS = 15_000;
const FIGURE: Record<HealthStatus, number> = { healthy: 1, degraded: 0.5, unhealthy: 0 };

const checkGauge = gauge<'service' | 'check' | 'kind'>({
  name: 'lapwing_health_check',
  help: 'What this process found when it looked at what it depends on and at its workers: 1 healthy, 0.5 degraded, 0 unhealthy',
  labelNames: ['service', 'check', 'kind'],
});

/** The worst of several. */
export function worstOf(statuses: HealthStatus[]): HealthStatus {
  return statuses.reduce((worst, status) => (RANK.indexOf(status) > RANK.indexOf(worst) ? status : worst), 'healthy');
}

/** Knows how one replica of a service is, and tells it on the bus. */
export class Health implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #checks: Check[] = [];
  readonly #breakers: (() => Breaker[])[] = [];
  #isLeaving = false;
  #isStarting = true;
  readonly #startedAt = Date.now();
  readonly #instance = randomBytes(6).toString('hex');
  #showing: NodeJS.Timeout | undefined;

  /** @param onBus whether it answers on the bus; an agent may not. */
  constructor(
    private readonly bus: Bus,
    private readonly onBus = true,
  ) {
    this.add('bus', 'dependency', () =>
      this.#isLeaving
        ? { status: 'unhealthy', message: 'about to stop' }
        : bus.online
          ? { status: 'healthy', message: 'connected to NATS' }
          : { status: 'unhealthy', message: 'waiting for NATS' },
    );
  }

  /** Adds something to look at: what the service depends on, or a worker that it runs. */
  add(name: string, kind: HealthCheck['kind'], look: Check['look']): void {
    this.#checks.push({ name, kind, look });
  }

  /** Adds whoever knows what is asked less, or not at all for now, because it has failed. */
  addBreakers(open: () => Breaker[]): void {
    this.#breakers.push(open);
  }

  onApplicationBootstrap(): void {
    this.#showing = setInterval(() => void this.report(), SHOW_MS).unref();
    void this.report();
    if (!this.onBus) return;
    measureLoad();
    const { service } = this.bus.options;
    this.bus.whenUnasked(() => {
      this.#isLeaving = true;
      this.bus.announce(serviceStopped, service, { service, instance: this.#instance });
    });
    this.bus.respondEach(healthGet(service), () => this.report());
    this.bus.respondEach(diagnosticsGet(service), () => this.diagnose());
  }

  onModuleDestroy(): void {
    clearInterval(this.#showing);
  }

  /**
   * Looks at everything, side by side; a look that takes longer than a second counts as a fault. A worker that stands still makes the service
   * degraded and no worse: what it is asked, it still answers.
   */
  async report(): Promise<Required<ServiceHealth>> {
    const checks = await Promise.all(this.#checks.map((check) => this.#look(check)));
    const status = worstOf(
      checks.map(({ kind, status: found }) => (kind === 'worker' && found === 'unhealthy' ? 'degraded' : found)),
    );
    if (status !== 'unhealthy') this.#isStarting = false;
    const { service } = this.bus.options;
    for (const { name, kind, status: found } of checks) checkGauge.set({ service, check: name, kind }, FIGURE[found]);
    return {
      service,
      status,
      checks,
      instance: this.#instance,
      startedAt: this.#startedAt,
      isStarting: this.#isStarting,
    };
  }

  /** What this replica knows about itself, within {@link DEADLINE_MS}. */
  async diagnose(): Promise<ServiceDiagnostics> {
    const [report, consumers] = await Promise.all([this.report(), this.#consumers()]);
    const breakers = this.#breakers.flatMap((open) => open());
    const problems = recentProblems(this.bus.options.service, MAX_LISTED);
    return { ...report, ...processFacts(), problems, breakers: breakers.slice(0, MAX_LISTED), consumers };
  }

  #consumers(): Promise<ConsumerState[]> {
    return this.bus.online ? ownConsumers(this.bus, DEADLINE_MS).catch(() => []) : Promise.resolve([]);
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
  inject: [Bus],
};
