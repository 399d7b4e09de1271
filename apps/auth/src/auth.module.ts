import { Bus, busProviders } from '@lapwing/bus';
import { DatabaseCheck, Migrations, Postgres, databaseCheckProvider } from '@lapwing/postgres';
import { Redis } from '@lapwing/redis';
import {
  Health,
  SecretKey,
  busConfig,
  followedSettingsProvider,
  healthProvider,
  restartProviders,
} from '@lapwing/service';
import { Module, type DynamicModule } from '@nestjs/common';
import type { AuthConfig } from './config.js';
import { AuditHandler } from './handlers/audit.handler.js';
import { LoginsHandler } from './handlers/logins.handler.js';
import { RolesHandler } from './handlers/roles.handler.js';
import { SecurityHandler } from './handlers/security.handler.js';
import { TokensHandler } from './handlers/tokens.handler.js';
import { TotpHandler } from './handlers/totp.handler.js';
import { UsersHandler } from './handlers/users.handler.js';
import { LoginService } from './services/login.service.js';
import { OidcService, type OidcSettings } from './services/oidc.service.js';
import { PasswordsService } from './services/passwords.service.js';
import { PrincipalsService } from './services/principals.service.js';
import { RolesService } from './services/roles.service.js';
import { SecurityService } from './services/security.service.js';
import { StartService, type StartSettings } from './services/start.service.js';
import { TokensService } from './services/tokens.service.js';
import { TotpService } from './services/totp.service.js';
import { UsersService } from './services/users.service.js';
import { AuditStore } from './store/audit.store.js';
import { Database } from './store/database.js';
import { LockoutStore } from './store/lockout.store.js';
import { RoleStore } from './store/role.store.js';
import { SessionStore } from './store/session.store.js';
import { StartStore } from './store/start.store.js';
import { TokenStore } from './store/token.store.js';
import { UserStore } from './store/user.store.js';

const service = 'auth';
const handlers = [LoginsHandler, UsersHandler, TotpHandler, RolesHandler, TokensHandler, SecurityHandler, AuditHandler];

/** What handlers and tests ask for, and `assemble` makes. */
const exposed = [
  LoginService,
  OidcService,
  PrincipalsService,
  UsersService,
  TotpService,
  RolesService,
  TokensService,
  SecurityService,
  AuditStore,
  LockoutStore,
  UserStore,
];

/** All wiring of auth. `clock` is for tests. */
@Module({})
export class AuthModule {
  static register(config: AuthConfig, clock: () => number = Date.now): DynamicModule {
    const key = SecretKey.read(service, config);
    return {
      module: AuthModule,
      providers: [
        ...busProviders({ ...busConfig(service, config), ground: Migrations, handlers }),
        ...restartProviders(config),
        {
          provide: Postgres,
          useFactory: () => new Postgres({ service, url: config.DATABASE_URL.reveal(), poolSize: 6 }),
        },
        { provide: Redis, useFactory: () => new Redis(config.REDIS_URL.reveal()) },
        {
          provide: Migrations,
          useFactory: (postgres: Postgres) =>
            new Migrations(postgres, 'auth', new URL('../migrations/', import.meta.url), config.LAPWING_MIGRATIONS),
          inject: [Postgres],
        },
        {
          provide: PARTS,
          useFactory: (bus: Bus, postgres: Postgres, redis: Redis, migrations: Migrations) =>
            assemble(config, { bus, postgres, redis, migrations, key, clock }),
          inject: [Bus, Postgres, Redis, Migrations],
        },
        ...exposed.map((type) => ({
          provide: type,
          useFactory: (parts: object[]) => parts.find((part) => part instanceof type),
          inject: [PARTS],
        })),
        healthProvider,
        followedSettingsProvider,
        databaseCheckProvider,
        { provide: 'health checks', useFactory: addChecks, inject: [Health, DatabaseCheck, Redis] },
      ],
    };
  }
}

const PARTS = 'auth parts';

interface Ground {
  bus: Bus;
  postgres: Postgres;
  redis: Redis;
  migrations: Migrations;
  key: SecretKey;
  clock: () => number;
}

/** Makes stores and services, each out of those before it. */
function assemble(config: AuthConfig, { bus, postgres, redis, migrations, key, clock }: Ground): object[] {
  const database = new Database(postgres, migrations);
  const users = new UserStore(database);
  const roles = new RoleStore(database);
  const tokens = new TokenStore(database);
  const starts = new StartStore();
  const sessions = new SessionStore(redis);
  const lockouts = new LockoutStore(redis);
  const audit = new AuditStore(database, key, clock);
  const passwords = new PasswordsService();
  const totp = new TotpService(database, users, audit, key, clock);
  const login = new LoginService({ bus, database, users, sessions, lockouts, audit, passwords, totp, clock });
  const oidc = new OidcService({ bus, database, users, roles, sessions, audit, login }, oidcSettings(config));
  const tokensService = new TokensService(bus, database, tokens, audit, clock);
  const registration = config.ALLOW_REGISTRATION;
  return [
    login,
    oidc,
    totp,
    tokensService,
    audit,
    lockouts,
    users,
    new PrincipalsService(sessions, tokens, users, clock),
    new UsersService({
      bus,
      database,
      users,
      roles,
      tokens,
      sessions,
      lockouts,
      audit,
      passwords,
      login,
      registration,
    }),
    new RolesService(bus, database, roles, audit),
    new SecurityService({
      bus,
      database,
      users,
      tokens,
      starts,
      sessions,
      audit,
      passwords,
      tokensService,
      oidc,
      registration,
      restartOnApply: config.RESTART_ON_APPLY,
    }),
    new StartService({ postgres, users, tokens, starts, audit, passwords, key }, startSettings(config), migrations),
  ];
}

function startSettings(config: AuthConfig): StartSettings {
  return {
    user: config.PULSE_AUTH_USER,
    password: config.PULSE_AUTH_PASS,
    adminPassword: config.LAPWING_ADMIN_PASSWORD,
    tokens: [...(config.API_TOKEN ? [config.API_TOKEN] : []), ...config.API_TOKENS],
  };
}

function oidcSettings(config: AuthConfig): OidcSettings | undefined {
  if (!config.OIDC_ISSUER || !config.OIDC_CLIENT_ID || !config.OIDC_REDIRECT_URL) return undefined;
  return {
    issuer: config.OIDC_ISSUER,
    clientId: config.OIDC_CLIENT_ID,
    clientSecret: config.OIDC_CLIENT_SECRET,
    redirectUrl: config.OIDC_REDIRECT_URL,
    scopes: config.OIDC_SCOPES,
    rules: {
      usernameClaim: config.OIDC_USERNAME_CLAIM,
      groupsClaim: config.OIDC_GROUPS_CLAIM,
      roleMap: config.OIDC_ROLE_MAP,
      defaultRole: config.OIDC_DEFAULT_ROLE,
    },
  };
}

function addChecks(health: Health, database: DatabaseCheck, redis: Redis): true {
  health.add('database', 'dependency', () => database.look());
  // Without Redis nobody logs in, and API tokens still work.
  health.add('sessions', 'dependency', () =>
    redis.version().then(
      () => ({ status: 'healthy' as const, message: 'Redis connected' }),
      () => ({ status: 'degraded' as const, message: 'Redis does not answer: nobody can log in' }),
    ),
  );
  return true;
}
