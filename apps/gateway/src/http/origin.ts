import { LapwingError } from '@lapwing/contracts';
import type { FastifyRequest } from 'fastify';
import type { GatewayConfig } from '../config.js';

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
