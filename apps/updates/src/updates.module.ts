import { Bus, busProviders } from '@lapwing/bus';
import { Migrations, Postgres, Schema } from '@lapwing/postgres';
import { Health, SecretKey, busConfig, healthProvider, restartProviders } from '@lapwing/service';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import type { UpdatesConfig } from './config.js';
import { LicensesHandler } from './handlers/licenses.handler.js';
import { LicenseFileService } from './services/license-file.service.js';
import { LicenseRenewalService } from './services/license-renewal.service.js';
import { LicenseServer } from './services/license-server.js';
import { LicenseService } from './services/license.service.js';
import { LicenseFile } from './store/license-file.js';
import { LicenseStore } from './store/license.store.js';

const service = 'updates';
const PARTS = 'updates parts';

const handlers: Type[] = [LicensesHandler];
/** What handlers, health and Nest's life cycle need of what {@link assemble} makes. */
const exposed: (abstract new (...args: never[]) => object)[] = [
  LicenseFileService,
  LicenseService,
  LicenseRenewalService,
];

/** All wiring of updates. */
@Module({})
export class UpdatesModule {
  /** @param clock milliseconds since 1970. */
  static register(config: UpdatesConfig, clock: () => number = Date.now): DynamicModule {
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
            assemble(config, { key, bus, schema: new Schema(postgres, migrations), clock }),
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
        {
          provide: 'health of licences',
          useFactory: addLicenseCheck,
          inject: [Health, LicenseFileService, LicenseRenewalService],
        },
      ],
    };
  }
}

/** Makes stores and services, each out of those before it. */
function assemble(
  config: UpdatesConfig,
  given: { key: SecretKey; bus: Bus; schema: Schema; clock: () => number },
): object[] {
  return [...licensing(config, given)];
}

function licensing(
  config: UpdatesConfig,
  { key, schema, clock }: { key: SecretKey; schema: Schema; clock: () => number },
): [LicenseFileService, LicenseService, LicenseRenewalService] {
  const { LICENSE_FILE: path, LICENSE_SERVER_URL: url, LICENSE_SERVER_TOKEN: token } = config;
  const store = new LicenseStore(schema);
  const file = new LicenseFileService(path === undefined ? undefined : new LicenseFile(path), config.licenseKeys);
  const server = url === undefined ? undefined : new LicenseServer(url, token);
  const parts = { schema, store, file, server, key, required: config.LICENSE_REQUIRED, clock };
  return [file, new LicenseService(parts), new LicenseRenewalService(parts)];
}

function addChecks(health: Health, migrations: Migrations): true {
  health.add('database', 'dependency', () =>
    migrations.ready
      ? { status: 'healthy', message: 'Database operational' }
      : { status: 'unhealthy', message: 'Database is being brought up to date' },
  );
  return true;
}

/** Whatever is wrong with licences: nothing but updates waits for it. */
function addLicenseCheck(health: Health, file: LicenseFileService, renewal: LicenseRenewalService): true {
  health.add('license', 'worker', async () => {
    const problem = await file.problem();
    if (problem !== undefined) return { status: 'degraded', message: `the licence file is ignored: ${problem}` };
    if (renewal.problem !== undefined) return { status: 'degraded', message: renewal.problem };
    return { status: 'healthy', message: 'nothing is wrong with licences' };
  });
  return true;
}
