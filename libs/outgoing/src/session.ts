import { TLSSocket, rootCertificates } from 'node:tls';
import { Agent, buildConnector, request, type Dispatcher } from 'undici';
import { Deadline } from './deadline.js';
import { OutgoingError } from './errors.js';
import { checkUrl, guardedLookup } from './lookup.js';
import type { OutgoingOptions } from './outgoing.js';
import { inRequestSpan } from './span.js';

/** How the certificate of a server is checked. */
export interface CertificateCheck {
  /** SHA-256 of the one certificate that is accepted, upper-case hexadecimal with colons; nothing else is looked at then. */
  fingerprint?: string;
  /** Authorities beside those of the system, PEM. */
  ca?: string;
  /** Whether the certificate must be of a known authority and for this host. Off only where the operator says so. */
  verify: boolean;
}

/** See {@link OutgoingSession}. */
export interface SessionOptions extends Omit<OutgoingOptions, 'deadlineMs'> {
  certificate: CertificateCheck;
  /** Connections to one server at most; they are kept open and used again. */
  connections: number;
  /** A connection must be there after so long. */
  connectMs: number;
}

/** What is asked of a server. */
export interface SessionCall {
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  /** The answer must be complete after so long. */
  deadlineMs: number;
  /** Ends the call before that. */
  signal?: AbortSignal;
}

/** What a server answered. */
export interface SessionAnswer {
  status: number;
  text: string;
}

/**
 * Connections to servers that are asked again and again, past the same guard as `outgoing`: allowed addresses only, no redirects, bounded in
 * time and size, and with certificates that are checked as the operator wants it.
 */
export class OutgoingSession {
  readonly #agent: Agent;
  #certificateEndsAt: number | undefined;

  constructor(private readonly options: SessionOptions) {
    const { certificate, connections, connectMs, maxBytes } = options;
    this.#agent = new Agent({
      connections,
      pipelining: 1,
      keepAliveTimeout: 60_000,
      maxResponseSize: maxBytes,
      connect: connector(certificate, connectMs, options, (endsAt) => (this.#certificateEndsAt = endsAt)),
    });
  }

  /** When the certificate ends that was shown last and accepted, milliseconds since 1970; undefined before the first connection. */
  get certificateEndsAt(): number | undefined {
    return this.#certificateEndsAt;
  }

  /**
   * Asks.
   * @throws OutgoingError when it may not be sent, or the answer is a redirect, too large or too late, or the certificate is not accepted;
   * Node's errors of the connection.
   */
  async ask(url: string, call: SessionCall): Promise<SessionAnswer> {
    const target = new URL(url);
    checkUrl(target, this.options);
    const { method = 'GET', headers = {}, body, deadlineMs } = call;
    const deadline = new Deadline(deadlineMs, call.signal);
    try {
      const { signal } = deadline;
      return await inRequestSpan(target, method, async () => {
        const response = await request(url, { method, headers, body: body ?? null, dispatcher: this.#agent, signal });
        return { status: this.#accepted(response), text: await response.body.text() };
      });
    } catch (error) {
      if (deadline.isOver) throw new OutgoingError('the server takes too long');
      if ((error as { code?: unknown }).code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE')
        throw new OutgoingError('the server answers too much');
      throw error;
    } finally {
      deadline.clear();
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #accepted({ statusCode, body }: Dispatcher.ResponseData): number {
    if (statusCode < 300 || statusCode >= 400) return statusCode;
    body.on('error', () => {}).destroy();
    throw new OutgoingError('the server redirects elsewhere');
  }
}

function connector(
  check: CertificateCheck,
  timeout: number,
  options: SessionOptions,
  seen: (certificateEndsAt: number) => void,
): buildConnector.connector {
  const { fingerprint, ca, verify } = check;
  const connect = buildConnector({
    timeout,
    lookup: guardedLookup(options.reach),
    rejectUnauthorized: verify && fingerprint === undefined,
    ...(ca !== undefined && { ca: [...rootCertificates, ca] }),
    // A session of before says nothing about the certificate that is shown now.
    maxCachedSessions: 0,
  });
  return (target, callback) =>
    connect(target, (...outcome) => {
      const [error, socket] = outcome;
      if (error || !(socket instanceof TLSSocket)) return callback(...outcome);
      const { fingerprint256: shown, valid_to: end } = socket.getPeerCertificate();
      if (fingerprint === undefined || shown === fingerprint) {
        const endsAt = Date.parse(end);
        if (Number.isFinite(endsAt)) seen(endsAt);
        return callback(null, socket);
      }
      socket.destroy();
      callback(
        new OutgoingError(`the certificate has the fingerprint ${shown}, not the one that was configured`),
        null,
      );
    });
}

/**
 * The fingerprint of the certificate that a server shows, whatever it is worth: SHA-256, upper-case hexadecimal with colons. Nothing is sent.
 * @param url `https://host:port`.
 */
export async function certificateFingerprint(
  url: string,
  { reach, timeoutMs }: { reach: SessionOptions['reach']; timeoutMs: number },
): Promise<string> {
  const { hostname, port } = new URL(url);
  checkUrl(new URL(url), { reach, http: false });
  const host = hostname.replace(/^\[|\]$/g, '');
  const connect = buildConnector({ timeout: timeoutMs, lookup: guardedLookup(reach), rejectUnauthorized: false });
  return new Promise((resolve, reject) => {
    const target = { hostname: host, host, protocol: 'https:', port: port || '443' };
    connect(target, (error, socket) => {
      if (error || !socket) return reject(error ?? new OutgoingError('no connection'));
      const { fingerprint256 } = (socket as TLSSocket).getPeerCertificate();
      socket.destroy();
      resolve(fingerprint256);
    });
  });
}
