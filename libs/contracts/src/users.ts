import { z } from 'zod';
import { request } from './define.js';
import { Actor, Address, CredentialHash, User } from './identity.js';

/** Names under which the audit trail speaks of nobody in particular. */
const RESERVED = ['anonymous', 'environment', 'recovery'];

/** The name of a user; names that differ in case alone are the same. */
export const Username = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, '1 to 64 letters, digits and . _ @ -')
  .refine((name) => !RESERVED.includes(name.toLowerCase()), 'this name is reserved');

/** How often an address may try to log in; counted by the gateway and by auth into one window. */
export const loginLimit = { name: 'authentication', limit: 10, windowMs: 60_000 };

const MAX_PASSWORD_BYTES = 72;

/** A new password: 8 to 72 bytes, which is what bcrypt takes in. */
export const Password = z
  .string()
  .refine((text) => new TextEncoder().encode(text).length >= 8, '8 to 72 bytes')
  .refine((text) => new TextEncoder().encode(text).length <= MAX_PASSWORD_BYTES, '8 to 72 bytes')
  .refine((text) => !text.includes('\0'), 'no NUL characters');

/** An e-mail address, or nothing. */
export const Email = z.union([z.literal(''), z.email().max(254)], { error: 'an e-mail address' });

/** A password that is tried; anything goes, up to a bound. */
const AnyPassword = z.string().max(1024);
/** A code of the second factor: six digits, or a recovery code. */
const Code = z.string().max(64);

const Session = z.object({
  /** Opaque; sent as bearer token or cookie. */
  token: z.string(),
  csrf: z.string(),
  expiresAt: z.int(),
  user: User,
});

/**
 * Logs a user in. `INVALID_CREDENTIALS` for a wrong name, password or code, with what is left before the lock;
 * `ACCOUNT_LOCKED`, `RATE_LIMITED`; `TOTP_REQUIRED` when the password was right and a code is wanted.
 */
export const sessionCreate = request('req.auth.session.create.v1', {
  input: z.object({
    username: z.string().max(256),
    password: AnyPassword,
    code: Code.nullable().default(null),
    address: Address,
  }),
  output: Session,
  deadlineMs: 15_000,
});

/** Ends a session; harmless when there is none. */
export const sessionEnd = request('req.auth.session.end.v1', {
  input: z.object({ hash: CredentialHash, address: Address }),
  output: z.object({}),
});

/** Begins a login at the OpenID provider. */
export const oidcBegin = request('req.auth.oidc.begin.v1', {
  input: z.object({}),
  output: z.object({
    /** Where to send the browser. */
    url: z.string(),
    /** What the browser must bring back as a cookie. */
    binding: z.string(),
  }),
  deadlineMs: 15_000,
});

/** Finishes it with what the provider sent the browser back with. */
export const oidcFinish = request('req.auth.oidc.finish.v1', {
  input: z.object({ query: z.string().max(8192), binding: z.string().max(256), address: Address }),
  output: Session,
  deadlineMs: 20_000,
});

/** All users, by name. */
export const userList = request('req.auth.user.list.v1', {
  input: z.object({}),
  output: z.object({ users: z.array(User) }),
});
/** One user. */
export const userGet = request('req.auth.user.get.v1', { input: z.object({ id: z.uuid() }), output: User });
/** Makes a user; nobody can grant more than they hold. */
export const userCreate = request('req.auth.user.create.v1', {
  input: z.object({
    actor: Actor,
    username: Username,
    password: Password,
    email: Email.default(''),
    roles: z.array(z.string().max(64)).max(50),
  }),
  output: User,
  deadlineMs: 15_000,
});
/** Makes a viewer; `REGISTRATION_DISABLED` unless registration is switched on. */
export const userRegister = request('req.auth.user.register.v1', {
  input: z.object({ username: Username, password: Password, email: Email.default(''), address: Address }),
  output: User,
  deadlineMs: 15_000,
});
/** Changes a user; what is left out stays. Losing or gaining a role, or being disabled, ends the sessions. */
export const userUpdate = request('req.auth.user.update.v1', {
  input: z.object({
    actor: Actor,
    id: z.uuid(),
    changes: z.object({ email: Email, roles: z.array(z.string().max(64)).max(50), disabled: z.boolean() }).partial(),
  }),
  output: User,
});
/** Changes one's own address. */
export const profileUpdate = request('req.auth.profile.update.v1', {
  input: z.object({ actor: Actor, email: Email.optional() }),
  output: User,
});
/** Changes one's own password; all other sessions end. */
export const passwordChange = request('req.auth.password.change.v1', {
  input: z.object({ actor: Actor, current: AnyPassword, next: Password }),
  output: z.object({}),
  deadlineMs: 15_000,
});
/** Sets the password of another user, who may do no more than the actor; all sessions end. */
export const passwordReset = request('req.auth.password.reset.v1', {
  input: z.object({ actor: Actor, id: z.uuid(), next: Password }),
  output: z.object({}),
  deadlineMs: 15_000,
});
/** Lifts the lock of a user's name or of an address. */
export const lockoutReset = request('req.auth.lockout.reset.v1', {
  input: z.object({ actor: Actor, identifier: z.string().trim().min(1, 'a user name or an address').max(256) }),
  output: z.object({}),
});

/** Whether one's own account has a second factor. */
export const totpGet = request('req.auth.totp.get.v1', {
  input: z.object({ actor: Actor }),
  output: z.object({ enabled: z.boolean(), recoveryCodesLeft: z.int() }),
});
/** Begins with a second factor; it counts once a code was verified. */
export const totpBegin = request('req.auth.totp.begin.v1', {
  input: z.object({ actor: Actor, password: AnyPassword }),
  output: z.object({ secret: z.string(), uri: z.string() }),
  deadlineMs: 15_000,
});
/** Verifies the first code. The recovery codes are shown in this answer only. */
export const totpEnable = request('req.auth.totp.enable.v1', {
  input: z.object({ actor: Actor, code: Code }),
  output: z.object({ recoveryCodes: z.array(z.string()) }),
});
/** Takes the second factor away: one's own with the password, or another's as an administrator. */
export const totpDisable = request('req.auth.totp.disable.v1', {
  input: z.object({ actor: Actor, of: z.union([z.object({ password: AnyPassword }), z.object({ userId: z.uuid() })]) }),
  output: z.object({}),
  deadlineMs: 15_000,
});
