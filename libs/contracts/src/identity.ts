import { z } from 'zod';
import { event, request } from './define.js';
import { Permissions } from './permissions.js';

/** Milliseconds since 1970, UTC. */
const Instant = z.int();

/** SHA3-256 of a credential, in hexadecimal: credentials themselves are kept nowhere. */
export const CredentialHash = z.string().regex(/^[0-9a-f]{64}$/);

/** Where a request came from, as far as trusted proxies tell. */
export const Address = z.string().max(64);

/** Where users come from: kept by Lapwing, or by an OpenID provider. */
export const AuthProvider = z.enum(['local', 'oidc']);

/** A user as others may see it. */
export const User = z.object({
  id: z.uuid(),
  username: z.string(),
  email: z.string(),
  /** Ids of roles. */
  roles: z.array(z.string()),
  /** What the roles allow, together. */
  permissions: z.array(z.string()),
  authProvider: AuthProvider,
  disabled: z.boolean(),
  createdAt: Instant,
  lastLogin: Instant.nullable(),
});
/** See {@link User}. */
export type User = z.infer<typeof User>;

/** Whoever a credential stands for: a user with a session, or an API token. */
export const Principal = z.object({
  kind: z.enum(['session', 'token']),
  /** The hash of a session's token, or the id of an API token. */
  id: z.string(),
  /** The user; for an API token the one who made it, and null for tokens of the environment. */
  userId: z.uuid().nullable(),
  /** The user's name, or `token:<name>`. */
  name: z.string(),
  /** The user; null for an API token. */
  user: User.nullable(),
  permissions: z.array(z.string()),
  /** What the header `X-CSRF-Token` must hash to when the credential came as a cookie; null for API tokens. */
  csrfHash: CredentialHash.nullable(),
  /** When the credential ends by itself. */
  expiresAt: Instant.nullable(),
});
/** See {@link Principal}. */
export type Principal = z.infer<typeof Principal>;

/** Finds out whom a credential stands for; null when it stands for nobody (any more). */
export const principalGet = request('req.auth.principal.get.v1', {
  input: z.object({ hash: CredentialHash }),
  output: z.object({ principal: Principal.nullable() }),
  deadlineMs: 3000,
});

/**
 * Whoever had a credential may have lost it, or some of its permissions: what was remembered about principals is to be
 * forgotten. Key: the user's or token's id, or `all`.
 */
export const principalsChanged = event('evt.principals.changed.v1', null, z.object({ reason: z.string() }));

/** The one on whose behalf a service does something, as the gateway has verified it. */
export const Actor = z.object({
  name: z.string(),
  userId: z.uuid().nullable(),
  /** The hash of the session, where there is one. */
  sessionHash: CredentialHash.nullable(),
  permissions: z.array(z.string()),
  address: Address,
});
/** See {@link Actor}. */
export type Actor = z.infer<typeof Actor>;

/** How the server is protected, for the login page and the guard. */
export const securityStatusGet = request('req.auth.status.get.v1', {
  input: z.object({}),
  output: z.object({
    /** Whether there is any user. */
    users: z.boolean(),
    /** Whether there is any API token. */
    tokens: z.boolean(),
    /** Beginning and end of the newest token. */
    tokenHint: z.string().nullable(),
    oidcIssuer: z.string().nullable(),
    registration: z.boolean(),
    /** Until when callers on the server itself need no credential; null when recovery mode is off. */
    recoveryUntil: Instant.nullable(),
  }),
  deadlineMs: 3000,
});

/** Turns recovery mode on (for 15 minutes) or off. */
export const recoverySet = request('req.auth.recovery.set.v1', {
  input: z.object({ on: z.boolean(), address: Address }),
  output: z.object({ recoveryUntil: Instant.nullable() }),
});

/** Makes the first administrator; `ALREADY_CONFIGURED` when there is a user. */
export const setupCreate = request('req.auth.setup.create.v1', {
  input: z.object({
    username: z.string(),
    password: z.string(),
    withToken: z.boolean(),
    /** Whether the caller may do without the bootstrap token, because it is on this machine or in a private network. */
    near: z.boolean(),
    bootstrapToken: z.string().max(256).nullable(),
    address: Address,
  }),
  output: z.object({ apiToken: z.string().nullable() }),
  deadlineMs: 15_000,
});

