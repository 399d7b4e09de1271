import { Bus, busProviders } from '@lapwing/bus';
import { Redis } from '@lapwing/redis';
import { busConfig, followedSettingsProvider, restartProviders } from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import { GATEWAY_CONFIG, type GatewayConfig } from './config.js';
import { controllers } from './routes/registry.js';
import {
  collectionNames,
  connectionHealth,
  dockerViews,
  linkedSections,
  sectionViews,
  shownSections,
} from './routes/api/state/collections.view.js';
import { toPulseAlert, toStateAlert } from './routes/api/alerts/alerts.view.js';
import { toChangeView } from './routes/api/v1/alerts.view.js';
import { toProgressMessage } from './routes/api/updates/updates.view.js';
import { toLogEntryView } from './routes/api/v1/logs.view.js';
import { toMetricsDocument } from './routes/api/v1/stream.view.js';
import { AgentFileService } from './services/agent-file.service.js';
import { AlertsService, type AlertViews } from './services/alerts.service.js';
import { AuditService } from './services/audit.service.js';
import { CensusService } from './services/census.service.js';
import { ChartsService } from './services/charts.service.js';
import { DiagnosticsService } from './services/diagnostics.service.js';
import { CleanupService } from './services/cleanup.service.js';
import { DrainService } from './services/drain.service.js';
import { FiguresService } from './services/figures.service.js';
import { EstateService } from './services/estate.service.js';
import { HostsService } from './services/hosts.service.js';
import { LimitsService } from './services/limits.service.js';
import { LiveFeedService } from './services/live-feed.service.js';
import { LogFeedService } from './services/log-feed.service.js';
import { OpenWritesService } from './services/open-writes.service.js';
import { PrincipalsService } from './services/principals.service.js';
import { RealtimeService } from './services/realtime.service.js';
import { SocketIoService } from './services/socketio.service.js';
import { StateService } from './services/state.service.js';
import { SystemHealthService } from './services/system-health.service.js';
import { TotalsService } from './services/totals.service.js';
import { UpdatesService } from './services/updates.service.js';
import { lapwingVersion } from './version.js';

const service = 'gateway';
const alertViews: AlertViews = { ofState: toStateAlert, ofNews: toPulseAlert, ofChange: toChangeView };

/** All wiring of the gateway. */
@Module({})
export class GatewayModule {
  static register(config: GatewayConfig): DynamicModule {
    const localAgent = config.GATEWAY_LOCAL_AGENT ?? config.COLLECTOR_AGENT_ID;
    return {
      module: GatewayModule,
      controllers,
      providers: [
        ...busProviders({ ...busConfig(service, config), handlers: [] }),
        { provide: Redis, useFactory: () => new Redis(config.REDIS_URL.reveal()) },
        {
          provide: LiveFeedService,
          useFactory: (bus: Bus) => new LiveFeedService(bus, toMetricsDocument),
          inject: [Bus],
        },
        { provide: LogFeedService, useFactory: (bus: Bus) => new LogFeedService(bus, toLogEntryView), inject: [Bus] },
        {
          provide: HostsService,
          useFactory: (bus: Bus, feed: LiveFeedService) => new HostsService(bus, feed, localAgent),
          inject: [Bus, LiveFeedService],
        },
        { provide: OpenWritesService, useFactory: (bus: Bus) => new OpenWritesService(bus), inject: [Bus] },
        { provide: CleanupService, useFactory: (bus: Bus) => new CleanupService(bus), inject: [Bus] },
        { provide: TotalsService, useFactory: (bus: Bus) => new TotalsService(bus), inject: [Bus] },
        { provide: PrincipalsService, useFactory: (bus: Bus) => new PrincipalsService(bus), inject: [Bus] },
        { provide: EstateService, useFactory: (bus: Bus) => new EstateService(bus), inject: [Bus] },
        { provide: AlertsService, useFactory: (bus: Bus) => new AlertsService(bus, alertViews), inject: [Bus] },
        { provide: StateService, useFactory: stateService, inject: [EstateService, AlertsService, LiveFeedService] },
        {
          provide: ChartsService,
          useFactory: (bus: Bus, estate: EstateService) => new ChartsService(bus, estate),
          inject: [Bus, EstateService],
        },
        {
          provide: RealtimeService,
          useFactory: (bus: Bus, state: StateService, estate: EstateService, alerts: AlertsService) =>
            new RealtimeService(bus, state, estate, alerts),
          inject: [Bus, StateService, EstateService, AlertsService],
        },
        {
          provide: SocketIoService,
          useFactory: (realtime: RealtimeService, principals: PrincipalsService) =>
            new SocketIoService(realtime, principals),
          inject: [RealtimeService, PrincipalsService],
        },
        {
          provide: UpdatesService,
          useFactory: (bus: Bus, realtime: RealtimeService) => new UpdatesService(bus, realtime, toProgressMessage),
          inject: [Bus, RealtimeService],
        },
        { provide: AgentFileService, useValue: new AgentFileService(config.GATEWAY_AGENT_FILE) },
        { provide: AuditService, useFactory: (bus: Bus) => new AuditService(bus), inject: [Bus] },
        {
          provide: LimitsService,
          useFactory: (redis: Redis, principals: PrincipalsService) =>
            new LimitsService(redis, principals, config.RATE_LIMIT_PER_MINUTE),
          inject: [Redis, PrincipalsService],
        },
        DrainService,
        { provide: GATEWAY_CONFIG, useValue: config },
        followedSettingsProvider,
        ...restartProviders(config),
        {
          provide: SystemHealthService,
          useFactory: (bus: Bus, redis: Redis, census: CensusService, estate: EstateService) =>
            new SystemHealthService({ bus, redis, census, isPolling: () => estate.isPolled }),
          inject: [Bus, Redis, CensusService, EstateService],
        },
        {
          provide: FiguresService,
          useFactory: (bus: Bus, health: SystemHealthService) => new FiguresService(bus, health),
          inject: [Bus, SystemHealthService],
        },
        {
          provide: DiagnosticsService,
          useFactory: (bus: Bus, health: SystemHealthService, census: CensusService, estate: EstateService) =>
            new DiagnosticsService({ bus, health, census, estate }),
          inject: [Bus, SystemHealthService, CensusService, EstateService],
        },
        { provide: CensusService, useFactory: (bus: Bus) => new CensusService(bus), inject: [Bus] },
      ],
    };
  }
}

/** The state, with the views by which Pulse's clients know it. */
function stateService(estate: EstateService, alerts: AlertsService, feed: LiveFeedService): StateService {
  const startTime = new Date().toISOString();
  const views = {
    collections: collectionNames,
    sections: shownSections,
    linked: linkedSections,
    ofSection: sectionViews,
    others: {
      docker: () => ({ dockerHosts: dockerViews(estate.dockerHosts()) }),
      // Made-up machines have no alerts, and real alerts are not theirs.
      alerts: () => ({ activeAlerts: estate.isMock ? [] : alerts.open() }),
    },
    values: (watchers: number) => ({
      connectionHealth: connectionHealth(estate.targets(), Date.now()),
      metrics: {},
      performance: {},
      stats: {
        startTime,
        uptime: Math.floor(process.uptime()),
        pollingCycles: estate.polls,
        webSocketClients: watchers,
        version: lapwingVersion,
      },
      mockMode: estate.isMock,
      lastUpdate: Date.now(),
    }),
  };
  return new StateService(estate, alerts, views, (node) => feed.latest(node));
}
