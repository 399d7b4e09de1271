import { Bus, busProviders } from '@lapwing/bus';
import { Health, busConfig, healthProvider } from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import type { CollectorConfig } from './config.js';
import { CollectorHandler } from './handlers/collector.handler.js';
import { ProcessService } from './services/process.service.js';
import { SamplerService } from './services/sampler.service.js';
import { HostSource } from './sources/host/host.source.js';
import { ProcessTable } from './sources/host/process-table.js';
import { createProcessTable, linuxReaders } from './sources/registry.js';

const service = 'collector';

/** All wiring of the collector. */
@Module({})
export class CollectorModule {
  static register(config: CollectorConfig): DynamicModule {
    const agentId = config.COLLECTOR_AGENT_ID;
    return {
      module: CollectorModule,
      providers: [
        ...busProviders({ service, ...busConfig(config), agentId, handlers: [CollectorHandler] }),
        { provide: ProcessTable, useFactory: createProcessTable },
        {
          provide: HostSource,
          useFactory: (table: ProcessTable) => new HostSource(linuxReaders(table, config.COLLECTOR_DOCKER_SOCKET)),
          inject: [ProcessTable],
        },
        {
          provide: SamplerService,
          useFactory: (bus: Bus, source: HostSource) =>
            new SamplerService(bus, source, {
              agentId,
              folder: config.COLLECTOR_DATA_DIR,
              maxBytes: config.COLLECTOR_OUTBOX_MAX_BYTES,
              bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
              fixedInterval: config.COLLECTOR_INTERVAL,
            }),
          inject: [Bus, HostSource],
        },
        { provide: ProcessService, useFactory: () => new ProcessService(config.LAPWING_LAUNCHER_PID) },
        healthProvider,
        { provide: 'health checks', useFactory: addChecks, inject: [Health, SamplerService] },
      ],
    };
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
