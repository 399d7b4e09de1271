import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import { Agent, fetch, type RequestInit, type Response } from 'undici';
import { forbiddenReason, type Reach } from './addresses.js';

/** How far a request may go. */
export interface OutgoingOptions {
  reach: Reach;
  /** The answer must be complete after so long. */
  deadlineMs: number;
  /** The answer may be so large. */
  maxBytes: number;
  /** Whether plain http is good enough; https is always. */
  http: boolean;
}

/** A request was not sent, or its answer not taken. The message may be shown to whoever gave the URL. */
export class OutgoingError extends Error {
  override readonly name = 'OutgoingError';
}

/**
 * The one way out: a `fetch` that goes to allowed addresses only (looked at after the name was resolved, and dialled as
 * they were looked at, so that a name cannot change its mind in between), follows no redirect, and takes neither longer nor
 * more than it may.
 */
export function outgoing(options: OutgoingOptions): (url: string, init?: RequestInit) => Promise<Response> {
  const agent = new Agent({
    connect: {
      timeout: options.deadlineMs,
      lookup: (hostname, query, callback) =>
        lookup(hostname, { ...query, all: true }, (error, addresses) => {
          const allowed = error ? [] : addresses.filter(({ address }) => !forbiddenReason(address, options.reach));
          const [first] = allowed;
          if (error || !first) callback(error ?? new OutgoingError('the host has no address that may be asked'), '', 0);
          else if (query.all) callback(null, allowed);
          else callback(null, first.address, first.family);
        }),
    },
    maxResponseSize: options.maxBytes,
  });
  return async (url, init = {}) => {
    check(new URL(url), options);
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      dispatcher: agent,
      signal: AbortSignal.timeout(options.deadlineMs),
    });
    if (response.status >= 300 && response.status < 400) throw new OutgoingError('the server redirects elsewhere');
    return response;
  };
}

function check({ protocol, hostname, username }: URL, { reach, http }: OutgoingOptions): void {
  if (protocol !== 'https:' && !(http && protocol === 'http:'))
    throw new OutgoingError(http ? 'only http and https' : 'only https');
  if (username !== '') throw new OutgoingError('no user name in the URL');
  // A literal address is dialled without being looked up.
  const literal = hostname.replace(/^\[|\]$/g, '');
  const reason = isIP(literal) ? forbiddenReason(literal, reach) : undefined;
  if (reason) throw new OutgoingError(`the host is ${reason}`);
}
