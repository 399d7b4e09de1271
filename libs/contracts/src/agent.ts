import { z } from 'zod';

/** The id of an agent (the collector of one host): a single token of a subject, at most 64 characters. */
export const AgentId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, '1 to 64 of the characters A-Z a-z 0-9 _ -');

/**
 * The id that a host gets when nobody chose one: its host name with every other character replaced by `-`.
 * @param hostname as the operating system tells it, e.g. `db1.example.com`, which becomes `db1-example-com`.
 */
export function agentIdFromHostname(hostname: string): string {
  return hostname.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 64) || 'host';
}
