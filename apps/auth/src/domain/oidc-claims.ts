/** How claims become a user. */
export interface ClaimRules {
  usernameClaim: string;
  groupsClaim: string;
  roleMap: [group: string, role: string][];
  defaultRole: string | undefined;
}

/** What an OpenID provider said about somebody. */
export type Claims = Record<string, unknown>;

const MAX_GROUPS = 1000;

/**
 * The roles that somebody's groups stand for; the default role when there is none, and nothing without one.
 * @param claims the groups may be a list, or one name.
 */
export function rolesOf(claims: Claims, rules: ClaimRules): string[] {
  const value = claims[rules.groupsClaim];
  const groups = new Set((Array.isArray(value) ? value : [value]).slice(0, MAX_GROUPS).map(String));
  const roles = rules.roleMap.filter(([group]) => groups.has(group)).map(([, role]) => role);
  if (roles.length === 0 && rules.defaultRole !== undefined) return [rules.defaultRole];
  return [...new Set(roles)].toSorted();
}

/**
 * The name that a new user gets: the claim, else the address, else the subject, with what no name may hold left out.
 */
export function usernameOf(claims: Claims, rules: ClaimRules): string {
  const candidates = [claims[rules.usernameClaim], claims['email'], claims['sub']];
  const text = candidates.find((value): value is string => typeof value === 'string' && value !== '') ?? '';
  return text
    .replace(/[^A-Za-z0-9._@-]/g, '')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64);
}

/** The address, when the provider vouches for it or says nothing against it. */
export function emailOf(claims: Claims): string {
  const { email, email_verified: verified } = claims;
  return typeof email === 'string' && verified !== false && email.length <= 254 ? email : '';
}
