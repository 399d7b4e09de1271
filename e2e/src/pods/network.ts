import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';

/**
 * A network of a test's own, within this machine: all its addresses are this machine's, and none is of the loopback network, whose
 * addresses services treat in another way. It is part of 198.18.0.0/15, which is for measurements of networks and leads nowhere. Source:
 * RFC 2544, appendix C.2.2; `ip route add local` of ip-route(8). Wants root.
 */
export class OwnNetwork {
  readonly #prefix = `198.${randomInt(18, 20)}.${randomInt(0, 256)}`;
  readonly #addresses = new Map<string, string>();

  private constructor() {
    execFileSync('ip', ['route', 'replace', 'local', `${this.#prefix}.0/24`, 'dev', 'lo']);
  }

  /** Makes one. */
  static open(): OwnNetwork {
    return new OwnNetwork();
  }

  /** The address that something has, for as long as the network is there. */
  addressOf(key: string): string {
    const number = this.#addresses.size + 2;
    if (number > 254 && !this.#addresses.has(key)) throw new Error('the network is full');
    const known = this.#addresses.get(key) ?? `${this.#prefix}.${number}`;
    this.#addresses.set(key, known);
    return known;
  }

  /** Takes it away. */
  close(): void {
    execFileSync('ip', ['route', 'del', 'local', `${this.#prefix}.0/24`, 'dev', 'lo']);
  }
}
