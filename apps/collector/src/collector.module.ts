import { Bus, busProviders } from '@lapwing/bus';
import { Health, busConfig, healthProvider, restartProviders } from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { CollectorConfig } from './config.js';
import { CollectorHandler } from './handlers/collector.handler.js';
import { ProcessService } from './services/process.service.js';
import { SamplerService } from './services/sampler.service.js';
import { HostSource } from './sources/host/host.source.js';
import { hostReaders, type HostReaders } from './sources/registry.js';
import { Processes } from './sources/source.js';

const service = 'collector';
const READERS = 'readers';

/** All wiring of the collector. */
@Module({})
export class CollectorModule {
  static register(config: CollectorConfig): DynamicModule {
    const agentId = config.COLLECTOR_AGENT_ID;
    return {
      module: CollectorModule,
      providers: [
        ...busProviders({ service, ...busConfig(config), agentId, handlers: [CollectorHandler] }),
        { provide: READERS, useFactory: () => hostReaders(process.platform, config.COLLECTOR_DOCKER_SOCKET) },
        { provide: Processes, useFactory: ({ processes }: HostReaders) => processes, inject: [READERS] },
        { provide: HostSource, useFactory: ({ readers }: HostReaders) => new HostSource(readers), inject: [READERS] },
        {
          provide: SamplerService,
          useFactory: (bus: Bus, source: HostSource) =>
            new SamplerService(bus, source, {
              agentId,
              folder: config.COLLECTOR_DATA_DIR,
              maxBytes: config.COLLECTOR_OUTBOX_MAX_BYTES,
              bootId: bootId(),
              fixedInterval: config.COLLECTOR_INTERVAL,
            }),
          inject: [Bus, HostSource],
        },
        {
          provide: ProcessService,
          useFactory: (processes: Processes) => new ProcessService(processes, config.LAPWING_LAUNCHER_PID),
          inject: [Processes],
        },
        healthProvider,
        ...restartProviders(config),
        { provide: 'health checks', useFactory: addChecks, inject: [Health, SamplerService] },
      ],
    };
  }
}

/** Names this run of the kernel; elsewhere than on Linux the minute in which it began does. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return `minute ${Math.round((Date.now() / 1000 - uptime()) / 60)}`;
  }
}

function addChecks(health: Health, sampler: SamplerService): true {
  health.add('sampler', 'worker', () =>
    sampler.healthy
      ? { status: 'healthy', message: `a sample every ${sampler.interval} s` }
      : { status: 'degraded', message: 'no sample was taken in time' },
  );
  return true;
}
