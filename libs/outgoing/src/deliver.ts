import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import { Deadline } from './deadline.js';
import { ConnectionError, OutgoingError, sayable } from './errors.js';
import { headerProblem } from './headers.js';
import { checkUrl, guardedLookup, type Resolve } from './lookup.js';
import type { OutgoingOptions } from './outgoing.js';
import { inRequestSpan } from './span.js';

/** See {@link send}. */
export interface SendOptions extends Omit<OutgoingOptions, 'maxBytes'> {
  method: string;
  headers?: Record<string, string>;
  body?: string;
  /** So much of the answer is kept; 64 KiB by default. */
  maxBytes?: number;
  /** Authorities beside those of the system, PEM. */
  ca?: string;
  /** Who finds addresses; the system by default. */
  resolve?: Resolve;
}

/** What a receiver answered. */
export interface SendAnswer {
  status: number;
  /** After how many milliseconds it wants to be asked again, where it says so (Retry-After): at most a day. */
  retryAfterMs: number | undefined;
  /** As far as it was kept, and came in time. */
  text: string;
}

const MAX_BYTES = 64 * 1024;
const MAX_REDIRECTS = 3;
const DAY_MS = 86_400_000;
/** The same request again, elsewhere. */
const REPEATED = new Set([307, 308]);
/** For what changes nothing these mean the same. */
const REPEATED_GET = new Set([301, 302, 303, 307, 308]);

/**
 * Sends one request to a receiver that a user named, past the guard, on a connection of its own. A redirect is followed within the same
 * origin only, at most three times.
 * @throws OutgoingError when it may not be sent or is sent elsewhere; ConnectionError when it may go well later. Their messages hold
 * nothing of the URL.
 */
export async function send(url: string, options: SendOptions): Promise<SendAnswer> {
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    const problem = headerProblem(name, value);
    if (problem) throw new OutgoingError(problem);
  }
  const deadline = new Deadline(options.deadlineMs);
  try {
    const target = parsed(url);
    return await inRequestSpan(target, options.method, () => follow(target, options, deadline.signal));
  } catch (error) {
    if (deadline.isOver) throw new ConnectionError('the host takes too long');
    throw sayable(error);
  } finally {
    deadline.clear();
  }
}

function parsed(url: string, base?: URL): URL {
  if (!URL.canParse(url, base?.href)) throw new OutgoingError('the URL is not one');
  return new URL(url, base);
}

async function follow(start: URL, options: SendOptions, signal: AbortSignal): Promise<SendAnswer> {
  let target = start;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    checkUrl(target, options);
    const response = await exchange(target, options, signal);
    const { statusCode: status = 0 } = response;
    if (status < 300 || status >= 400) return read(response, status, options.maxBytes ?? MAX_BYTES);
    response.destroy();
    target = redirected(target, status, response.headers.location, options.method);
  }
  throw new OutgoingError('the server redirects too often');
}

function redirected(from: URL, status: number, location: string | undefined, method: string): URL {
  const repeated = (method === 'GET' ? REPEATED_GET : REPEATED).has(status);
  if (!repeated || location === undefined) throw new OutgoingError('the server redirects elsewhere');
  const target = parsed(location, from);
  // What is sent is for the receiver that was named: its headers and its body hold secrets.
  if (target.origin !== from.origin) throw new OutgoingError('the server redirects elsewhere');
  return target;
}

async function exchange(target: URL, options: SendOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const { method, headers, body, reach, resolve: resolver, ca } = options;
  const call = {
    method,
    signal,
    // A connection that somebody else may use was opened past the guard of somebody else.
    agent: false,
    lookup: guardedLookup(reach, resolver),
    headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
  };
  return new Promise((resolve, reject) => {
    const request =
      target.protocol === 'https:'
        ? httpsRequest(target, { ...call, ...(ca !== undefined && { ca: [...rootCertificates, ca] }) })
        : httpRequest(target, call);
    request.on('error', reject);
    request.on('response', resolve);
    request.end(body);
  });
}

async function read(response: IncomingMessage, status: number, maxBytes: number): Promise<SendAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= maxBytes) break;
    }
  } catch {
    // It has answered. What else it would have said changes nothing, and to ask again would have it told twice.
  }
  const text = Buffer.concat(chunks).subarray(0, maxBytes).toString();
  return { status, retryAfterMs: retryAfter(response.headers['retry-after'], Date.now()), text };
}

/** Source: RFC 9110, section 10.2.3. */
function retryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) * 1000 : undefined;
  const until = /^[A-Z][a-z]+,? .* GMT$/.test(text) ? Date.parse(text) - now : Number.NaN;
  const ms = seconds ?? until;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), DAY_MS);
}
