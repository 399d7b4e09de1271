import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const FIT = /^[A-Za-z0-9._-]{1,128}$/;

/** The id of a request: the caller's own where it has a fit form, else a new one. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && FIT.test(given) ? given : randomUUID();
}
