import { createHash } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { ConnectionError, OutgoingError, sayable } from './errors.js';
import { checkUrl, guardedLookup } from './lookup.js';
import type { OutgoingOptions } from './outgoing.js';

export { ConnectionError } from './errors.js';

/** Whoever answers so is busy or away for now. */
const PASSING = new Set([429, 502, 503, 504]);

/** What was fetched. */
export interface FetchedFile {
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
}

/** See {@link fetchFile}. */
export interface FetchOptions extends OutgoingOptions {
  headers?: Record<string, string>;
  /** Gives it up. */
  signal?: AbortSignal | undefined;
}

/**
 * Fetches a URL into a file past the same guard as `outgoing`, with Node's own client, for agents as `postJson` is: it never holds more than
 * a piece of it in memory. When it returns the file is on the disk; when it throws there is none.
 * @param file is made anew.
 * @throws OutgoingError when it may not be asked, the connection fails, the disk takes no more, or the answer is no 200, too large, too late or a
 * redirect; `ConnectionError` among them when it may go well another time.
 */
export async function fetchFile(url: string, file: string, options: FetchOptions): Promise<FetchedFile> {
  const target = new URL(url);
  checkUrl(target, options);
  const handle = await onDisk(open(file, 'w', 0o600));
  try {
    const fetched = await received(target, handle, options);
    await onDisk(handle.sync());
    await handle.close();
    return fetched;
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(file, { force: true });
    throw sayable(error);
  }
}

/** What the disk refuses is no fault of the connection. */
async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new OutgoingError(`the disk does not take the file (${(error as NodeJS.ErrnoException).code})`);
  }
}

function received(target: URL, handle: FileHandle, options: FetchOptions): Promise<FetchedFile> {
  const call = {
    method: 'GET',
    lookup: guardedLookup(options.reach),
    headers: options.headers ?? {},
    signal: options.signal,
  };
  return new Promise((resolve, reject) => {
    const request = target.protocol === 'https:' ? httpsRequest(target, call) : httpRequest(target, call);
    const timer = setTimeout(() => request.destroy(new OutgoingError('the server takes too long')), options.deadlineMs);
    request.on('close', () => clearTimeout(timer));
    request.on('error', reject);
    request.on('response', (response) => {
      written(response, handle, options.maxBytes).then(resolve, (error: Error) => {
        request.destroy();
        reject(error);
      });
    });
    request.end();
  });
}

async function written(response: IncomingMessage, handle: FileHandle, maxBytes: number): Promise<FetchedFile> {
  const { statusCode: status = 0 } = response;
  if (status >= 300 && status < 400) throw new OutgoingError('the server redirects elsewhere');
  if (PASSING.has(status)) throw new ConnectionError(`the server is busy or away (status ${status})`);
  if (status !== 200) throw new OutgoingError(`the server answered with the status ${status}`);
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new OutgoingError('the server answers too much');
    hash.update(chunk);
    await onDisk(handle.writeFile(chunk));
  }
  return { bytes, sha256: hash.digest('hex') };
}
