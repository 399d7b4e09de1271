import { Bus, busProviders } from '@lapwing/bus';
import { Migrations, Postgres, Schema, DatabaseCheck, databaseCheckProvider } from '@lapwing/postgres';
import {
  FollowedSettings,
  Health,
  busConfig,
  followedSettingsProvider,
  healthProvider,
  restartProviders,
  type Finding,
} from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import type { LogStoreConfig } from './config.js';
import { partitionLimits } from './domain/partitions.js';
import { CleanupHandler } from './handlers/cleanup.handler.js';
import { LinesHandler } from './handlers/lines.handler.js';
import { SearchHandler } from './handlers/search.handler.js';
import { CleanupService } from './services/cleanup.service.js';
import { CountService } from './services/count.service.js';
import { IngestService } from './services/ingest.service.js';
import { MaintenanceService } from './services/maintenance.service.js';
import { SearchService } from './services/search.service.js';
import { Turns } from './services/turns.js';
import { ChunkStore } from './store/chunk.store.js';
import { CleanupStore } from './store/cleanup.store.js';
import { CountStore } from './store/count.store.js';
import { DeliveryStore } from './store/delivery.store.js';
import { EntryStore } from './store/entry.store.js';
import { FlushStore } from './store/flush.store.js';
import { PartitionStore } from './store/partition.store.js';
import { BuilderPostgres, RulePostgres, SearchPostgres } from './store/pools.js';
import { SearchStore } from './store/search.store.js';
import { StreamStore } from './store/stream.store.js';
import { TextIndexStore } from './store/text-index.store.js';
import { VolumeStore } from './store/volume.store.js';

const service = 'log-store';
/** An index of a partition is built within this. */
const BUILD_MS = 1_800_000;

/** All wiring of log-store. */
@Module({})
export class LogStoreModule {
  static register(config: LogStoreConfig): DynamicModule {
    const url = config.DATABASE_URL.reveal();
    const limits = partitionLimits(config.LOG_STORE_MAX_BYTES, config.LOG_STORE_DAYS);
    const on = <T, P extends Postgres>(store: new (postgres: P) => T, pool: new (...options: never[]) => P) => ({
      provide: store,
      useFactory: (postgres: P) => new store(postgres),
      inject: [pool],
    });
    const inSchema = <T>(store: new (schema: Schema) => T, pool: new (...options: never[]) => Postgres) => ({
      provide: store,
      useFactory: (postgres: Postgres, migrations: Migrations) => new store(new Schema(postgres, migrations)),
      inject: [pool, Migrations],
    });
    return {
      module: LogStoreModule,
      providers: [
        ...busProviders({
          ...busConfig(service, config),
          ground: Migrations,
          handlers: [LinesHandler, SearchHandler, CleanupHandler],
        }),
        { provide: Postgres, useFactory: () => new Postgres({ service, url, poolSize: 6 }) },
        { provide: SearchPostgres, useFactory: () => new SearchPostgres({ service, url }) },
        { provide: RulePostgres, useFactory: () => new RulePostgres({ service, url, poolSize: 2 }) },
        Turns,
        {
          provide: BuilderPostgres,
          useFactory: () => new BuilderPostgres({ service, url, poolSize: 1, statementTimeoutMs: BUILD_MS }),
        },
        {
          provide: Migrations,
          useFactory: (postgres: Postgres) =>
            new Migrations(postgres, 'logs', new URL('../migrations/', import.meta.url), config.LAPWING_MIGRATIONS),
          inject: [Postgres],
        },
        ...[EntryStore, PartitionStore, ChunkStore, VolumeStore].map((store) => on<unknown, Postgres>(store, Postgres)),
        ...[StreamStore, DeliveryStore, FlushStore].map((store) => inSchema<unknown>(store, Postgres)),
        ...[SearchStore, CountStore].map((store) => inSchema<unknown>(store, SearchPostgres)),
        on(TextIndexStore, BuilderPostgres),
        {
          provide: IngestService,
          useFactory: (
            settings: FollowedSettings,
            ...parts: [Bus, Postgres, Migrations, StreamStore, DeliveryStore, EntryStore]
          ) => new IngestService(...parts, () => Math.min(config.LOG_STORE_DAYS, settings.current.retentionDays)),
          inject: [FollowedSettings, Bus, Postgres, Migrations, StreamStore, DeliveryStore, EntryStore],
        },
        {
          provide: SearchService,
          useFactory: (...parts: [StreamStore, SearchStore, Turns, FollowedSettings]) => new SearchService(...parts),
          inject: [StreamStore, SearchStore, Turns, FollowedSettings],
        },
        {
          provide: CleanupService,
          useFactory: (postgres: Postgres, migrations: Migrations, settings: FollowedSettings) =>
            new CleanupService(new CleanupStore(new Schema(postgres, migrations), postgres), settings),
          inject: [Postgres, Migrations, FollowedSettings],
        },
        {
          provide: CountService,
          useFactory: (
            postgres: RulePostgres,
            migrations: Migrations,
            ...parts: [SearchService, SearchStore, StreamStore, CountStore, FlushStore, Turns]
          ) => new CountService(...parts, new CountStore(new Schema(postgres, migrations))),
          inject: [RulePostgres, Migrations, SearchService, SearchStore, StreamStore, CountStore, FlushStore, Turns],
        },
        {
          provide: MaintenanceService,
          useFactory: (
            postgres: Postgres,
            migrations: Migrations,
            ...[partitions, chunks, indexes, deliveries, streams, volume]: [
              PartitionStore,
              ChunkStore,
              TextIndexStore,
              DeliveryStore,
              StreamStore,
              VolumeStore,
            ]
          ) => {
            const stores = { partitions, chunks, indexes, deliveries, streams, volume };
            return new MaintenanceService(postgres, migrations, stores, limits);
          },
          inject: [
            Postgres,
            Migrations,
            PartitionStore,
            ChunkStore,
            TextIndexStore,
            DeliveryStore,
            StreamStore,
            VolumeStore,
          ],
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
  health.add('logs_maintenance', 'worker', () => {
    const told = (): Finding =>
      maintenance.fault === null
        ? { status: 'healthy', message: 'partitions, text indexes and retention are up to date' }
        : { status: 'degraded', message: maintenance.fault };
    return maintenance.hung?.finding(told) ?? told();
  });
  return true;
}
