import { LapwingError } from '@lapwing/contracts';
import type { FastifyRequest } from 'fastify';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * Until there are users, the gateway trusts whoever is on this machine; a web page that a person on this machine visits is
 * not. It is told by the name that it thinks it talks to (a foreign name that was pointed at this machine), or by where
 * it came from.
 * @throws LapwingError `FORBIDDEN`.
 */
export function refuseForeignPages({ headers }: Pick<FastifyRequest, 'headers'>): void {
  if (!LOOPBACK.test(headers.host ?? ''))
    throw new LapwingError('FORBIDDEN', 'the Host header must name this machine: localhost, 127.0.0.1 or [::1]');
  const { origin } = headers;
  if (origin !== undefined && !LOOPBACK.test(origin.replace(/^https?:\/\//, '')))
    throw new LapwingError('FORBIDDEN', 'pages of other sites may not use this server');
}
