import { Bus, Leases, busProviders } from '@lapwing/bus';
import { DatabaseCheck, Migrations, Postgres, Schema, databaseCheckProvider } from '@lapwing/postgres';
import { Health, busConfig, followedSettingsProvider, healthProvider, restartProviders } from '@lapwing/service';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import type { SettingsConfig } from './config.js';
import { ConfigurationHandler } from './handlers/configuration.handler.js';
import { CleanupHandler } from './handlers/cleanup.handler.js';
import { SettingsHandler } from './handlers/settings.handler.js';
import { SystemSettingsService } from './services/system-settings.service.js';
import { ConfigurationService } from './services/configuration.service.js';
import { ImportsService } from './services/imports.service.js';
import { CleanupService } from './services/cleanup.service.js';
import { StorageService } from './services/storage.service.js';
import { CleanupStore } from './store/cleanup.store.js';
import { ImportStore } from './store/import.store.js';
import { DataFolder } from './store/data-folder.js';
import { SettingStore } from './store/setting.store.js';
import { UserSettingStore } from './store/user-setting.store.js';
import { lapwingVersion } from './version.js';

const service = 'settings';

/** All wiring of settings. */
@Module({})
export class SettingsModule {
  static register(config: SettingsConfig): DynamicModule {
    return {
      module: SettingsModule,
      providers: [
        ...busProviders({
          ...busConfig(service, config),
          ground: Migrations,
          handlers: [SettingsHandler, CleanupHandler, ConfigurationHandler],
        }),
        {
          provide: Postgres,
          useFactory: () => new Postgres({ service, url: config.DATABASE_URL.reveal(), poolSize: 3 }),
        },
        {
          provide: Migrations,
          useFactory: (postgres: Postgres) =>
            new Migrations(postgres, 'settings', new URL('../migrations/', import.meta.url), config.LAPWING_MIGRATIONS),
          inject: [Postgres],
        },
        {
          provide: Schema,
          useFactory: (postgres: Postgres, migrations: Migrations) => new Schema(postgres, migrations),
          inject: [Postgres, Migrations],
        },
        { provide: SettingStore, useFactory: (schema: Schema) => new SettingStore(schema), inject: [Schema] },
        { provide: UserSettingStore, useFactory: (schema: Schema) => new UserSettingStore(schema), inject: [Schema] },
        {
          provide: SystemSettingsService,
          useFactory: (bus: Bus, store: SettingStore) => new SystemSettingsService(bus, store, config.overrides),
          inject: [Bus, SettingStore],
        },
        ...cleanupProviders(config),
        ...configurationProviders,
        healthProvider,
        followedSettingsProvider,
        databaseCheckProvider,
        ...restartProviders(config),
        { provide: 'health checks', useFactory: addChecks, inject: [Health, DatabaseCheck, CleanupService] },
      ],
    };
  }
}

/** The whole configuration is carried away and brought back by these. */
const configurationProviders: Provider[] = [
  {
    provide: ImportsService,
    useFactory: (bus: Bus, schema: Schema, settings: SystemSettingsService, store: SettingStore) =>
      new ImportsService({
        bus,
        store: new ImportStore(schema),
        read: () => settings.read(),
        replace: async (statements, wanted) => (await store.writeIn(statements, wanted)).changed,
      }),
    inject: [Bus, Schema, SystemSettingsService, SettingStore],
  },
  {
    provide: ConfigurationService,
    useFactory: (bus: Bus, imports: ImportsService, settings: SystemSettingsService) =>
      new ConfigurationService({ bus, imports, read: () => settings.read(), version: lapwingVersion }),
    inject: [Bus, ImportsService, SystemSettingsService],
  },
];

/** What is past its time is deleted by these. */
function cleanupProviders(config: SettingsConfig): Provider[] {
  const folder = new DataFolder(config.SETTINGS_DATA_DIR);
  return [
    { provide: StorageService, useFactory: () => new StorageService(folder) },
    { provide: CleanupStore, useFactory: (schema: Schema) => new CleanupStore(schema), inject: [Schema] },
    {
      provide: CleanupService,
      useFactory: (
        bus: Bus,
        schema: Schema,
        storage: StorageService,
        settings: SystemSettingsService,
        store: CleanupStore,
      ) => {
        const leases = new Leases(bus, service, randomBytes(6).toString('hex'), schema);
        return new CleanupService({ bus, leases, store, folder, storage, settings: () => settings.read() });
      },
      inject: [Bus, Schema, StorageService, SystemSettingsService, CleanupStore],
    },
  ];
}

function addChecks(health: Health, database: DatabaseCheck, cleanup: CleanupService): true {
  health.add('cleanup_service', 'worker', () => cleanup.check());
  health.add('database', 'dependency', () => database.look());
  return true;
}
