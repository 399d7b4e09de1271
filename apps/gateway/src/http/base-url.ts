import { LapwingError } from '@lapwing/contracts';
import type { FastifyRequest } from 'fastify';
import { isLoopbackHost } from './loopback.js';

/** Characters that mean nothing to a shell inside quotes, and of which addresses consist. */
const PLAIN = /^https?:\/\/[A-Za-z0-9.:_[\]-]+(\/[A-Za-z0-9._/-]*)?$/;

/** Whether an address may stand in a script or a command: nothing but scheme, host, port and a plain path. */
export function isPlainUrl(url: string): boolean {
  return PLAIN.test(url) && URL.canParse(url);
}

/** An address as it may be printed: parsed, written anew, without a slash at its end. Throws `INVALID_INPUT` for any other. */
export function plainUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const written = url ? `${url.origin}${url.pathname}`.replace(/\/+$/, '') : '';
  if (!url || url.search !== '' || url.hash !== '' || url.username !== '' || !isPlainUrl(written))
    throw new LapwingError('INVALID_INPUT', 'an address of the form https://host:port, without odd characters');
  return written;
}

/** What a host must be told to take an address: that it is not safe on the way. */
export function httpFlag(url: string): string {
  const { protocol, host } = new URL(url);
  return protocol === 'http:' && !isLoopbackHost(host) ? ' --allow-http' : '';
}

/** How the sender of a request reaches this server; `INVALID_INPUT` when the Host header is no plain address. */
export function baseUrlOf(request: FastifyRequest, configured: string | undefined): string {
  return plainUrl(configured ?? `${request.protocol}://${request.headers.host ?? ''}`);
}
