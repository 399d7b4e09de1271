import type { Role, User as UserContract } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';

/** A user as Tyto's API shows it. */
export const User = z.object({
  id: z.uuid(),
  username: z.string(),
  email: z.string(),
  roles: z.array(z.string()),
  auth_provider: z.enum(['local', 'oidc']),
  disabled: z.boolean(),
  created_at: isoTime,
  last_login: isoTime.nullable(),
});

/** The user who asks, with all that the roles allow; an API token shows itself in the same form. */
export const Account = z.object({
  id: z.string(),
  username: z.string(),
  email: z.string(),
  roles: z.array(z.string()),
  permissions: z.array(z.string()),
  auth_provider: z.enum(['local', 'oidc', 'token']),
  last_login: isoTime.nullable(),
});

/** A role as Tyto's API shows it. */
export const RoleView = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  permissions: z.array(z.string()),
  is_system: z.boolean(),
});

const time = (value: number | null): string | null => (value === null ? null : isoSeconds(value));

/** Makes a {@link User}. */
export function toUser(user: UserContract): z.infer<typeof User> {
  const { id, username, email, roles, authProvider, disabled, createdAt, lastLogin } = user;
  return {
    id,
    username,
    email,
    roles,
    auth_provider: authProvider,
    disabled,
    created_at: isoSeconds(createdAt),
    last_login: time(lastLogin),
  };
}

/** Makes an {@link Account}. */
export function toAccount(user: UserContract): z.infer<typeof Account> {
  const { id, username, email, roles, permissions, authProvider, lastLogin } = user;
  return { id, username, email, roles, permissions, auth_provider: authProvider, last_login: time(lastLogin) };
}

/** Makes a {@link RoleView}. */
export function toRole({ id, name, description, permissions, isSystem }: Role): z.infer<typeof RoleView> {
  return { id, name, description, permissions, is_system: isSystem };
}
