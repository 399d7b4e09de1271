import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  Username,
  principalsChanged,
  type OutputOf,
  type oidcBegin,
  type sessionCreate,
} from '@lapwing/contracts';
import { outgoing } from '@lapwing/outgoing';
import type { Secret } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import * as openid from 'openid-client';
import { hashOf, newCredential } from '../domain/credentials.js';
import { emailOf, rolesOf, usernameOf, type ClaimRules, type Claims } from '../domain/oidc-claims.js';
import type { AuditStore } from '../store/audit.store.js';
import type { Statements } from '@lapwing/postgres';
import type { Database } from '../store/database.js';
import type { RoleStore } from '../store/role.store.js';
import type { SessionStore } from '../store/session.store.js';
import type { UserRecord, UserStore } from '../store/user.store.js';
import type { LoginService } from './login.service.js';

/** How Lapwing is known to the provider. */
export interface OidcSettings {
  issuer: string;
  clientId: string;
  clientSecret: Secret | undefined;
  redirectUrl: string;
  scopes: string;
  rules: ClaimRules;
}

/** What the login at a provider needs. */
export interface OidcParts {
  bus: Bus;
  database: Database;
  users: UserStore;
  roles: RoleStore;
  sessions: SessionStore;
  audit: AuditStore;
  login: LoginService;
}

const REFUSED = 'the login at the OpenID provider did not succeed; begin again';

/**
 * Login at an OpenID provider: authorization code with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636). The browser
 * that ends a login must be the one that began it: it brings a cookie back.
 */
export class OidcService {
  readonly #log = createLogger('auth', 'oidc');
  #provider: Promise<openid.Configuration> | undefined;

  constructor(
    private readonly parts: OidcParts,
    private readonly settings: OidcSettings | undefined,
  ) {}

  /** Where the users of the provider come from; null without one. */
  get issuer(): string | null {
    return this.settings?.issuer ?? null;
  }

