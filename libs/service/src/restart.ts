import { Bus } from '@lapwing/bus';
import { configChanged } from '@lapwing/contracts';
import { createLogger } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, Provider } from '@nestjs/common';

/** Stops the process in order when the configuration was applied; whoever supervises it starts it again. */
class RestartOnApply implements OnApplicationBootstrap {
  constructor(private readonly bus: Bus) {}

  onApplicationBootstrap(): void {
    const log = createLogger(this.bus.options.service, 'restart');
    this.bus.listen(configChanged, '*', ({ by }) => {
      log.warn({ by }, 'stopping, to be started again with the new configuration');
      process.kill(process.pid, 'SIGTERM');
    });
  }
}

/** The provider that restarts a service when its configuration is applied; nothing where the setting is off. */
export function restartProviders(config: { RESTART_ON_APPLY: boolean }): Provider[] {
  if (!config.RESTART_ON_APPLY) return [];
  return [{ provide: RestartOnApply, useFactory: (bus: Bus) => new RestartOnApply(bus), inject: [Bus] }];
}
