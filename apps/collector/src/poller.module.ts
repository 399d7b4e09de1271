import { Bus, Leases, busProviders } from '@lapwing/bus';
import {
  Health,
  SecretKey,
  busConfig,
  followedSettingsProvider,
  healthProvider,
  restartProviders,
} from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import type { PollerConfig } from './config.js';
import { PollerHandler } from './handlers/poller.handler.js';
import { ConnectionTestService } from './services/connection-test.service.js';
import { DiscoveryService } from './services/discovery.service.js';
import { PollingService } from './services/polling.service.js';

const service = 'poller';

/** All wiring of the collector as a poller. */
@Module({})
export class PollerModule {
  static register(config: PollerConfig): DynamicModule {
    const key = SecretKey.read(service, config);
    return {
      module: PollerModule,
      providers: [
        ...busProviders({ ...busConfig(service, config), handlers: [PollerHandler] }),
        {
          provide: Leases,
          useFactory: (bus: Bus) => new Leases(bus, service, randomBytes(6).toString('hex')),
          inject: [Bus],
        },
        {
          provide: PollingService,
          useFactory: (bus: Bus, leases: Leases) => new PollingService(bus, leases, key),
          inject: [Bus, Leases],
        },
        {
          provide: DiscoveryService,
          useFactory: (bus: Bus, leases: Leases, polling: PollingService) => new DiscoveryService(bus, leases, polling),
          inject: [Bus, Leases, PollingService],
        },
        { provide: ConnectionTestService, useValue: new ConnectionTestService(key) },
        healthProvider,
        followedSettingsProvider,
        ...restartProviders(config),
        { provide: 'health checks', useFactory: addChecks, inject: [Health, PollingService] },
      ],
    };
  }
}

function addChecks(health: Health, polling: PollingService): true {
  health.add('polling', 'worker', () =>
    polling.heartbeat.finding(() => {
      const { targets, polled, fault } = polling.state;
      return fault === null
        ? { status: 'healthy', message: `polls ${polled} of ${targets} targets` }
        : { status: 'degraded', message: fault };
    }),
  );
  return true;
}
