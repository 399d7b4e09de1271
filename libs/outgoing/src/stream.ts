import { Agent, request } from 'undici';
import { Deadline } from './deadline.js';
import { ConnectionError, OutgoingError, sayable } from './errors.js';
import { checkUrl, guardedLookup } from './lookup.js';
import type { OutgoingOptions } from './outgoing.js';

/** See {@link fetchStream}. */
export interface StreamOptions extends OutgoingOptions {
  /** Bytes of the file that are there already. */
  from?: number;
  /** Gives up when so long nothing has come, milliseconds. */
  idleMs: number;
  /** Gives up when it ends. */
  signal?: AbortSignal;
}

/** A file as it comes. */
export interface StreamAnswer {
  /** Where what comes begins in the file: 0 when the server does not resume. */
  from: number;
  /** Bytes of the whole file, where the server says so. */
  size: number | undefined;
  /** What comes; throws as {@link fetchStream} does. Must be read to its end or left. */
  chunks: AsyncIterable<Buffer>;
  /** Ends the connection; for whoever does not read what comes. */
  close: () => void;
}

/**
 * Fetches a file past the guard, piece by piece: allowed addresses only, no redirects, bounded in time and size.
 * @throws OutgoingError when it may not be sent, or the answer is none that can be used; ConnectionError when it may go well later.
 */
export async function fetchStream(url: string, options: StreamOptions): Promise<StreamAnswer> {
  checkUrl(new URL(url), options);
  const { from = 0, idleMs, deadlineMs, maxBytes, reach, signal } = options;
  const deadline = new Deadline(deadlineMs, signal);
  const agent = new Agent({
    connect: { timeout: idleMs, lookup: guardedLookup(reach) },
    headersTimeout: idleMs,
    bodyTimeout: idleMs,
    maxResponseSize: maxBytes,
  });
  const end = (): void => {
    deadline.clear();
    agent.destroy().catch(() => {});
  };
  try {
    const headers = from > 0 ? { range: `bytes=${from}-` } : {};
    const {
      statusCode,
      headers: said,
      body,
    } = await request(url, { dispatcher: agent, headers, signal: deadline.signal });
    const place = placeOf(statusCode, said, from);
    return { ...place, chunks: pieces(body, deadline, end), close: () => closed(body, end) };
  } catch (error) {
    end();
    throw told(error, deadline);
  }
}

/** What still comes is nobody's any more. */
function closed(
  body: { destroy(): unknown; on(event: 'error', listener: () => void): unknown },
  end: () => void,
): void {
  body.on('error', () => {});
  body.destroy();
  end();
}

function placeOf(
  status: number,
  headers: Record<string, string | string[] | undefined>,
  from: number,
): { from: number; size: number | undefined } {
  if (status === 200) return { from: 0, size: numberOf(headers['content-length']) };
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(String(headers['content-range'] ?? ''));
  if (status === 206 && from > 0 && Number(range?.[1]) === from) return { from, size: numberOf(range?.[2]) };
  if (status >= 300 && status < 400) throw new OutgoingError('the server redirects elsewhere');
  const message = `the server answers with status ${status}`;
  throw status >= 500 || status === 429 ? new ConnectionError(message) : new OutgoingError(message);
}

function numberOf(text: string | string[] | undefined): number | undefined {
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

async function* pieces(body: AsyncIterable<Buffer>, deadline: Deadline, end: () => void): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw told(error, deadline);
  } finally {
    end();
  }
}

function told(error: unknown, deadline: Deadline): OutgoingError {
  if (deadline.isOver) return new ConnectionError('the server takes too long');
  const { code } = error as { code?: unknown };
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return new OutgoingError('the server answers too much');
  if (code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_CONNECT_TIMEOUT')
    return new ConnectionError('the server takes too long');
  return sayable(error);
}
