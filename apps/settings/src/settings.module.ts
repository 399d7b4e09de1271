import { Bus, busProviders } from '@lapwing/bus';
import { Migrations, Postgres, Schema, DatabaseCheck, databaseCheckProvider } from '@lapwing/postgres';
import { Health, busConfig, followedSettingsProvider, healthProvider, restartProviders } from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import type { SettingsConfig } from './config.js';
import { SettingsHandler } from './handlers/settings.handler.js';
import { SystemSettingsService } from './services/system-settings.service.js';
import { SettingStore } from './store/setting.store.js';
import { UserSettingStore } from './store/user-setting.store.js';

const service = 'settings';

/** All wiring of settings. */
@Module({})
export class SettingsModule {
  static register(config: SettingsConfig): DynamicModule {
    return {
      module: SettingsModule,
      providers: [
        ...busProviders({ ...busConfig(service, config), handlers: [SettingsHandler] }),
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
        healthProvider,
        followedSettingsProvider,
        databaseCheckProvider,
        ...restartProviders(config),
        { provide: 'health checks', useFactory: addChecks, inject: [Health, DatabaseCheck] },
      ],
    };
  }
}

function addChecks(health: Health, database: DatabaseCheck): true {
  health.add('database', 'dependency', () => database.look());
  return true;
}
