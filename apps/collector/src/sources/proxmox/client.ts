import type { NodeSecret, NodeType } from '@lapwing/contracts';
import { OutgoingSession, type CertificateCheck } from '@lapwing/outgoing';
import { admits, closed, failed, type Breaker } from '../../domain/breaker.js';
import { ProxmoxError, connectionFault, statusFault } from './proxmox-error.js';
import { record } from './values.js';

/** Whom a client asks, and as whom. */
export interface ClientOptions {
  type: NodeType;
  /** `https://host:port`. */
  host: string;
  user: string;
  tokenName: string;
  secret: NodeSecret;
  certificate: CertificateCheck;
  /** How long an answer may take, where a call says nothing else; it may change while the client lives. */
  deadlineMs?: () => number;
}

/** One more way into a cluster. */
export interface Entrance {
  host: string;
  /** Its own certificate, as the cluster tells it. */
  fingerprint?: string;
}

/** How a call may go. */
export interface CallOptions {
  deadlineMs?: number;
  signal?: AbortSignal;
}

interface Endpoint {
  host: string;
  session: OutgoingSession;
  breaker: Breaker;
  /** By the monotonic clock. */
  triedAt: number;
  lastSeenAt: number | null;
  fault: ProxmoxError | undefined;
  fingerprint: string | undefined;
}

const DEADLINE_MS = 5000;
const PROBE_MS = 3000;
const RETRY_MS = 4000;
const MAX_BYTES = 2 ** 24;
const CONNECTIONS = 6;
/** Proxmox's tickets are good for two hours. */
const TICKET_MS = 5_400_000;
const MAX_ENDPOINTS = 64;

const NAMES: Record<NodeType, { token: string; separator: string; cookie: string }> = {
  pve: { token: 'PVEAPIToken', separator: '=', cookie: 'PVEAuthCookie' },
  pbs: { token: 'PBSAPIToken', separator: ':', cookie: 'PBSAuthCookie' },
  pmg: { token: 'PMGAPIToken', separator: '=', cookie: 'PMGAuthCookie' },
};

/**
 * Asks a Proxmox server, or a cluster of them: when an endpoint does not answer, the next is asked within the same call, and the one that
 * failed is left alone for a while. What an endpoint answers about the things behind it, good or bad, does not count against it.
 */
export class ProxmoxClient {
  #endpoints: Endpoint[];
  #ticket: { value: Promise<string>; at: number } | undefined;

  constructor(private readonly options: ClientOptions) {
    this.#endpoints = [this.#endpoint({ host: options.host })];
  }

  /** When the first of the endpoints' certificates ends, milliseconds since 1970; undefined when none was seen. */
  get certificateEndsAt(): number | undefined {
    const ends = this.#endpoints.flatMap(({ session }) => session.certificateEndsAt ?? []);
    return ends.length > 0 ? Math.min(...ends) : undefined;
  }

