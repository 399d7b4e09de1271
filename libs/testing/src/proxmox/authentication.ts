import { createHmac, timingSafeEqual } from 'node:crypto';
import { nowSeconds } from './units.js';
import { ProxmoxError } from './router.js';

/** The products of Proxmox: Virtual Environment, Backup Server, Mail Gateway. */
export type ProxmoxKind = 'pve' | 'pbs' | 'pmg';

/** Who may ask. */
export interface Credentials {
  user: string;
  password: string;
  /** Secrets by token id, e.g. `pulse-monitor@pam!lapwing`. */
  tokens: Record<string, string>;
}

/** How long a ticket is good, in seconds, as with Proxmox. */
const ticketLife = 7200;

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Lets in by token or ticket, as Proxmox does. */
export class Authentication {
  readonly #prefix: string;

  /** @param key what tickets are signed with; the nodes of a cluster have the same. */
  constructor(
    kind: ProxmoxKind,
    private readonly credentials: Credentials,
    private readonly key: Buffer,
  ) {
    this.#prefix = kind.toUpperCase();
  }

  /** Throws with 401 unless the token or the ticket of these headers is good. */
  check(authorization: string | undefined, cookies: string | undefined): void {
    const scheme = `${this.#prefix}APIToken=`;
    if (authorization?.startsWith(scheme)) {
      this.#checkToken(authorization.slice(scheme.length));
      return;
    }
    const ticket = this.#cookie(cookies ?? '');
    if (ticket === undefined) throw new ProxmoxError(401, 'No ticket');
    if (!this.#isGood(ticket)) throw new ProxmoxError(401, `invalid ${this.#prefix} ticket`);
  }

  /** A ticket for whoever knows the password, or has a ticket that is good. Throws with 401. */
  login(fields: Record<string, string>): Record<string, string> {
    const { username = '', password = '', realm } = fields;
    const user = username.includes('@') ? username : `${username}@${realm ?? 'pam'}`;
    const known = same(user, this.credentials.user);
    if (!known || !(same(password, this.credentials.password) || this.#isGood(password)))
      throw new ProxmoxError(401, 'authentication failure');
    const time = nowSeconds().toString(16).toUpperCase().padStart(8, '0');
    const said = `${this.#prefix}:${user}:${time}`;
    return {
      username: user,
      ticket: `${said}::${this.#sign(said)}`,
      CSRFPreventionToken: `${time}:${this.#sign(`csrf:${said}`)}`,
    };
  }

  #checkToken(text: string): void {
    const [, id = '', secret = ''] = /^([^=:]+![^=:]+)[=:](.*)$/.exec(text) ?? [];
    const separator = this.#prefix === 'PVE' ? '=' : this.#prefix === 'PBS' ? ':' : text[id.length];
    const expected = Object.hasOwn(this.credentials.tokens, id) ? this.credentials.tokens[id] : undefined;
    if (expected === undefined || text[id.length] !== separator)
      throw new ProxmoxError(401, `no such token '${id.split('!')[1] ?? ''}' for user '${id.split('!')[0]}'`);
    if (!same(secret, expected)) throw new ProxmoxError(401, 'invalid token value!');
  }

  #cookie(cookies: string): string | undefined {
    const name = `${this.#prefix}AuthCookie`;
    for (const cookie of cookies.split(';')) {
      const [key = '', ...value] = cookie.trim().split('=');
      if (key === name || key === `__Host-${name}`) return decoded(value.join('='));
    }
    return undefined;
  }

  #isGood(ticket: string): boolean {
    const [said = '', signature = ''] = ticket.split('::');
    const [prefix, user, time = ''] = said.split(':');
    const age = nowSeconds() - Number.parseInt(time, 16);
    return (
      prefix === this.#prefix &&
      user === this.credentials.user &&
      age <= ticketLife &&
      same(signature, this.#sign(said))
    );
  }

  #sign(text: string): string {
    return createHmac('sha256', this.key).update(text).digest('base64');
  }
}
