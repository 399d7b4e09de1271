import { decode, encodeUser, fmtCreds, type Permissions, type User } from '@nats-io/jwt';
import { createUser, fromPublic, fromSeed } from '@nats-io/nkeys';

/** Proves to NATS who somebody is: a JWT, and the seed of the key that it names. */
export interface Credentials {
  jwt: string;
  /** `SU…`. Never leaves the machine on which it was made. */
  seed: string;
}

/** The key of an agent: makes proofs without giving its seed away. */
export class AgentKey {
  readonly #pair;

  private constructor(readonly seed: string) {
    this.#pair = fromSeed(Buffer.from(seed));
  }

  /** Makes a new key. */
  static create(): AgentKey {
    return new AgentKey(Buffer.from(createUser().getSeed()).toString());
  }

  /** The key of a seed. Throws when it is none. */
  static from(seed: string): AgentKey {
    return new AgentKey(seed);
  }

  /** `U…`. */
  get publicKey(): string {
    return this.#pair.getPublicKey();
  }

  /** Ed25519 signature of a text, in base64. */
  sign(text: string): string {
    return Buffer.from(this.#pair.sign(Buffer.from(text))).toString('base64');
  }
}

/** Whether the holder of a public NKey has signed this text. A key or signature that is none counts as no. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    return fromPublic(publicKey).verify(Buffer.from(text), Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}

/** Reads the text of a credentials file, as NATS' own tools write it. Throws when it is none. */
export function readCredentials(text: string): Credentials {
  const [jwt, seed] = [...text.matchAll(/-{3,}[^\n]*-{3,}\s+(\S+)\s+-{3,}[^\n]*-{3,}/g)].map((match) => match[1]);
  if (!jwt || !seed) throw new Error('this is no NATS credentials file');
  fromSeed(Buffer.from(seed));
  return { jwt, seed };
}

/** The text of a credentials file. */
export function writeCredentials({ jwt, seed }: Credentials): string {
  return Buffer.from(fmtCreds(jwt, fromSeed(Buffer.from(seed)))).toString();
}

/** When the JWT of credentials was issued and when it ends, milliseconds since 1970; the end is null when it has none. */
export function lifeOf(jwt: string): { issuedAt: number; expiresAt: number | null } {
  const { iat, exp } = decode<User>(jwt);
  return { issuedAt: iat * 1000, expiresAt: exp === undefined ? null : exp * 1000 };
}

/** Who issues users, and for which account. */
export interface Issuer {
  /** Public key of the account. */
  account: string;
  /** Seed of a signing key of the account. */
  signingSeed: string;
}

/**
 * Makes the JWT of a user.
 * @param expiresAt when it ends, milliseconds since 1970; never when it is missing.
 */
export function issueUser(
  issuer: Issuer,
  user: { name: string; publicKey: string; permissions: Permissions; expiresAt?: number },
): Promise<string> {
  const { name, publicKey, permissions, expiresAt } = user;
  return encodeUser(
    name,
    fromPublic(publicKey),
    fromPublic(issuer.account),
    { ...permissions, subs: -1, data: -1, payload: -1 },
    {
      signer: fromSeed(Buffer.from(issuer.signingSeed)),
      ...(expiresAt !== undefined && { exp: Math.floor(expiresAt / 1000) }),
    },
  );
}
