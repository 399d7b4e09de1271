import { Bus, Leases, busProviders } from '@lapwing/bus';
import { Migrations, Postgres, Schema, StagedImports, DatabaseCheck, databaseCheckProvider } from '@lapwing/postgres';
import {
  FollowedSettings,
  Health,
  SecretKey,
  busConfig,
  healthProvider,
  restartProviders,
  type Finding,
} from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import type { AlertingConfig } from './config.js';
import { PARTITIONS } from './domain/partition.js';
import { AlertsHandler } from './handlers/alerts.handler.js';
import { ChannelsHandler } from './handlers/channels.handler.js';
import { QueuesHandler } from './handlers/queues.handler.js';
import { CleanupHandler } from './handlers/cleanup.handler.js';
import { ConfigurationHandler } from './handlers/configuration.handler.js';
import { SilencesHandler } from './handlers/silences.handler.js';
import { AlertsService } from './services/alerts.service.js';
import { ChannelsService } from './services/channels.service.js';
import { CleanupService } from './services/cleanup.service.js';
import { ClockService } from './services/clock.service.js';
import { ConfigService } from './services/config.service.js';
import { ConfigurationService } from './services/configuration.service.js';
import { DeliveriesService } from './services/deliveries.service.js';
import { EscalationService } from './services/escalation.service.js';
import { EstateService } from './services/estate.service.js';
import { EvaluationService } from './services/evaluation.service.js';
import { LogWatchService } from './services/log-watch.service.js';
import { PipelineService } from './services/pipeline.service.js';
import { QueuesService } from './services/queues.service.js';
import { ReplayService } from './services/replay.service.js';
import { RoutingService } from './services/routing.service.js';
import { SilencesService } from './services/silences.service.js';
import { TellingService } from './services/telling.service.js';
import { AlertStore } from './store/alert.store.js';
import { ChangeStore } from './store/change.store.js';
import { ChannelStore } from './store/channel.store.js';
import { CleanupStore } from './store/cleanup.store.js';
import { ConfigStore } from './store/config.store.js';
import { DeliveryStore } from './store/delivery.store.js';
import { EscalationStore } from './store/escalation.store.js';
import { IncidentStore } from './store/incident.store.js';
import { keySignature } from './store/key-check.store.js';
import { LifeStore } from './store/life.store.js';
import { NoticeStore } from './store/notice.store.js';
import { PartitionStore } from './store/partition.store.js';
import { SilenceStore } from './store/silence.store.js';
import { TidyStore } from './store/tidy.store.js';

const service = 'alerting';
const PARTS = 'alerting parts';

const handlers = [AlertsHandler, SilencesHandler, ChannelsHandler, QueuesHandler, CleanupHandler, ConfigurationHandler];
/** What handlers, health and Nest's life cycle need of what {@link assemble} makes; begun in this order. */
const exposed = [
  FollowedSettings,
  ConfigService,
  EstateService,
  EvaluationService,
  PipelineService,
  QueuesService,
  LogWatchService,
  ClockService,
  AlertsService,
  ReplayService,
  SilencesService,
  ChannelsService,
  DeliveriesService,
  CleanupService,
  ConfigurationService,
  IncidentStore,
  DeliveryStore,
];