  async begin(): Promise<OutputOf<typeof oidcBegin>> {
    const settings = this.#want();
    const provider = await this.#discover(settings);
    const [state, nonce, verifier, binding] = [
      openid.randomState(),
      openid.randomNonce(),
      openid.randomPKCECodeVerifier(),
      newCredential(),
    ];
    await this.parts.sessions.putOidcLogin(hashOf(state), { nonce, verifier, bindingHash: hashOf(binding) });
    const url = openid.buildAuthorizationUrl(provider, {
      redirect_uri: settings.redirectUrl,
      scope: settings.scopes,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    return { url: url.href, binding };
  }

  /** @param query what the provider sent the browser back with. */
  async finish(query: string, binding: string, address: string): Promise<OutputOf<typeof sessionCreate>> {
    const settings = this.#want();
    const provider = await this.#discover(settings);
    const state = new URLSearchParams(query).get('state') ?? '';
    const login = await this.parts.sessions.takeOidcLogin(hashOf(state));
    if (!login || login.bindingHash !== hashOf(binding)) throw new LapwingError('INVALID_CREDENTIALS', REFUSED);
    const claims = await this.#claims(provider, new URL(`${settings.redirectUrl}?${query}`), { ...login, state });
    const user = await this.#user(settings, claims, address);
    return this.parts.login.open(user, address, 'oidc');
  }

  async #claims(
    provider: openid.Configuration,
    url: URL,
    login: { state: string; nonce: string; verifier: string },
  ): Promise<Claims & { sub: string }> {
    try {
      const tokens = await openid.authorizationCodeGrant(provider, url, {
        pkceCodeVerifier: login.verifier,
        expectedState: login.state,
        expectedNonce: login.nonce,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (!claims) throw new Error('the provider sent no ID token');
      const more = provider.serverMetadata().userinfo_endpoint
        ? await openid.fetchUserInfo(provider, tokens.access_token, claims.sub)
        : {};
      return { ...more, ...claims };
    } catch (error) {
      const { type, message, code } = describeError(error);
      this.#log.warn({ error: { type, message, code } }, 'a login at the OpenID provider failed');
      throw new LapwingError('INVALID_CREDENTIALS', REFUSED);
    }
  }

  /** The user whom the claims are about: known by issuer and subject, made at the first login, with the roles of today. */
  async #user({ issuer, rules }: OidcSettings, claims: Claims & { sub: string }, address: string): Promise<UserRecord> {
    const { bus, database, users } = this.parts;
    const { user, changed } = await database.change('oidc.login', async (transaction) => {
      const known = await users.bySubject(transaction, issuer, claims.sub);
      if (known?.disabled) throw new LapwingError('INVALID_CREDENTIALS', REFUSED);
      const roles = await this.#roles(transaction, claims, rules, known);
      const id = known?.id ?? (await this.#add(transaction, { issuer, rules }, claims, address));
      const before = known?.roles.join() ?? '';
      if (before !== roles.join()) await users.setRoles(transaction, id, roles);
      const ends = known !== undefined && before !== roles.join();
      if (ends) await users.nextEpoch(transaction, id);
      if (emailOf(claims) !== '') await users.setEmail(transaction, id, emailOf(claims));
      const now = await users.byId(id, transaction);
      if (!now) throw new Error('the user is gone');
      return { user: now, changed: ends };
    });
    if (changed) bus.announce(principalsChanged, user.id, { reason: 'groups have changed at the provider' });
    return user;
  }

  async #roles(
    transaction: Statements,
    claims: Claims,
    rules: ClaimRules,
    known: UserRecord | undefined,
  ): Promise<string[]> {
    const existing = new Set((await this.parts.roles.list(transaction)).map(({ id }) => id));
    const roles = rolesOf(claims, rules).filter((role) => existing.has(role));
    // The last administrator stays one, whatever the provider says: somebody must be able to mend it.
    const last = known?.roles.includes('admin') && (await this.parts.users.otherAdmins(transaction, known.id)) === 0;
    if (last && !roles.includes('admin')) return [...roles, 'admin'].toSorted();
    if (roles.length === 0)
      throw new LapwingError('FORBIDDEN', 'none of your groups at the OpenID provider has a role here');
    return roles;
  }

  async #add(
    transaction: Statements,
    { issuer, rules }: Pick<OidcSettings, 'issuer' | 'rules'>,
    claims: Claims & { sub: string },
    address: string,
  ): Promise<string> {
    const username = Username.safeParse(usernameOf(claims, rules));
    if (!username.success)
      throw new LapwingError('FORBIDDEN', 'the OpenID provider sent no name that can be a user name here');
    // An account that is here already is not handed to whoever has its name at the provider.
    if (await this.parts.users.byName(username.data, transaction))
      throw new LapwingError('FORBIDDEN', `there is another user named "${username.data}" here; ask an administrator`);
    const oidc = { issuer, subject: claims.sub };
    const user = { username: username.data, email: emailOf(claims), passwordHash: null, oidc };
    const id = await this.parts.users.insert(transaction, user);
    const actor = { name: user.username, userId: id, address };
    await this.parts.audit.append(transaction, actor, {
      type: 'user',
      action: 'created',
      target: user.username,
      details: { issuer },
    });
    return id;
  }

  #want(): OidcSettings {
    if (!this.settings) throw new LapwingError('NOT_FOUND', 'there is no login at an OpenID provider here');
    return this.settings;
  }

  /** The provider's own description, read once; a failure is forgotten, so that the next login tries again. */
  #discover(settings: OidcSettings): Promise<openid.Configuration> {
    const http = settings.issuer.startsWith('http:');
    this.#provider ??= openid
      .discovery(new URL(settings.issuer), settings.clientId, settings.clientSecret?.reveal(), undefined, {
        execute: http ? [openid.allowInsecureRequests] : [],
        timeout: 10,
        [openid.customFetch]: outgoing({ reach: 'private', deadlineMs: 10_000, maxBytes: 2 ** 20, http }),
      })
      .catch((error: unknown) => {
        this.#provider = undefined;
        const { type, message, code } = describeError(error);
        this.#log.warn({ error: { type, message, code } }, 'the OpenID provider does not answer');
        throw new LapwingError('UNAVAILABLE', 'the OpenID provider does not answer');
      });
    return this.#provider;
  }
}
