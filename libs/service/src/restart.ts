import { Bus } from '@lapwing/bus';
import { configChanged } from '@lapwing/contracts';
import { createLogger } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, Provider } from '@nestjs/common';

/** Whoever asked for it gets an answer before the gateway stops, too. */
const ANSWER_FIRST_MS = 1000;

/** Stops the process in order when the configuration was applied; whoever supervises it starts it again. */
class RestartOnApply implements OnApplicationBootstrap {
  constructor(private readonly bus: Bus) {}

  onApplicationBootstrap(): void {
    const log = createLogger(this.bus.options.service, 'restart');
    this.bus.listen(configChanged, '*', ({ by }) => {
      log.warn({ by }, 'stopping, to be started again with the new configuration');
      setTimeout(() => process.kill(process.pid, 'SIGTERM'), ANSWER_FIRST_MS).unref();
    });
  }
}

/** The provider that restarts a service when its configuration is applied; nothing where the setting is off. */
export function restartProviders(config: { RESTART_ON_APPLY: boolean }): Provider[] {
  if (!config.RESTART_ON_APPLY) return [];
  return [{ provide: RestartOnApply, useFactory: (bus: Bus) => new RestartOnApply(bus), inject: [Bus] }];
}
