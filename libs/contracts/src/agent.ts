import { z } from 'zod';

/** Ids that would hide a route of the API. */
const RESERVED = ['pending', 'enroll'];

/** The id of an agent (the collector of one host): chosen by a person, or made of the host's name. */
export const AgentId = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    '1 to 64 of the characters A-Z a-z 0-9 . _ -, the first a letter or digit',
  )
  .refine((id) => !RESERVED.includes(id), `not one of ${RESERVED.join(', ')}`);

/**
 * The id that a host gets when nobody chose one: its host name with every other character replaced by `-`.
 * @param hostname as the operating system tells it, e.g. `db1.example.com`, which becomes `db1-example-com`.
 */
export function agentIdFromHostname(hostname: string): string {
  const id = hostname
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64);
  return id === '' || RESERVED.includes(id) ? `host-${id}`.replace(/-$/, '') : id;
}

/**
 * The one token of a subject that stands for an agent, or for whatever else a message is about: letters, digits, `_` and `-` as they are,
 * everything else as in URLs. The wildcards `*` and `>` stay.
 */
export function subjectToken(key: string): string {
  if (key === '*' || key === '>') return key;
  return encodeURIComponent(key).replace(/[.!~*'()]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The key for which a token of a subject stands; the inverse of {@link subjectToken}. A token that stands for none is its own key. */
export function keyOfToken(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}
