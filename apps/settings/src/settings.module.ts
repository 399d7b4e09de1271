import { Bus, busProviders } from '@lapwing/bus';
import { Migrations, Postgres, Schema } from '@lapwing/postgres';
import { Health, busConfig, healthProvider, restartProviders } from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import type { SettingsConfig } from './config.js';
import { ConfigurationHandler } from './handlers/configuration.handler.js';
import { SettingsHandler } from './handlers/settings.handler.js';
import { ConfigurationService } from './services/configuration.service.js';
import { ImportsService } from './services/imports.service.js';
import { ImportStore } from './store/import.store.js';
import { replaceSettings } from './store/replace-settings.js';
import { SettingStore } from './store/setting.store.js';
import { lapwingVersion } from './version.js';

const service = 'settings';

/** All wiring of settings. */
@Module({})
export class SettingsModule {
  static register(config: SettingsConfig): DynamicModule {
    return {
      module: SettingsModule,
      providers: [
        ...busProviders({ ...busConfig(service, config), handlers: [SettingsHandler, ConfigurationHandler] }),
        {
          provide: Postgres,
          useFactory: () => new Postgres({ service, url: config.DATABASE_URL.reveal(), poolSize: 2 }),
        },
        {
          provide: Migrations,
          useFactory: (postgres: Postgres) =>
            new Migrations(postgres, 'settings', new URL('../migrations/', import.meta.url)),
          inject: [Postgres],
        },
        {
          provide: SettingStore,
          useFactory: (postgres: Postgres, migrations: Migrations) => new SettingStore(postgres, migrations),
          inject: [Postgres, Migrations],
        },
        {
          provide: ImportsService,
          useFactory: (bus: Bus, postgres: Postgres, migrations: Migrations, settings: SettingStore) =>
            new ImportsService({
              bus,
              store: new ImportStore(new Schema(postgres, migrations)),
              read: () => settings.read(),
              replace: replaceSettings,
            }),
          inject: [Bus, Postgres, Migrations, SettingStore],
        },
        {
          provide: ConfigurationService,
          useFactory: (bus: Bus, imports: ImportsService, settings: SettingStore) =>
            new ConfigurationService({ bus, imports, read: () => settings.read(), version: lapwingVersion }),
          inject: [Bus, ImportsService, SettingStore],
        },
        healthProvider,
        ...restartProviders(config),
        { provide: 'health checks', useFactory: addChecks, inject: [Health, Migrations] },
      ],
    };
  }
}

function addChecks(health: Health, migrations: Migrations): true {
  health.add('database', 'dependency', () =>
    migrations.ready
      ? { status: 'healthy', message: 'Database operational' }
      : { status: 'unhealthy', message: 'Database is being brought up to date' },
  );
  return true;
}
