import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  Password,
  Username,
  configChanged,
  principalsChanged,
  type Actor,
  type InputOf,
  type OutputOf,
  type securityStatusGet,
  type setupCreate,
} from '@lapwing/contracts';
import { z } from 'zod';
import { hashOf } from '../domain/credentials.js';
import type { AuditStore } from '../store/audit.store.js';
import type { Database } from '../store/database.js';
import type { SessionStore } from '../store/session.store.js';
import type { StartStore } from '../store/start.store.js';
import type { TokenStore } from '../store/token.store.js';
import type { UserStore } from '../store/user.store.js';
import type { OidcService } from './oidc.service.js';
import type { PasswordsService } from './passwords.service.js';
import type { TokensService } from './tokens.service.js';

/** What the security of the whole server needs. */
export interface SecurityParts {
  bus: Bus;
  database: Database;
  users: UserStore;
  tokens: TokenStore;
  starts: StartStore;
  sessions: SessionStore;
  audit: AuditStore;
  passwords: PasswordsService;
  tokensService: TokensService;
  oidc: OidcService;
  registration: boolean;
  restartOnApply: boolean;
}

const FirstAdmin = z.object({ username: Username, password: Password });

/** How the server is protected; the first administrator; recovery. */
export class SecurityService {
  constructor(private readonly parts: SecurityParts) {}

  async status(): Promise<OutputOf<typeof securityStatusGet>> {
    const { users, tokens, sessions, oidc, registration } = this.parts;
    const [anyUser, all, recoveryUntil] = await Promise.all([
      users.any(),
      tokens.list(),
      // Without Redis nobody can have switched recovery on.
      sessions.recoveryUntil().catch(() => null),
    ]);
    const [newest] = all;
    const tokenHint = newest ? `${newest.prefix}...${newest.suffix}` : null;
    return { users: anyUser, tokens: all.length > 0, tokenHint, oidcIssuer: oidc.issuer, registration, recoveryUntil };
  }

  /** Makes the first administrator, when there is no user, for somebody near or with the bootstrap token. */
  async setUp(input: InputOf<typeof setupCreate>): Promise<OutputOf<typeof setupCreate>> {
    const { bus, database, users, starts, audit, passwords, tokensService } = this.parts;
    if (await users.any()) throw new LapwingError('ALREADY_CONFIGURED');
    const token = await starts.get(database.plain('start.get'), 'bootstrap token');
    if (!input.near && (input.bootstrapToken === null || token !== hashOf(input.bootstrapToken)))
      throw new LapwingError(
        'FORBIDDEN',
        'the first user can be made on this machine, in a private network under its IP address, or with the bootstrap token of the log in X-Bootstrap-Token',
      );
    const { username, password } = parseFirstAdmin(input);
    const hash = await passwords.hash(password);
    const apiToken = await database.change('setup.create', async (transaction) => {
      if (await users.any(transaction)) throw new LapwingError('ALREADY_CONFIGURED');
      const id = await users.insert(transaction, { username, email: '', passwordHash: hash });
      await users.setRoles(transaction, id, ['admin']);
      await starts.delete(transaction, 'bootstrap token');
      const actor: Actor = {
        name: username,
        userId: id,
        sessionHash: null,
        permissions: ['*'],
        address: input.address,
      };
      await audit.append(transaction, actor, {
        type: 'user',
        action: 'created',
        target: username,
        details: { setup: true },
      });
      if (!input.withToken) return null;
      const made = { name: 'quick setup', permissions: ['*'], expiresAt: null };
      return (await tokensService.add(transaction, actor, made)).token;
    });
    bus.announce(principalsChanged, 'all', { reason: 'the first user was made' });
    return { apiToken };
  }

  async setRecovery(on: boolean, address: string): Promise<number | null> {
    const { bus, sessions, audit } = this.parts;
    const actor = { name: 'recovery', userId: null, address };
    await audit.record(actor, { type: 'recovery', action: on ? 'started' : 'ended', target: 'server' });
    const until = on ? await sessions.startRecovery(Date.now()) : null;
    if (!on) await sessions.endRecovery();
    bus.announce(principalsChanged, 'all', { reason: 'recovery mode was switched' });
    return until;
  }

  async apply(actor: Actor): Promise<boolean> {
    const { bus, audit, restartOnApply } = this.parts;
    await audit.record(actor, { type: 'security', action: 'applied', target: 'server' });
    bus.announce(principalsChanged, 'all', { reason: 'security settings were applied' });
    bus.announce(configChanged, 'security', { by: actor.name });
    return restartOnApply;
  }
}

function parseFirstAdmin(input: { username: string; password: string }): z.infer<typeof FirstAdmin> {
  const parsed = FirstAdmin.safeParse(input);
  if (parsed.success) return parsed.data;
  const text = parsed.error.issues.map(({ path, message }) => `"${path.join('.')}": ${message}`).join('; ');
  throw new LapwingError('INVALID_INPUT', text);
}
