import { busProviders } from '@lapwing/bus';
import { Migrations, Postgres } from '@lapwing/postgres';
import { Health, busConfig, healthProvider, restartProviders } from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import type { LogStoreConfig } from './config.js';

const service = 'log-store';

/** All wiring of log-store. */
@Module({})
export class LogStoreModule {
  static register(config: LogStoreConfig): DynamicModule {
    return {
      module: LogStoreModule,
      providers: [
        ...busProviders({ ...busConfig(service, config), handlers: [] }),
        { provide: Postgres, useFactory: () => new Postgres({ service, url: config.DATABASE_URL.reveal() }) },
        {
          provide: Migrations,
          useFactory: (postgres: Postgres) =>
            new Migrations(postgres, 'logs', new URL('../migrations/', import.meta.url)),
          inject: [Postgres],
        },
        healthProvider,
        ...restartProviders(config),
        { provide: 'health checks', useFactory: addChecks, inject: [Health, Postgres, Migrations] },
      ],
    };
  }
}

function addChecks(health: Health, postgres: Postgres, migrations: Migrations): true {
  health.add('database', 'dependency', async () => {
    await postgres.query('health', 'SELECT 1');
    return migrations.ready
      ? { status: 'healthy', message: 'Database operational' }
      : { status: 'unhealthy', message: 'Database is being brought up to date' };
  });
  return true;
}
