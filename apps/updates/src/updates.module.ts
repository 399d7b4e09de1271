import { Bus, busProviders } from '@lapwing/bus';
import { Migrations, Postgres, Schema } from '@lapwing/postgres';
import { Health, SecretKey, busConfig, healthProvider, restartProviders } from '@lapwing/service';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import type { UpdatesConfig } from './config.js';
import { RolloutsHandler } from './handlers/rollouts.handler.js';
import { rolloutParts } from './rollouts.js';
import { RolloutService } from './services/rollout.service.js';

const service = 'updates';
const PARTS = 'updates parts';

const handlers: Type[] = [RolloutsHandler];
/** What handlers, health and Nest's life cycle need of what {@link assemble} makes. */
const exposed: (abstract new (...args: never[]) => object)[] = [RolloutService];

/** All wiring of updates. */
@Module({})
export class UpdatesModule {
  static register(config: UpdatesConfig): DynamicModule {
    const key = SecretKey.read(service, config);
    return {
      module: UpdatesModule,
      providers: [
        ...busProviders({ ...busConfig(service, config), handlers }),
        {
          provide: Postgres,
          useFactory: () => new Postgres({ service, url: config.DATABASE_URL.reveal(), poolSize: 3 }),
        },
        {
          provide: Migrations,
          useFactory: (postgres: Postgres) =>
            new Migrations(postgres, 'updates', new URL('../migrations/', import.meta.url)),
          inject: [Postgres],
        },
        {
          provide: PARTS,
          useFactory: (bus: Bus, postgres: Postgres, migrations: Migrations) =>
            assemble(config, { key, bus, schema: new Schema(postgres, migrations) }),
          inject: [Bus, Postgres, Migrations],
        },
        ...exposed.map((type) => ({
          provide: type,
          useFactory: (parts: object[]) => parts.find((part) => part instanceof type),
          inject: [PARTS],
        })),
        healthProvider,
        ...restartProviders(config),
        { provide: 'health checks', useFactory: addChecks, inject: [Health, Migrations] },
      ],
    };
  }
}

/** Makes stores and services, each out of those before it. */
function assemble(config: UpdatesConfig, given: { key: SecretKey; bus: Bus; schema: Schema }): object[] {
  return [...rolloutParts(config, given)];
}

function addChecks(health: Health, migrations: Migrations): true {
  health.add('database', 'dependency', () =>
    migrations.ready
      ? { status: 'healthy', message: 'Database operational' }
      : { status: 'unhealthy', message: 'Database is being brought up to date' },
  );
  return true;
}