/** All wiring of alerting. */
@Module({})
export class AlertingModule {
  static register(config: AlertingConfig): DynamicModule {
    const key = SecretKey.read(service, config);
    return {
      module: AlertingModule,
      providers: [
        ...busProviders({ ...busConfig(service, config), ground: Migrations, handlers }),
        {
          provide: Postgres,
          useFactory: () => new Postgres({ service, url: config.DATABASE_URL.reveal(), poolSize: 8 }),
        },
        {
          provide: Migrations,
          useFactory: (postgres: Postgres) => {
            const migrations = new Migrations(
              postgres,
              service,
              new URL('../migrations/', import.meta.url),
              config.LAPWING_MIGRATIONS,
            );
            migrations.prepare(() => checkKey(postgres, key));
            return migrations;
          },
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
        databaseCheckProvider,
        ...restartProviders(config),
        {
          provide: 'health checks',
          useFactory: addChecks,
          inject: [Health, DatabaseCheck, EvaluationService, LogWatchService, ClockService, DeliveriesService],
        },
      ],
    };
  }
}

/** A key other than the one with which channels were sealed could open none of them: then the process ends. */
async function checkKey(postgres: Postgres, key: SecretKey): Promise<void> {
  const own = key.sign('check', service);
  if ((await keySignature(postgres, own)) === own) return;
  process.stderr.write('alerting cannot start: LAPWING_SECRET_KEY is not the key that this database was made with\n');
  process.exit(1);
}

/** Makes stores and services, each out of those before it. */
function assemble(config: AlertingConfig, given: { key: SecretKey; bus: Bus; schema: Schema }): object[] {
  const { key, bus, schema } = given;
  const { ALERTING_PRIVATE_NETWORKS: networks, LAPWING_PUBLIC_URL: publicUrl } = config;
  const leases = new Leases(bus, service, randomBytes(6).toString('hex'), schema);
  const alerts = new AlertStore(schema);
  const life = new LifeStore(schema);
  const changes = new ChangeStore(schema);
  const notices = new NoticeStore(schema);
  const deliveries = new DeliveryStore(schema);
  const incidents = new IncidentStore(schema);
  const rules = new ConfigService(bus, schema, new ConfigStore(schema));
  const estate = new EstateService(bus);
  const silences = new SilencesService(bus, schema, new SilenceStore(schema), life);
  const channels = new ChannelsService({ bus, schema, channels: new ChannelStore(schema), key, networks });
  const imports = new StagedImports(schema, service, key);
  const partitions = new PartitionStore(schema);
  const pipeline = new PipelineService(bus, leases.holder);
  const evaluation = new EvaluationService(bus, schema, leases, estate, rules, { alerts, partitions }, pipeline);
  const routing = new RoutingService({ bus, schema, config: rules, changes, notices, deliveries, incidents, pipeline });
  const telling = new TellingService({
    schema,
    config: rules,
    silences,
    channels,
    alerts,
    changes,
    notices,
    deliveries,
    pipeline,
    publicUrl,
  });
  const escalations = new EscalationStore();
  const escalation = new EscalationService({ schema, config: rules, channels, escalations, notices });
  const tidy = new TidyStore(schema);
  const settings = new FollowedSettings(bus);
  return [
    settings,
    rules,
    estate,
    evaluation,
    pipeline,
    new QueuesService(bus, leases.holder, evaluation),
    new LogWatchService(bus, rules, evaluation),
    new ClockService({
      bus,
      schema,
      leases,
      config: rules,
      routing,
      telling,
      escalation,
      notices,
      deliveries,
      incidents,
      tidy,
      pipeline,
      settings,
    }),
    new AlertsService(bus, life, settings),
    new ReplayService(bus, rules),
    silences,
    channels,
    new DeliveriesService({ bus, deliveries, channels, networks, publicUrl }),
    new CleanupService(new CleanupStore(schema), settings),
    new ConfigurationService({ schema, imports, rules, channels, silences }),
    incidents,
    deliveries,
  ];
}

/** Work that is shared by leases is nobody's where NATS keeps none. */
const noLeases: Finding = { status: 'unhealthy', message: 'leases cannot be had' };

function addChecks(
  health: Health,
  database: DatabaseCheck,
  evaluation: EvaluationService,
  logs: LogWatchService,
  clock: ClockService,
  deliveries: DeliveriesService,
): true {
  health.add('database', 'dependency', () => database.look());
  health.add('evaluation', 'worker', () =>
    evaluation.heartbeat.finding(() =>
      !evaluation.canClaim
        ? noLeases
        : evaluation.fault
          ? { status: 'degraded', message: evaluation.fault }
          : { status: 'healthy', message: `judges ${evaluation.partitions} of ${PARTITIONS} partitions` },
    ),
  );
  health.add('log rules', 'worker', () =>
    logs.heartbeat.finding(() =>
      logs.fault
        ? { status: 'degraded', message: logs.fault }
        : { status: 'healthy', message: `judges ${logs.rules} rules on logs` },
    ),
  );
  health.add('clock', 'worker', () =>
    clock.heartbeat.finding(() =>
      clock.fault
        ? { status: 'degraded', message: clock.fault }
        : !clock.canClaim
          ? noLeases
          : { status: 'healthy', message: clock.isRunning ? 'routes alerts' : 'another replica routes alerts' },
    ),
  );
  health.add('deliveries', 'worker', () =>
    deliveries.isLate
      ? { status: 'degraded', message: 'a message has been under way for very long' }
      : { status: 'healthy', message: 'sends what is to be told' },
  );
  health.addBreakers(() => [
    ...deliveries.slow().map(({ channelId, since }) => ({
      kind: 'channel' as const,
      name: channelId,
      failures: null,
      since,
      retryAt: null,
      reason: 'slow',
    })),
    ...logs.patient().map(({ ruleId, failures, retryAt }) => ({
      kind: 'log_rule' as const,
      name: ruleId,
      failures,
      since: null,
      retryAt,
      reason: 'unanswered',
    })),
  ]);
  return true;
}
