import { Bus, busProviders } from '@lapwing/bus';
import { Migrations, Postgres, Schema, DatabaseCheck, databaseCheckProvider } from '@lapwing/postgres';
import {
  FollowedSettings,
  Health,
  SecretKey,
  busConfig,
  followedSettingsProvider,
  healthProvider,
  restartProviders,
} from '@lapwing/service';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
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
import { LicensesHandler } from './handlers/licenses.handler.js';
import { LicenseFileService } from './services/license-file.service.js';
import { LicenseRenewalService } from './services/license-renewal.service.js';
import { LicenseServer } from './services/license-server.js';
import { LicenseService } from './services/license.service.js';
import { LicenseFile } from './store/license-file.js';
import { LicenseStore } from './store/license.store.js';
import { RolloutsHandler } from './handlers/rollouts.handler.js';
import { rolloutParts } from './rollouts.js';
import { RolloutService } from './services/rollout.service.js';

const service = 'updates';
const PARTS = 'updates parts';

const handlers: Type[] = [UpdatesHandler, LicensesHandler, RolloutsHandler];
/** What handlers, health and Nest's life cycle need of what {@link assemble} makes. */
const exposed: (abstract new (...args: never[]) => object)[] = [
  FeedService,
  AttemptsService,
  LicenseFileService,
  LicenseService,
  LicenseRenewalService,
  RolloutService,
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
        ...busProviders({ ...busConfig(service, config), ground: Migrations, handlers }),
        {
          provide: Postgres,
          useFactory: () => new Postgres({ service, url: config.DATABASE_URL.reveal(), poolSize: 3 }),
        },
        {
          provide: Migrations,
          useFactory: (postgres: Postgres) =>
            new Migrations(postgres, 'updates', new URL('../migrations/', import.meta.url), config.LAPWING_MIGRATIONS),
          inject: [Postgres],
        },
        {
          provide: PARTS,
          useFactory: (bus: Bus, postgres: Postgres, migrations: Migrations, settings: FollowedSettings) =>
            assemble(config, { key, bus, postgres, settings, schema: new Schema(postgres, migrations), clock }),
          inject: [Bus, Postgres, Migrations, FollowedSettings],
        },
        ...exposed.map((type) => ({
          provide: type,
          useFactory: (parts: object[]) => parts.find((part) => part instanceof type),
          inject: [PARTS],
        })),
        healthProvider,
        followedSettingsProvider,
        databaseCheckProvider,
        ...restartProviders(config),
        {
          provide: 'health checks',
          useFactory: addChecks,
          inject: [Health, DatabaseCheck, RolloutService, FeedService],
        },
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
  given: {
    key: SecretKey;
    bus: Bus;
    postgres: Postgres;
    schema: Schema;
    settings: FollowedSettings;
    clock: () => number;
  },
): object[] {
  const { bus, postgres, schema, settings, clock } = given;
  const [file, licenses, renewal] = licensing(config, given);
  const deploymentType = deploymentOf(deploymentFacts(config));
  const folder = config.LAPWING_INSTALL_DIR;
  const data = config.UPDATES_DATA_DIR ?? path.join(folder ?? '.data', 'updates');
  const reach = 'private' as const;
  const feed = new FeedService(new FeedStore(schema), {
    url: config.feedUrl,
    channel: () => settings.current.updateChannel,
    trustedKeys: config.trustedKeys,
    reach,
    http: mayUseHttp(config),
    version: lapwingVersion,
    platform: `${process.platform}-${process.arch}`,
    deploymentType,
    installFolder: folder,
    now: clock,
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
    place: `${hostname()}:${folder ?? ''}`,
    version: lapwingVersion,
    deploymentType,
    wantUpdates: () => licenses.wantUpdates(),
  });
  return [file, licenses, renewal, feed, attempts, ...rolloutParts(config, given)];
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

function licensing(
  config: UpdatesConfig,
  { key, schema, clock }: { key: SecretKey; schema: Schema; clock: () => number },
): [LicenseFileService, LicenseService, LicenseRenewalService] {
  const { LICENSE_FILE: signed, LICENSE_SERVER_URL: url, LICENSE_SERVER_TOKEN: token } = config;
  const store = new LicenseStore(schema);
  const file = new LicenseFileService(signed === undefined ? undefined : new LicenseFile(signed), config.licenseKeys);
  const server = url === undefined ? undefined : new LicenseServer(url, token);
  const parts = { schema, store, file, server, key, required: config.LICENSE_REQUIRED, clock };
  return [file, new LicenseService(parts), new LicenseRenewalService(parts)];
}

function addChecks(health: Health, database: DatabaseCheck, rollouts: RolloutService, feed: FeedService): true {
  health.add('database', 'dependency', () => database.look());
  health.add('rollouts', 'worker', () =>
    rollouts.heartbeat.finding(() => ({ status: 'healthy', message: 'looks after roll-outs of agents' })),
  );
  health.addBreakers(() =>
    feed.failing().map(({ channel, at, retryAt, code }) => ({
      kind: 'feed',
      name: channel,
      failures: null,
      since: at,
      retryAt,
      reason: code,
    })),
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
  health.addBreakers(() =>
    renewal.failures > 0
      ? [
          {
            kind: 'license_server',
            name: 'license server',
            failures: renewal.failures,
            since: null,
            retryAt: null,
            reason: 'unanswered',
          },
        ]
      : [],
  );
  return true;
}
