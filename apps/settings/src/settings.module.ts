import { busProviders } from '@lapwing/bus';
import { DatabaseCheck, Migrations, Postgres, databaseCheckProvider } from '@lapwing/postgres';
import { Health, busConfig, healthProvider, restartProviders } from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import type { SettingsConfig } from './config.js';
import { SettingsHandler } from './handlers/settings.handler.js';
import { SettingStore } from './store/setting.store.js';

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
          provide: SettingStore,
          useFactory: (postgres: Postgres, migrations: Migrations) => new SettingStore(postgres, migrations),
          inject: [Postgres, Migrations],
        },
        healthProvider,
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
