import { LapwingError } from '@lapwing/contracts';
import type { FastifyRequest } from 'fastify';
import type { GatewayConfig } from '../config.js';
import { isHostLiteral } from './caller.js';

/**
 * Browsers let pages of any site open sockets, with our cookies: the page must be of this server, or of an origin in CORS_ORIGINS.
 * @throws LapwingError `FORBIDDEN`.
 */
export function refuseForeignOrigin(
  { headers }: Pick<FastifyRequest, 'headers'>,
  { CORS_ORIGINS }: Pick<GatewayConfig, 'CORS_ORIGINS'>,
): void {
  const { origin, host } = headers;
  if (origin === undefined || CORS_ORIGINS.includes(origin)) return;
  const own = URL.canParse(origin) && new URL(origin).host === host;
  if (!own) throw new LapwingError('FORBIDDEN', 'pages of other sites may not use this server');
}

/**
 * Where no credential is asked for, a page that somebody visits could write in his stead: it must be of this server, or of an origin in CORS_ORIGINS.
 * A name that was pointed at this server (DNS rebinding) makes a page of this server out of any: a browser must have come by an address, by the
 * name in LAPWING_PUBLIC_URL, or by one of GATEWAY_ALLOWED_HOSTS. What is no browser sends neither `Origin` nor `Sec-Fetch-Site`.
 * @throws LapwingError `FORBIDDEN`.
 */
export function refuseAnonymousPages(
  request: Pick<FastifyRequest, 'headers'>,
  config: Pick<GatewayConfig, 'CORS_ORIGINS' | 'GATEWAY_ALLOWED_HOSTS' | 'LAPWING_PUBLIC_URL'>,
): void {
  const { origin, host = '' } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (origin === undefined && site === undefined) return;
  refuseForeignOrigin(request, config);
  if (origin !== undefined && config.CORS_ORIGINS.includes(origin)) return;
  const ownName = config.LAPWING_PUBLIC_URL && new URL(config.LAPWING_PUBLIC_URL).hostname;
  const name = host.replace(/:\d+$/, '').toLowerCase();
  const isOurs = isHostLiteral(host) || name === ownName || config.GATEWAY_ALLOWED_HOSTS.includes(name);
  if (!isOurs || (site !== undefined && site !== 'same-origin' && site !== 'none'))
    throw new LapwingError('FORBIDDEN', 'pages of other sites may not use this server');
}