/** The security settings are to be applied: processes that may restart do so. Key: `security`. */
export const configChanged = event('evt.config.changed.v1', null, z.object({ by: z.string() }));

/** Announces {@link configChanged}. */
export const configApply = request('req.auth.config.apply.v1', {
  input: z.object({ actor: Actor }),
  output: z.object({ restarting: z.boolean() }),
});

/** A role: a name for a set of permissions. */
export const Role = z.object({
  /** Lower-case words with hyphens. */
  id: z.string(),
  name: z.string(),
  description: z.string(),
  permissions: z.array(z.string()),
  isSystem: z.boolean(),
});
/** See {@link Role}. */
export type Role = z.infer<typeof Role>;

const RoleName = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'a name of 1 to 64 letters, digits, spaces and . _ -');
const Description = z
  .string()
  .max(500, 'at most 500 characters')
  .regex(/^\P{Cc}*$/u, 'no control characters');

/** What a custom role consists of. */
export const RoleDraft = z.object({ name: RoleName, description: Description.default(''), permissions: Permissions });

/** All roles. */
export const roleList = request('req.auth.role.list.v1', {
  input: z.object({}),
  output: z.object({ roles: z.array(Role) }),
});
/** Makes a role; its permissions must be the actor's own. */
export const roleCreate = request('req.auth.role.create.v1', {
  input: z.object({ actor: Actor, role: RoleDraft }),
  output: Role,
});
/** Changes parts of a role; those of the system are fixed. */
export const roleUpdate = request('req.auth.role.update.v1', {
  input: z.object({
    actor: Actor,
    id: z.string(),
    changes: z.object({ name: RoleName, description: Description, permissions: Permissions }).partial(),
  }),
  output: Role,
});
/** Deletes a role and takes it from its holders. */
export const roleDelete = request('req.auth.role.delete.v1', {
  input: z.object({ actor: Actor, id: z.string() }),
  output: z.object({}),
});

/** What an API token is called. */
export const TokenName = z
  .string()
  .trim()
  .min(1, '1 to 100 characters')
  .max(100, '1 to 100 characters')
  .regex(/^\P{Cc}*$/u, 'no control characters');

/** What an API token tells about itself. */
export const ApiToken = z.object({
  id: z.uuid(),
  name: z.string(),
  prefix: z.string(),
  suffix: z.string(),
  permissions: z.array(z.string()),
  createdAt: Instant,
  lastUsedAt: Instant.nullable(),
  expiresAt: Instant.nullable(),
  /** Whether it comes from the environment, and ends only there. */
  fromEnvironment: z.boolean(),
});
/** See {@link ApiToken}. */
export type ApiToken = z.infer<typeof ApiToken>;

/** All API tokens, the newest first. */
export const tokenList = request('req.auth.token.list.v1', {
  input: z.object({}),
  output: z.object({ tokens: z.array(ApiToken) }),
});
/** Makes a token; the answer is the only place where it is ever shown. */
export const tokenCreate = request('req.auth.token.create.v1', {
  input: z.object({
    actor: Actor,
    name: TokenName,
    /** The actor's own permissions when left out. */
    permissions: Permissions.min(1, 'at least one permission').optional(),
    expiresAt: Instant.nullable().default(null),
  }),
  output: z.object({ token: z.string(), record: ApiToken }),
});
/** Ends a token. */
export const tokenDelete = request('req.auth.token.delete.v1', {
  input: z.object({ actor: Actor, id: z.uuid() }),
  output: z.object({}),
});
/** Ends all tokens but those of the environment, and makes one. */
export const tokenRegenerate = request('req.auth.token.regenerate.v1', {
  input: z.object({ actor: Actor }),
  output: z.object({ token: z.string(), record: ApiToken, environmentTokens: z.int() }),
});

/**
 * The part of an address that stands for one household or machine: an IPv4 address, the first 64 bits of an IPv6 address, of
 * which whoever has one has them all.
 * @param address as a socket tells it, without a zone.
 */
export function addressBlock(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail = ''] = address.split('%')[0]?.toLowerCase().split('::') ?? [];
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const zeros = Math.max(8 - groups(head).length - groups(tail).length, 0);
  const all = [...groups(head), ...Array<string>(zeros).fill('0'), ...groups(tail)];
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