  /** How the endpoints are, the configured one first. */
  endpoints(): { host: string; lastSeenAt: number | null; usable: boolean; fingerprint: string | undefined }[] {
    const now = performance.now();
    return this.#endpoints.map(({ host, lastSeenAt, breaker, fingerprint }) => ({
      host,
      lastSeenAt,
      usable: breaker.failures === 0 && admits(breaker, now),
      fingerprint,
    }));
  }

  /** Says which other ways there are; the configured one stays, and so does what is known of the others. */
  setEntrances(entrances: Entrance[]): void {
    const [first, ...others] = this.#endpoints;
    if (!first) return;
    const wanted = entrances.filter(({ host }) => host !== first.host).slice(0, MAX_ENDPOINTS);
    const kept = wanted.map((entrance) => {
      const same = others.find(({ host }) => host === entrance.host);
      // A certificate that could not be told this time is the one that was told before.
      const isSame = same && (entrance.fingerprint === undefined || same.fingerprint === entrance.fingerprint);
      return isSame ? same : this.#endpoint(entrance);
    });
    for (const gone of others.filter((endpoint) => !kept.includes(endpoint))) void gone.session.close();
    this.#endpoints = [first, ...kept];
  }

  /**
   * What stands under `data` at a path below `/api2/json/`.
   * @throws ProxmoxError
   */
  async get(path: string, { deadlineMs = this.#deadlineMs(), signal }: CallOptions = {}): Promise<unknown> {
    const call = { deadlineMs, ...(signal && { signal }) };
    try {
      return await this.#try(path, { ...call, headers: await this.#credentials(call) });
    } catch (error) {
      const isStale = error instanceof ProxmoxError && error.kind === 'auth' && this.#ticket !== undefined;
      if (!isStale) throw error;
      this.#ticket = undefined;
      return this.#try(path, { ...call, headers: await this.#credentials(call) });
    }
  }

  /** Looks at endpoints that failed, one after the other, so that they are known to work again before they are needed. */
  async probe(signal: AbortSignal): Promise<void> {
    const headers = await this.#credentials({ deadlineMs: this.#deadlineMs(), signal });
    for (const endpoint of this.#endpoints.filter(({ breaker }) => breaker.failures > 0)) {
      if (signal.aborted) return;
      await this.#ask(endpoint, 'version', { deadlineMs: PROBE_MS, signal, headers }).catch(() => {});
    }
  }

  #deadlineMs(): number {
    return this.options.deadlineMs?.() ?? DEADLINE_MS;
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all(this.#endpoints.map(({ session }) => session.close()));
  }

  #endpoint({ host, fingerprint }: Entrance): Endpoint {
    const { certificate } = this.options;
    // Whoever pinned one certificate trusts the others of the cluster as that one's owner names them.
    const isChecked = certificate.verify || certificate.fingerprint !== undefined;
    const own = isChecked && fingerprint !== undefined ? { verify: true, fingerprint } : certificate;
    const session = new OutgoingSession({
      reach: 'private',
      http: false,
      maxBytes: MAX_BYTES,
      connections: CONNECTIONS,
      connectMs: 3000,
      certificate: own,
    });
    return {
      host,
      session,
      breaker: closed,
      triedAt: Number.NEGATIVE_INFINITY,
      lastSeenAt: null,
      fault: undefined,
      fingerprint,
    };
  }

  async #credentials(call: { deadlineMs: number; signal?: AbortSignal }): Promise<Record<string, string>> {
    const { type, tokenName, secret } = this.options;
    const { token, separator, cookie } = NAMES[type];
    if (secret.tokenValue !== '') return { authorization: `${token}=${tokenName}${separator}${secret.tokenValue}` };
    const now = Date.now();
    if (!this.#ticket || now - this.#ticket.at > TICKET_MS) {
      const ticket = { value: this.#login(call), at: now };
      this.#ticket = ticket;
      ticket.value.catch(() => {
        if (this.#ticket === ticket) this.#ticket = undefined;
      });
    }
    return { cookie: `${cookie}=${encodeURIComponent(await this.#ticket.value)}` };
  }

  async #login(call: { deadlineMs: number; signal?: AbortSignal }): Promise<string> {
    const { user, secret } = this.options;
    const body = new URLSearchParams({ username: user, password: secret.password }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { ticket, NeedTFA } = record(await this.#try('access/ticket', { ...call, method: 'POST', headers, body }));
    if (NeedTFA) throw new ProxmoxError('auth', `${user} has a second factor: use an API token`);
    if (typeof ticket !== 'string' || /[\s;]/.test(ticket))
      throw new ProxmoxError('auth', 'the server gives no ticket');
    return ticket;
  }

  async #try(path: string, call: Parameters<OutgoingSession['ask']>[1]): Promise<unknown> {
    let fault: ProxmoxError | undefined;
    const tried = new Set<Endpoint>();
    for (let next = this.#choose(tried); next !== undefined; next = this.#choose(tried)) {
      tried.add(next);
      try {
        return await this.#ask(next, path, call);
      } catch (error) {
        if (!(error instanceof ProxmoxError) || !error.isEndpoints || call.signal?.aborted) throw error;
        // The first is of the endpoint that is asked first: what people configured, as a rule.
        fault ??= error;
      }
    }
    throw (
      fault ?? this.#endpoints[0]?.fault ?? new ProxmoxError('unreachable', `${this.options.host} cannot be reached`)
    );
  }

  /**
   * The first that works, as far as is known; then those that may be tried again. Where no breaker lets anything through, one attempt every
   * few seconds is better than none: otherwise a fault of a second would look like an outage of half a minute.
   */
  #choose(tried: Set<Endpoint>): Endpoint | undefined {
    const now = performance.now();
    const left = this.#endpoints.filter((endpoint) => !tried.has(endpoint));
    const open = left.filter(({ breaker }) => admits(breaker, now));
    const works = open.find(({ breaker }) => breaker.failures === 0) ?? open[0];
    return works ?? left.find(({ triedAt }) => now - triedAt > RETRY_MS);
  }

  async #ask(endpoint: Endpoint, path: string, call: Parameters<OutgoingSession['ask']>[1]): Promise<unknown> {
    endpoint.triedAt = performance.now();
    const name = endpoint.host.replace(/^https:\/\//, '');
    try {
      const { status, text } = await endpoint.session
        .ask(`${endpoint.host}/api2/json/${path}`, call)
        .catch((error: unknown) => {
          throw connectionFault(error, name, {
            isBehind: path.startsWith('nodes/'),
            isEnded: call.signal?.aborted === true,
          });
        });
      const refusal = statusFault(status, name, path.replace(/\?.*/, ''));
      if (refusal) throw describedBy(refusal, text);
      const data = dataOf(text, name);
      Object.assign(endpoint, { breaker: closed, lastSeenAt: Date.now(), fault: undefined });
      return data;
    } catch (error) {
      const isEndpoints = error instanceof ProxmoxError && error.isEndpoints;
      if (isEndpoints) Object.assign(endpoint, { breaker: failed(endpoint.breaker, performance.now()), fault: error });
      else Object.assign(endpoint, { breaker: closed, lastSeenAt: Date.now(), fault: undefined });
      throw error;
    }
  }
}

function dataOf(text: string, host: string): unknown {
  try {
    const body = record(JSON.parse(text));
    if ('data' in body) return body['data'];
  } catch {
    // told below
  }
  throw new ProxmoxError('answer', `${host} answers something that is not Proxmox's JSON`);
}

/** Proxmox tells in `message` what failed inside a node or guest. */
function describedBy(refusal: ProxmoxError, text: string): ProxmoxError {
  if (refusal.kind !== 'remote') return refusal;
  try {
    const { message } = record(JSON.parse(text));
    if (typeof message === 'string' && message.trim() !== '')
      return new ProxmoxError('remote', message.replace(/\s+/g, ' ').trim());
  } catch {
    // no JSON: the status alone has to do
  }
  return refusal;
}
