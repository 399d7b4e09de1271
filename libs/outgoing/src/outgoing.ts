import { Agent, Headers, fetch, type RequestInit, type Response } from 'undici';
import type { Reach } from './addresses.js';
import { OutgoingError } from './errors.js';
import { checkUrl, guardedLookup } from './lookup.js';
import { inRequestSpan } from './span.js';

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

/**
 * The one way out: a `fetch` that goes to allowed addresses only (looked at after the name was resolved, and dialled as
 * they were looked at, so that a name cannot change its mind in between), follows no redirect, and takes neither longer nor
 * more than it may; nothing compressed either, since a little of that can become very much.
 */
export function outgoing(options: OutgoingOptions): (url: string, init?: RequestInit) => Promise<Response> {
  const agent = new Agent({
    connect: { timeout: options.deadlineMs, lookup: guardedLookup(options.reach) },
    maxResponseSize: options.maxBytes,
  });
  return async (url, init = {}) => {
    const target = new URL(url);
    checkUrl(target, options);
    const headers = new Headers(init.headers);
    headers.set('accept-encoding', 'identity');
    const response = await inRequestSpan(target, init.method ?? 'GET', () =>
      fetch(url, {
        ...init,
        headers,
        redirect: 'manual',
        dispatcher: agent,
        signal: AbortSignal.timeout(options.deadlineMs),
      }),
    );
    if (response.status >= 300 && response.status < 400) throw new OutgoingError('the server redirects elsewhere');
    const encoding = response.headers.get('content-encoding');
    if (encoding !== null && encoding.toLowerCase() !== 'identity') {
      await response.body?.cancel();
      throw new OutgoingError('the server answers compressed, which was not asked for');
    }
    return response;
  };
}
