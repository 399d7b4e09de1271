import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

/** The cookies of a session, under the names that Pulse's clients know. */
export const SESSION_COOKIE = 'pulse_session';
export const CSRF_COOKIE = 'pulse_csrf';

/** A credential that came with a request. */
export interface Credential {
  hash: string;
  /** Whether it came as a cookie, which browsers send by themselves. */
  byCookie: boolean;
}

const MAX_LENGTH = 1024;

/** SHA3-256, hexadecimal: what auth knows credentials by. */
export function hashOf(credential: string): string {
  return createHash('sha3-256').update(credential).digest('hex');
}

/**
 * The credential of a request. One that was sent on purpose counts before the cookie, also when it is wrong.
 * @param tokenInQuery whether `?token=` counts.
 */
export function credentialOf(request: FastifyRequest, tokenInQuery: boolean): Credential | undefined {
  const { headers, query, cookies } = request;
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  const inQuery = tokenInQuery ? (query as Record<string, unknown>)['token'] : undefined;
  const sent = [bearer, headers['x-api-token'], headers['x-api-key'], inQuery].find(
    (value): value is string => typeof value === 'string' && value !== '',
  );
  const cookie = cookies[SESSION_COOKIE];
  const value = sent ?? (cookie === '' ? undefined : cookie);
  if (value === undefined) return undefined;
  return { hash: hashOf(value.slice(0, MAX_LENGTH)), byCookie: sent === undefined };
}
