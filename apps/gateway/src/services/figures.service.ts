import { streamStates, type Bus } from '@lapwing/bus';
import type { HealthStatus } from '@lapwing/contracts';
import { gauge } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { SystemHealthService } from './system-health.service.js';

const EVERY_MS = 15_000;
const STREAMS_MS = 1500;
const FIGURE: Record<HealthStatus, number> = { healthy: 1, degraded: 0.5, unhealthy: 0 };

const readyGauge = gauge({
  name: 'lapwing_system_ready',
  help: '1 while everything is there without which nothing works, as this gateway sees it',
});
const partGauge = gauge<'part'>({
  name: 'lapwing_system_health',
  help: 'Services and servers as this gateway sees them: 1 healthy, 0.5 degraded, 0 unhealthy',
  labelNames: ['part'],
});
const workerGauge = gauge<'worker'>({
  name: 'lapwing_system_worker_running',
  help: '1 while a worker runs, in whichever service it lives',
  labelNames: ['worker'],
});
const messagesGauge = gauge<'stream'>({
  name: 'lapwing_nats_stream_messages',
  help: 'Messages that a stream of JetStream holds; of DEAD those that could not be handled',
  labelNames: ['stream'],
});
const bytesGauge = gauge<'stream'>({
  name: 'lapwing_nats_stream_bytes',
  help: 'Bytes that a stream of JetStream holds',
  labelNames: ['stream'],
});

/** Shows for metrics what only somebody sees who looks at everything: how the system is, and how full its streams are. */
export class FiguresService implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly health: SystemHealthService,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.look(), EVERY_MS).unref();
    void this.look();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** Looks now. */
  async look(): Promise<void> {
    const [{ ready, services, workers }] = await Promise.all([this.health.report(), this.#streams()]);
    readyGauge.set(ready ? 1 : 0);
    // A part that nobody knows any more shall not stay as it was.
    partGauge.reset();
    for (const [part, { status }] of Object.entries(services)) partGauge.set({ part }, FIGURE[status]);
    workerGauge.reset();
    for (const { name, running } of workers) workerGauge.set({ worker: name }, running ? 1 : 0);
  }

  async #streams(): Promise<void> {
    const states = await streamStates(this.bus, STREAMS_MS).catch(() => []);
    for (const { stream, messages, bytes } of states) {
      messagesGauge.set({ stream }, messages);
      bytesGauge.set({ stream }, bytes);
    }
  }
}
