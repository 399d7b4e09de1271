import { Bus, busProviders } from '@lapwing/bus';
import { Health, restartProviders } from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { bundle } from './bundle.js';
import type { CollectorConfig } from './config.js';
import { START_AGAIN } from './ending.js';
import { CollectorHandler } from './handlers/collector.handler.js';
import { ProgramHandler } from './handlers/program.handler.js';
import { launched } from './launcher.js';
import { EnrollmentService, type EnrollmentOptions } from './services/enrollment.service.js';
import { LogService, type LogOptions } from './services/log.service.js';
import { ProcessService } from './services/process.service.js';
import { ProgramService, type ProgramOptions } from './services/program.service.js';
import { SamplerService } from './services/sampler.service.js';
import { SettingsService } from './services/settings.service.js';
import { HostSource } from './sources/host/host.source.js';
import { logReaders, type LogReaderOptions } from './sources/log-registry.js';
import { hostReaders, type HostReaders } from './sources/registry.js';
import { Processes } from './sources/source.js';
import { Host } from './store/host.js';
import { machineFingerprint } from './store/machine.js';
import { collectorVersion } from './version.js';

const service = 'collector';
/** Node's names of processors, where Go has others. */
const ARCHITECTURES: Record<string, string> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le', mipsel: 'mipsle' };
const READERS = 'readers';

/** All wiring of the collector. */
@Module({})
export class CollectorModule {
  static register(config: CollectorConfig): DynamicModule {
    const agentId = config.COLLECTOR_AGENT_ID;
    const host = new Host(config.COLLECTOR_HOST_ROOT);
    const enrollment = new EnrollmentService(enrollmentOptions(config, host));
    return {
      module: CollectorModule,
      providers: [
        { provide: EnrollmentService, useValue: enrollment },
        ...busProviders({
          service,
          servers: config.NATS_URL,
          streams: 'ignore',
          agent: { id: agentId, door: () => enrollment.door() },
          handlers: [CollectorHandler, ProgramHandler],
        }),
        { provide: READERS, useFactory: () => hostReaders(process.platform, config.COLLECTOR_DOCKER_SOCKET, host) },
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
          provide: LogService,
          useFactory: (bus: Bus) => new LogService(bus, logReaders(logReaderOptions(config, host)), logOptions(config)),
          inject: [Bus],
        },
        {
          provide: ProcessService,
          useFactory: (processes: Processes) => new ProcessService(processes, config.LAPWING_LAUNCHER_PID),
          inject: [Processes],
        },
        {
          provide: SettingsService,
          useFactory: (bus: Bus, sampler: SamplerService, logs: LogService) =>
            new SettingsService(bus, sampler, logs, {
              agentId,
              folder: config.COLLECTOR_DATA_DIR,
              version: collectorVersion,
              hostname: host.name,
            }),
          inject: [Bus, SamplerService, LogService],
        },
        {
          provide: ProgramService,
          useFactory: (bus: Bus, sampler: SamplerService) => new ProgramService(bus, sampler, programOptions(config)),
          inject: [Bus, SamplerService],
        },
        { provide: Health, useFactory: (bus: Bus) => new Health(bus, false), inject: [Bus] },
        ...restartProviders(config),
        { provide: 'health checks', useFactory: addChecks, inject: [Health, SamplerService, LogService] },
        {
          provide: 'way back',
          useFactory: (bus: Bus) => {
            bus.connection.whenShutOut(() => enrollment.lookAgain());
            return true;
          },
          inject: [Bus],
        },
      ],
    };
  }
}

function enrollmentOptions(config: CollectorConfig, host: Host): EnrollmentOptions {
  return {
    agentId: config.COLLECTOR_AGENT_ID,
    name: config.COLLECTOR_AGENT_NAME,
    folder: config.COLLECTOR_DATA_DIR,
    url: config.LAPWING_URL,
    token: config.LAPWING_ENROLLMENT_TOKEN,
    allowHttp: config.LAPWING_ALLOW_HTTP,
    natsUrl: config.NATS_URL,
    facts: {
      hostname: host.name,
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      os: process.platform,
      version: collectorVersion,
      machine: machineFingerprint(host),
    },
  };
}

function programOptions(config: CollectorConfig): ProgramOptions {
  return {
    folder: config.COLLECTOR_DATA_DIR,
    version: collectorVersion,
    keys: bundle?.keys,
    launch: launched(),
    url: config.LAPWING_URL,
    allowHttp: config.LAPWING_ALLOW_HTTP,
    trialSeconds: config.COLLECTOR_TRIAL_SECONDS,
    leave: () => {
      process.exitCode = START_AGAIN;
      process.kill(process.pid, 'SIGTERM');
    },
  };
}

/** Names this run of the kernel; elsewhere than on Linux the minute in which it began does. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return `minute ${Math.round((Date.now() / 1000 - uptime()) / 60)}`;
  }
}

function logOptions(config: CollectorConfig): LogOptions {
  return {
    agentId: config.COLLECTOR_AGENT_ID,
    folder: config.COLLECTOR_DATA_DIR,
    maxBytes: config.COLLECTOR_LOG_OUTBOX_MAX_BYTES,
    bootId: bootId(),
  };
}

function logReaderOptions(config: CollectorConfig, host: Host): LogReaderOptions {
  return {
    host,
    dockerSocket: config.COLLECTOR_DOCKER_SOCKET,
    folders: config.COLLECTOR_LOG_FOLDERS,
    linesPerSecond: config.COLLECTOR_LOG_LINES_PER_SECOND,
    pm2Home: config.PM2_HOME,
    serviceFolder: config.COLLECTOR_SERVICE_LOG_DIR,
  };
}

function addChecks(health: Health, sampler: SamplerService, logs: LogService): true {
  health.add('sampler', 'worker', () =>
    sampler.healthy
      ? { status: 'healthy', message: `a sample every ${sampler.interval} s` }
      : { status: 'degraded', message: 'no sample was taken in time' },
  );
  health.add('logs', 'worker', () => {
    const { isHealthy, message } = logs.health;
    return { status: isHealthy ? 'healthy' : 'degraded', message };
  });
  return true;
}
