import { LapwingError } from '@lapwing/contracts';
import type { FastifyRequest } from 'fastify';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** Whether a host, with or without a port, is this machine by its loopback address. */
export const isLoopbackHost = (host: string): boolean => LOOPBACK.test(host);

type WithHeaders = Pick<FastifyRequest, 'headers'>;

/** Whether a request names another machine than this one: as the one it talks to, or as the one whose page sent it. */
export function isForeign({ headers }: WithHeaders): boolean {
  const { host, origin } = headers;
  return !LOOPBACK.test(host ?? '') || (origin !== undefined && !LOOPBACK.test(origin.replace(/^https?:\/\//, '')));
}

/**
 * A listener on the loopback address is meant for this machine, and perhaps for a proxy on it. A page that a person here
 * visits could reach it too, under a name that was pointed at this machine (DNS rebinding): it is told by that name.
 * @param allowed more names that are ours; `*` lets any pass, and looks at where the page came from alone.
 * @throws LapwingError `FORBIDDEN`.
 */
export function refuseForeignPages({ headers }: WithHeaders, allowed: readonly string[]): void {
  const host = headers.host ?? '';
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (!LOOPBACK.test(host) && !allowed.includes(name) && !allowed.includes('*'))
    throw new LapwingError(
      'FORBIDDEN',
      'the Host header must name this machine: localhost, 127.0.0.1, [::1], or a name of GATEWAY_ALLOWED_HOSTS',
    );
  const { origin } = headers;
  if (origin === undefined) return;
  const from = origin.replace(/^https?:\/\//, '');
  if (from !== host && !LOOPBACK.test(from) && !allowed.includes(from.replace(/:\d+$/, '').toLowerCase()))
    throw new LapwingError('FORBIDDEN', 'pages of other sites may not use this server');
}
