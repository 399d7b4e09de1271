import { LapwingError } from '@lapwing/contracts';
import { UnsupportedMediaTypeException } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { GatewayConfig } from '../config.js';
import { anonymous, isHostLiteral, isNear, type Caller } from './caller.js';
import { isRead } from './route-list.js';

type Settings = Pick<
  GatewayConfig,
  'EXPORT_ALLOW_PRIVATE_NETWORK' | 'ALLOW_UNPROTECTED_EXPORT' | 'GATEWAY_ALLOWED_HOSTS' | 'LAPWING_PUBLIC_URL'
>;

/** Whether a caller may export and import without a credential, as far as it depends on where he is. */
export function needsNoCredential(request: FastifyRequest, config: Settings): boolean {
  return config.ALLOW_UNPROTECTED_EXPORT || (config.EXPORT_ALLOW_PRIVATE_NETWORK && isNear(request));
}

/**
 * Who exports or imports without a credential, where that is allowed; undefined where it is not. No CSRF token protects such a request, so that no
 * page of another site may be able to send it.
 * @throws LapwingError `FORBIDDEN` for what such a page could have sent; UnsupportedMediaTypeException for a body that is not said to be JSON.
 */
export function unprotectedExporter(request: FastifyRequest, config: Settings): Caller | undefined {
  if (!needsNoCredential(request, config)) return undefined;
  if (!isRead(request.method) && request.headers['content-type'] === undefined)
    throw new UnsupportedMediaTypeException('the body must be application/json');
  refuseOtherSites(request, config);
  return anonymous(isNear(request) ? 'private network' : 'anonymous', ['config:export', 'config:import']);
}

/**
 * Browsers say by Origin and Sec-Fetch-Site whose page asks. A page of another site whose name was pointed at this server (DNS rebinding) counts as
 * one of ours to them; it is told by that name. Reads do not always carry the one or the other: of them the name must be right in any case.
 */
function refuseOtherSites({ headers, method }: FastifyRequest, config: Settings): void {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  const own = ownHosts(config);
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw foreign();
  if (origin !== undefined && !isOwn(origin, host, own)) throw foreign();
  const fromBrowser = origin !== undefined || site !== undefined || isRead(method);
  if (fromBrowser && !isHostLiteral(host) && !own.includes(nameOf(host ?? '')))
    throw new LapwingError(
      'FORBIDDEN',
      'without a credential the Host header must be an address, localhost, the name in LAPWING_PUBLIC_URL or one of GATEWAY_ALLOWED_HOSTS',
    );
}

function isOwn(origin: string, host: string | undefined, own: readonly string[]): boolean {
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin);
  return from.host === host || own.includes(nameOf(from.host));
}

function ownHosts({ LAPWING_PUBLIC_URL: url, GATEWAY_ALLOWED_HOSTS: names }: Settings): string[] {
  return [...names, ...(url === undefined ? [] : [nameOf(new URL(url).host)])];
}

const nameOf = (host: string): string => host.replace(/:\d+$/, '').toLowerCase();

const foreign = (): LapwingError => new LapwingError('FORBIDDEN', 'pages of other sites may not use this server');
