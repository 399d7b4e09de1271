import { waitingFor, type Bus } from '@lapwing/bus';
import { deliveryDue, judgingProgressed, type OutputOf, type queuesGet } from '@lapwing/contracts';
import { gauge } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { EvaluationService } from './evaluation.service.js';

/** The durable consumer through which messages to people are taken out of the queue. */
export const DELIVERIES = 'alerting-deliveries';

const SAY_MS = 2000;
/** Of whom nothing was heard for so long, whoever judges instead of him tells. */
const FORGET_MS = 3 * SAY_MS;

const behindGauge = gauge({
  name: 'lapwing_alerting_samples_behind',
  help: 'Messages of host samples that this process has still to judge',
});

/** Knows what waits before the stages of the pipeline. */
export class QueuesService implements OnApplicationBootstrap, OnModuleDestroy {
  /** How far behind each process was, and when it said so by the monotonic clock. */
  readonly #others = new Map<string, { behind: number; at: number }>();
  #timer: NodeJS.Timeout | undefined;

  /** @param process names this process. */
  constructor(
    private readonly bus: Bus,
    private readonly process: string,
    private readonly evaluation: EvaluationService,
  ) {}

  onApplicationBootstrap(): void {
    this.bus.listen(judgingProgressed, '*', ({ process, behind }) => {
      if (process !== this.process) this.#others.set(process, { behind, at: performance.now() });
    });
    this.#timer = setInterval(() => void this.#say(), SAY_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /**
   * What waits. All processes read all samples and judge their own share: as many wait as the slowest has before it.
   * @throws LapwingError `UNAVAILABLE` while that cannot be known.
   */
  async get(): Promise<OutputOf<typeof queuesGet>> {
    const [own, analysis] = await Promise.all([
      this.evaluation.behind(),
      waitingFor(this.bus, deliveryDue, DELIVERIES),
    ]);
    return { detection: Math.max(own, ...this.#fresh()), analysis };
  }

  #fresh(): number[] {
    for (const [process, { at }] of this.#others) if (performance.now() - at > FORGET_MS) this.#others.delete(process);
    return [...this.#others.values()].map(({ behind }) => behind);
  }

  async #say(): Promise<void> {
    try {
      const behind = await this.evaluation.behind();
      behindGauge.set(behind);
      this.bus.announce(judgingProgressed, this.process, { process: this.process, behind });
    } catch {
      // whoever asks is told that it cannot be known
    }
  }
}
