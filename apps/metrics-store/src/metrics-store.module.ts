import { Bus, busProviders } from '@lapwing/bus';
import { Migrations, Postgres, DatabaseCheck, databaseCheckProvider } from '@lapwing/postgres';
import {
  FollowedSettings,
  Health,
  busConfig,
  followedSettingsProvider,
  healthProvider,
  restartProviders,
} from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import type { MetricsStoreConfig } from './config.js';
import type { ClockWindow } from './domain/admission.js';
import { CleanupHandler } from './handlers/cleanup.handler.js';
import { HistoryHandler } from './handlers/history.handler.js';
import { PipelineHandler } from './handlers/pipeline.handler.js';
import { PolledHandler } from './handlers/polled.handler.js';
import { SamplesHandler } from './handlers/samples.handler.js';
import { CleanupService } from './services/cleanup.service.js';
import { ExcursionService } from './services/excursion.service.js';
import { IngestService } from './services/ingest.service.js';
import { MaintenanceService } from './services/maintenance.service.js';
import { PipelineService } from './services/pipeline.service.js';
import { PolledService } from './services/polled.service.js';
import { CleanupStore } from './store/cleanup.store.js';
import { ExcursionStore } from './store/excursion.store.js';
import { HistoryStore } from './store/history.store.js';
import { LedgerStore } from './store/ledger.store.js';
import { MaintenanceStore } from './store/maintenance.store.js';
import { PipelineStore } from './store/pipeline.store.js';
import { PolledStore } from './store/polled.store.js';
import { ResourceStore } from './store/resource.store.js';
import { SampleStore } from './store/sample.store.js';

const service = 'metrics-store';
const DAY_MS = 86_400_000;

/** All wiring of metrics-store. */
@Module({})
export class MetricsStoreModule {
  static register(config: MetricsStoreConfig): DynamicModule {
    const windowOf = (settings: FollowedSettings) => (): ClockWindow => ({
      pastMs: Math.min(config.METRICS_STORE_RAW_DAYS - 1, settings.current.retentionDays) * DAY_MS,
      futureMs: config.METRICS_STORE_CLOCK_AHEAD_SECONDS * 1000,
    });
    const onPostgres = <T>(store: new (postgres: Postgres) => T) => ({
      provide: store,
      useFactory: (postgres: Postgres) => new store(postgres),
      inject: [Postgres],
    });
    return {
      module: MetricsStoreModule,
      providers: [
        ...busProviders({
          ...busConfig(service, config),
          ground: Migrations,
          handlers: [SamplesHandler, HistoryHandler, PolledHandler, PipelineHandler, CleanupHandler],
        }),
        { provide: Postgres, useFactory: () => new Postgres({ service, url: config.DATABASE_URL.reveal() }) },
        {
          provide: Migrations,
          useFactory: (postgres: Postgres) =>
            new Migrations(postgres, 'metrics', new URL('../migrations/', import.meta.url), config.LAPWING_MIGRATIONS),
          inject: [Postgres],
        },
        ...[
          ResourceStore,
          SampleStore,
          LedgerStore,
          HistoryStore,
          MaintenanceStore,
          PolledStore,
          PipelineStore,
          CleanupStore,
        ].map((store) => onPostgres<unknown>(store)),
        {
          provide: IngestService,
          useFactory: (
            settings: FollowedSettings,
            ...parts: [Bus, Postgres, Migrations, ResourceStore, SampleStore, LedgerStore]
          ) => new IngestService(...parts, windowOf(settings)),
          inject: [FollowedSettings, Bus, Postgres, Migrations, ResourceStore, SampleStore, LedgerStore],
        },
        {
          provide: PolledService,
          useFactory: (
            settings: FollowedSettings,
            ...parts: [Postgres, Migrations, ResourceStore, SampleStore, PolledStore]
          ) => new PolledService(...parts, windowOf(settings)),
          inject: [FollowedSettings, Postgres, Migrations, ResourceStore, SampleStore, PolledStore],
        },
        {
          provide: PipelineService,
          useFactory: (settings: FollowedSettings, ...parts: [Migrations, SampleStore, PipelineStore]) =>
            new PipelineService(...parts, windowOf(settings)),
          inject: [FollowedSettings, Migrations, SampleStore, PipelineStore],
        },
        {
          provide: ExcursionService,
          useFactory: (postgres: Postgres) =>
            new ExcursionService(new ExcursionStore(postgres), config.METRICS_STORE_1M_DAYS),
          inject: [Postgres],
        },
        {
          provide: CleanupService,
          useFactory: (...parts: [Migrations, CleanupStore, FollowedSettings]) => new CleanupService(...parts),
          inject: [Migrations, CleanupStore, FollowedSettings],
        },
        {
          provide: MaintenanceService,
          useFactory: (...parts: [Migrations, MaintenanceStore, PipelineStore]) =>
            new MaintenanceService(...parts, config),
          inject: [Migrations, MaintenanceStore, PipelineStore],
        },
        healthProvider,
        followedSettingsProvider,
        databaseCheckProvider,
        ...restartProviders(config),
        { provide: 'health checks', useFactory: addChecks, inject: [Health, DatabaseCheck, MaintenanceService] },
      ],
    };
  }
}

function addChecks(health: Health, database: DatabaseCheck, maintenance: MaintenanceService): true {
  health.add('database', 'dependency', () => database.look());
  health.add('rollups', 'worker', () =>
    maintenance.heartbeat.finding(() =>
      maintenance.fault === null
        ? { status: 'healthy', message: 'roll-ups and retention are up to date' }
        : { status: 'degraded', message: maintenance.fault },
    ),
  );
  return true;
}
