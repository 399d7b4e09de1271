import { Bus, busProviders } from '@lapwing/bus';
import { Redis } from '@lapwing/redis';
import { busConfig } from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import type { GatewayConfig } from './config.js';
import { controllers } from './routes/registry.js';
import { toMetricsDocument } from './routes/api/v1/stream.view.js';
import { HostsService } from './services/hosts.service.js';
import { LiveFeedService } from './services/live-feed.service.js';
import { SystemHealthService } from './services/system-health.service.js';

const service = 'gateway';

/** All wiring of the gateway. */
@Module({})
export class GatewayModule {
  static register(config: GatewayConfig): DynamicModule {
    const localAgent = config.GATEWAY_LOCAL_AGENT ?? config.COLLECTOR_AGENT_ID;
    return {
      module: GatewayModule,
      controllers,
      providers: [
        ...busProviders({ service, ...busConfig(config), handlers: [] }),
        { provide: Redis, useFactory: () => new Redis(config.REDIS_URL.reveal()) },
        {
          provide: LiveFeedService,
          useFactory: (bus: Bus) => new LiveFeedService(bus, toMetricsDocument),
          inject: [Bus],
        },
        {
          provide: HostsService,
          useFactory: (bus: Bus, feed: LiveFeedService) => new HostsService(bus, feed, localAgent),
          inject: [Bus, LiveFeedService],
        },
        {
          provide: SystemHealthService,
          useFactory: (bus: Bus, redis: Redis) => new SystemHealthService(bus, redis),
          inject: [Bus, Redis],
        },
      ],
    };
  }
}
