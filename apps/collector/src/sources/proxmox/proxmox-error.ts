import type { LinkFault } from '@lapwing/contracts';

/** A call to Proxmox failed. The message is fit for people and holds no secret. */
export class ProxmoxError extends Error {
  override readonly name = 'ProxmoxError';

  /** @param isBehind whether it was something behind the endpoint that took too long, or nobody waited any more. */
  constructor(
    readonly kind: Exclude<LinkFault, 'silent'>,
    message: string,
    private readonly isBehind = false,
  ) {
    super(message.slice(0, 500));
  }

  /** Whether another endpoint of the same cluster could do better. */
  get isEndpoints(): boolean {
    return !this.isBehind && ['certificate', 'unreachable', 'timeout', 'answer'].includes(this.kind);
  }
}

const CERTIFICATE = /CERT|SIGNATURE|SELF_SIGNED|UNABLE_TO_|ALTNAME/;

/**
 * What an error of the connection means.
 * @param about whether the call is about something behind the endpoint, and whether it was ended from outside: then it says nothing about the
 * endpoint that it took too long.
 */
export function connectionFault(
  error: unknown,
  host: string,
  about: { isBehind: boolean; isEnded: boolean },
): ProxmoxError {
  const late = (): ProxmoxError =>
    new ProxmoxError('timeout', `${host} takes too long to answer`, about.isBehind || about.isEnded);
  const { code, message, name, cause } = error as {
    code?: unknown;
    message?: unknown;
    name?: unknown;
    cause?: unknown;
  };
  const text = typeof message === 'string' ? message : 'it failed';
  const of = typeof code === 'string' ? code : '';
  if (name === 'OutgoingError') {
    if (text.includes('too long')) return late();
    if (text.includes('certificate')) return new ProxmoxError('certificate', `${host}: ${text}`);
    return new ProxmoxError(/redirects|too much/.test(text) ? 'answer' : 'unreachable', `${host}: ${text}`);
  }
  if (cause instanceof Error && cause.name === 'OutgoingError') return connectionFault(cause, host, about);
  if (CERTIFICATE.test(of)) return new ProxmoxError('certificate', `the certificate of ${host} is not trusted (${of})`);
  if (about.isEnded || name === 'AbortError') return late();
  if (of.includes('TIMEOUT')) return new ProxmoxError('timeout', `${host} takes too long to answer`);
  return new ProxmoxError('unreachable', `${host} cannot be reached${of && ` (${of})`}`);
}

/** What the status of an answer means; undefined for a good one. */
export function statusFault(status: number, host: string, path: string): ProxmoxError | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status === 401) return new ProxmoxError('auth', `${host} does not accept the credentials`);
  if (status === 403) return new ProxmoxError('permission', `the permissions do not suffice for ${path}`);
  if (status === 404 || status === 501) return new ProxmoxError('missing', `${host} has no ${path}`);
  if (status === 595 || status === 596) return new ProxmoxError('remote', `${host} does not reach the node of ${path}`);
  if (status === 502 || status === 503 || status === 504)
    return new ProxmoxError('unreachable', `${host} answers ${status}`);
  return new ProxmoxError('remote', `${host} answers ${status} for ${path}`);
}
