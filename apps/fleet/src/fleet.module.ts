import { Bus, busProviders, readAuthority } from '@lapwing/bus';
import { DatabaseCheck, Migrations, Postgres, Schema, StagedImports, databaseCheckProvider } from '@lapwing/postgres';
import {
  ConfigError,
  FollowedSettings,
  Health,
  SecretKey,
  busConfig,
  followedSettingsProvider,
  healthProvider,
  restartProviders,
  type Finding,
} from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import type { FleetConfig } from './config.js';
import { AgentsHandler } from './handlers/agents.handler.js';
import { ConfigurationHandler } from './handlers/configuration.handler.js';
import { DockerHostsHandler } from './handlers/docker-hosts.handler.js';
import { GuestMetadataHandler } from './handlers/guest-metadata.handler.js';
import { NodesHandler } from './handlers/nodes.handler.js';
import { RegistrationsHandler } from './handlers/registrations.handler.js';
import { AccessService, type AccessOptions } from './services/access.service.js';
import { AgentsService } from './services/agents.service.js';
import { ConfigurationService } from './services/configuration.service.js';
import { DockerHostsService } from './services/docker-hosts.service.js';
import { EnrollmentService } from './services/enrollment.service.js';
import { GuestMetadataService } from './services/guest-metadata.service.js';
import { NodesService } from './services/nodes.service.js';
import { PresenceService } from './services/presence.service.js';
import { SetupCodesService } from './services/setup-codes.service.js';
import { StateService } from './services/state.service.js';
import { AgentStore } from './store/agent.store.js';
import { CredentialStore } from './store/credential.store.js';
import { DockerHostStore } from './store/docker-host.store.js';
import { GuestMetadataStore } from './store/guest-metadata.store.js';
import { keySignature } from './store/key-check.store.js';
import { NodeStore } from './store/node.store.js';
import { RegistrationStore } from './store/registration.store.js';
import { SetupCodeStore } from './store/setup-code.store.js';

const service = 'fleet';
const PARTS = 'fleet parts';

const handlers = [
  AgentsHandler,
  RegistrationsHandler,
  DockerHostsHandler,
  NodesHandler,
  GuestMetadataHandler,
  ConfigurationHandler,
];
/** What handlers, health and Nest's life cycle need of what {@link assemble} makes. */
const exposed = [
  AccessService,
  PresenceService,
  AgentsService,
  EnrollmentService,
  StateService,
  DockerHostsService,
  NodesService,
  SetupCodesService,
  GuestMetadataService,
  ConfigurationService,
];

/** All wiring of fleet. */
@Module({})
export class FleetModule {
  static register(config: FleetConfig): DynamicModule {
    const access = accessOptions(config);
    const key = SecretKey.read(service, config);
    return {
      module: FleetModule,
      providers: [
        ...busProviders({ ...busConfig(service, config), ground: Migrations, handlers }),
        {
          provide: Postgres,
          useFactory: () => new Postgres({ service, url: config.DATABASE_URL.reveal(), poolSize: 6 }),
        },
        {
          provide: Migrations,
          useFactory: (postgres: Postgres) => {
            const migrations = new Migrations(
              postgres,
              'fleet',
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
          useFactory: (bus: Bus, postgres: Postgres, migrations: Migrations, settings: FollowedSettings) =>
            assemble(config, { access, key, bus, settings, schema: new Schema(postgres, migrations) }),
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
        { provide: 'health checks', useFactory: addChecks, inject: [Health, DatabaseCheck, PresenceService] },
      ],
    };
  }
}

/** A key other than the one with which secrets were sealed could open none of them: then the process ends. */
async function checkKey(postgres: Postgres, key: SecretKey): Promise<void> {
  const own = key.sign('check', 'fleet');
  if ((await keySignature(postgres, own)) === own) return;
  process.stderr.write('fleet cannot start: LAPWING_SECRET_KEY is not the key that this database was made with\n');
  process.exit(1);
}

function accessOptions(config: FleetConfig): AccessOptions {
  const { FLEET_AUTHORITY_FILE: file, NATS_URL: servers, FLEET_CREDENTIAL_DAYS: credentialDays } = config;
  const agentServers = config.FLEET_AGENT_NATS_URL ?? servers.split(',');
  try {
    return { servers, agentServers, credentialDays, keys: file ? readAuthority(file) : undefined };
  } catch {
    throw new ConfigError(
      `fleet cannot start: FLEET_AUTHORITY_FILE=${file} holds no keys; make them with "npm run nats:keys"`,
    );
  }
}

/** Makes stores and services, each out of those before it. */
function assemble(
  config: FleetConfig,
  given: { access: AccessOptions; key: SecretKey; bus: Bus; settings: FollowedSettings; schema: Schema },
): object[] {
  const { access: options, key, bus, settings, schema } = given;
  const agents = new AgentStore(schema);
  const credentials = new CredentialStore(schema);
  const registrations = new RegistrationStore(schema);
  const access = new AccessService(schema, credentials, options);
  const presence = new PresenceService(bus, agents);
  const parts = { bus, schema, agents, registrations, credentials, access, presence, settings };
  const known = new AgentsService(parts);
  const nodes = new NodesService({ bus, schema, nodes: new NodeStore(schema), key });
  const guests = new GuestMetadataService(schema, new GuestMetadataStore(schema));
  const imports = new StagedImports(schema, service, key);
  const vouched = { id: config.FLEET_LOCAL_AGENT, token: config.FLEET_LOCAL_ENROLLMENT_TOKEN };
  return [
    access,
    presence,
    known,
    new EnrollmentService(parts, known, vouched),
    new StateService(agents, known, presence),
    new DockerHostsService(bus, schema, new DockerHostStore(schema)),
    nodes,
    new SetupCodesService(bus, schema, new SetupCodeStore(), nodes),
    guests,
    new ConfigurationService({ schema, imports, nodes, guests }),
  ];
}

function addChecks(health: Health, database: DatabaseCheck, presence: PresenceService): true {
  health.add('database', 'dependency', () => database.look());
  health.add('presence', 'worker', () =>
    presence.heartbeat.finding(() => {
      const { heard, online } = presence.counts;
      return { status: 'healthy', message: `${online} of ${heard} agents report` };
    }),
  );
  health.add('gpu_monitor', 'worker', () => gpuMonitor(presence.counts));
  return true;
}

/**
 * GPUs are read by the agents, with everything else of their hosts: that runs where any agent reports, with a GPU or without. Where nobody has an
 * agent yet there is nothing to read.
 */
function gpuMonitor({ heard, online, withGpu }: PresenceService['counts']): Finding {
  if (heard > 0 && online === 0) return { status: 'unhealthy', message: `none of ${heard} agents reports` };
  if (heard === 0) return { status: 'healthy', message: 'no agent has reported yet' };
  return { status: 'healthy', message: `${withGpu} of ${online} agents that report have a GPU` };
}
