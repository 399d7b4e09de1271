import { Bus, busProviders } from '@lapwing/bus';
import { Migrations, Postgres, Schema } from '@lapwing/postgres';
import { Health, SecretKey, busConfig, healthProvider, restartProviders } from '@lapwing/service';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { UpdatesConfig } from './config.js';
import { deploymentOf, type DeploymentFacts } from './domain/deployment.js';
import { UpdatesHandler } from './handlers/updates.handler.js';
import { ArchivesService } from './services/archives.service.js';
import { AttemptsService } from './services/attempts.service.js';
import { FeedService } from './services/feed.service.js';
import { AttemptStore } from './store/attempt.store.js';
import { FeedStore } from './store/feed.store.js';
import { Installation } from './store/installation.js';
import { ownRelease } from './store/own-release.js';
import { lapwingVersion } from './version.js';

const service = 'updates';
const PARTS = 'updates parts';

const handlers: Type[] = [UpdatesHandler];
/** What handlers, health and Nest's life cycle need of what {@link assemble} makes. */
const exposed = [FeedService, AttemptsService];

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
            assemble(config, { key, bus, postgres, schema: new Schema(postgres, migrations) }),
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
function assemble(
  config: UpdatesConfig,
  { bus, postgres, schema }: { key: SecretKey; bus: Bus; postgres: Postgres; schema: Schema },
): object[] {
  const deploymentType = deploymentOf(deploymentFacts(config));
  const folder = config.LAPWING_INSTALL_DIR;
  const data = config.UPDATES_DATA_DIR ?? path.join(folder ?? '.data', 'updates');
  const reach = 'private' as const;
  const feed = new FeedService(new FeedStore(schema), {
    url: config.feedUrl,
    channel: config.UPDATES_CHANNEL,
    trustedKeys: config.trustedKeys,
    reach,
    http: mayUseHttp(config),
    version: lapwingVersion,
    platform: `${process.platform}-${process.arch}`,
    deploymentType,
    installFolder: folder,
  });
  const attempts = new AttemptsService({
    bus,
    postgres,
    store: new AttemptStore(schema),
    feed,
    archives: new ArchivesService({
      folder: path.join(data, 'archives'),
      reach,
      http: mayUseHttp(config),
      maxBytes: config.UPDATES_MAX_DOWNLOAD_BYTES,
    }),
    installation: folder !== undefined && deploymentType === 'systemd' ? new Installation(folder) : undefined,
    backups: path.join(data, 'backups'),
    environmentFile: config.UPDATES_ENVIRONMENT_FILE,
    version: lapwingVersion,
    wantUpdates: async () => {},
  });
  return [feed, attempts];
}

/** On the way within this machine nobody else listens. */
function mayUseHttp({ feedUrl, UPDATES_ALLOW_HTTP: allowed }: UpdatesConfig): boolean {
  return (
    allowed || (feedUrl !== undefined && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(feedUrl).hostname))
  );
}

function deploymentFacts(config: UpdatesConfig): DeploymentFacts {
  return {
    kubernetesHost: config.KUBERNETES_SERVICE_HOST,
    isContainer: existsSync('/.dockerenv') || existsSync('/run/.containerenv'),
    installFolder: config.LAPWING_INSTALL_DIR,
    isRelease: ownRelease.isRelease,
    isClone: existsSync(new URL('../../../.git', import.meta.url)),
  };
}

function addChecks(health: Health, migrations: Migrations): true {
  health.add('database', 'dependency', () =>
    migrations.ready
      ? { status: 'healthy', message: 'Database operational' }
      : { status: 'unhealthy', message: 'Database is being brought up to date' },
  );
  return true;
}
