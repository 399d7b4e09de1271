import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { OutgoingError } from './errors.js';
import { checkUrl, guardedLookup } from './lookup.js';
import type { OutgoingOptions } from './outgoing.js';

/** What a server answered. */
export interface Posted {
  status: number;
  text: string;
  /** After how many milliseconds the server wants to be asked again, where it says so (Retry-After in seconds). */
  retryAfterMs: number | undefined;
}

/** See {@link postJson}. */
export interface PostOptions extends OutgoingOptions {
  headers?: Record<string, string>;
  /** Whether certificates are not checked: only where the operator says so. */
  insecure?: boolean;
}

/**
 * Posts JSON past the same guard as `outgoing`, with Node's own client: for agents, which run without WebAssembly (V8's lite mode)
 * and with little memory, where `fetch` cannot work.
 * @throws OutgoingError when it may not be sent, or the answer is too large, too late, or a redirect; Node's errors of the connection.
 */
export async function postJson(url: string, body: unknown, options: PostOptions): Promise<Posted> {
  const target = new URL(url);
  checkUrl(target, options);
  const text = JSON.stringify(body);
  const call: RequestOptions = {
    method: 'POST',
    lookup: guardedLookup(options.reach),
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...options.headers },
  };
  return new Promise((resolve, reject) => {
    const request =
      target.protocol === 'https:'
        ? httpsRequest(target, { ...call, rejectUnauthorized: options.insecure !== true })
        : httpRequest(target, call);
    const timer = setTimeout(() => request.destroy(new OutgoingError('the server takes too long')), options.deadlineMs);
    request.on('close', () => clearTimeout(timer));
    request.on('error', reject);
    request.on('response', (response) => {
      read(response, options.maxBytes).then(resolve, (error: Error) => {
        request.destroy();
        reject(error);
      });
    });
    request.end(text);
  });
}

async function read(response: IncomingMessage, maxBytes: number): Promise<Posted> {
  const { statusCode: status = 0 } = response;
  if (status >= 300 && status < 400) throw new OutgoingError('the server redirects elsewhere');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new OutgoingError('the server answers too much');
    chunks.push(chunk);
  }
  const retryAfter = Number(response.headers['retry-after'] ?? Number.NaN);
  const retryAfterMs = retryAfter >= 0 ? retryAfter * 1000 : undefined;
  return { status, text: Buffer.concat(chunks).toString(), retryAfterMs };
}
