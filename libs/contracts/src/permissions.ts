import { z } from 'zod';

/** Every action that a permission can allow, by the resource that it is done to. */
export const permissionCatalogue: Record<string, readonly string[]> = {
  agents: ['view', 'manage', 'report'],
  alerts: ['view', 'acknowledge', 'clear', 'configure'],
  config: ['export', 'import'],
  dashboard: ['view'],
  guests: ['manage'],
  licenses: ['check'],
  logs: ['view'],
  nodes: ['view', 'manage'],
  notifications: ['view', 'manage'],
  processes: ['view', 'signal'],
  roles: ['view', 'manage'],
  security: ['manage'],
  settings: ['view', 'manage'],
  system: ['read', 'write'],
  users: ['view', 'manage'],
};

const known = new Set([
  '*',
  ...Object.entries(permissionCatalogue).flatMap(([resource, actions]) =>
    [...actions, '*'].map((action) => `${resource}:${action}`),
  ),
]);

/** A permission: `resource:action` of the catalogue, `resource:*` for all actions on a resource, `*` for everything. */
export const Permission = z.string().refine((text) => known.has(text), {
  error: ({ input }) =>
    `${JSON.stringify(String(input).slice(0, 64))} is no permission; there are *, ${Object.entries(permissionCatalogue)
      .map(([resource, actions]) => `${resource}:{${[...actions, '*'].join(',')}}`)
      .join(', ')}`,
});

/** A set of permissions, as roles and tokens have it. */
export const Permissions = z.array(Permission).max(100);

/**
 * Whether somebody who holds `held` may do all that `wanted` stands for. A wildcard that is wanted needs a wildcard that
 * is held: `alerts:*` is not covered by all of its present actions, since there will be more one day.
 */
export function covers(held: readonly string[], wanted: string): boolean {
  if (held.includes('*') || held.includes(wanted)) return true;
  const [resource, action] = wanted.split(':');
  return action !== undefined && held.includes(`${resource}:*`);
}

/** Whether `held` covers each of `wanted`. */
export function coversAll(held: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((one) => covers(held, one));
}

/** What both sets of permissions allow, without what others of the result cover already. */
export function commonPermissions(one: readonly string[], other: readonly string[]): string[] {
  const both = new Set([
    ...one.filter((wanted) => covers(other, wanted)),
    ...other.filter((held) => covers(one, held)),
  ]);
  return [...both]
    .filter(
      (permission) =>
        !covers(
          [...both].filter((rest) => rest !== permission),
          permission,
        ),
    )
    .toSorted();
}
