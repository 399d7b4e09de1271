import { encodeUser, fmtCreds, type Permissions } from '@nats-io/jwt';
import { createUser, fromPublic, fromSeed } from '@nats-io/nkeys';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';

/** What stands before 32 bytes of an Ed25519 key in DER. Source: RFC 8410. */
const PRIVATE_KEY = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_KEY = Buffer.from('302a300506032b6570032100', 'hex');
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * The 32 bytes of an NKey, for the system's own Ed25519: that of the NATS client is JavaScript and takes a hundred times as long, while nothing else
 * can run. Source: NATS' strkey encoding (base32 of prefix, key and checksum).
 * @param prefix bytes before the key: 1 for a public key, 2 for a seed.
 */
function rawKey(text: string, prefix: number): Buffer {
  let bits = 0n;
  for (const letter of text) bits = (bits << 5n) | BigInt(BASE32.indexOf(letter));
  const length = Math.floor((text.length * 5) / 8);
  bits >>= BigInt(text.length * 5 - length * 8);
  return Buffer.from(bits.toString(16).padStart(length * 2, '0'), 'hex').subarray(prefix, prefix + 32);
}

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
    const key = { key: Buffer.concat([PRIVATE_KEY, rawKey(this.seed, 2)]), format: 'der', type: 'pkcs8' } as const;
    return sign(null, Buffer.from(text), createPrivateKey(key)).toString('base64');
  }
}

/** Whether the holder of a public NKey has signed this text. A key or signature that is none counts as no. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    fromPublic(publicKey);
    const key = { key: Buffer.concat([PUBLIC_KEY, rawKey(publicKey, 1)]), format: 'der', type: 'spki' } as const;
    return verify(null, Buffer.from(text), createPublicKey(key), Buffer.from(signature, 'base64'));
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

/**
 * When the JWT of credentials was issued and when it ends, milliseconds since 1970; the end is null when it has none. Whether it is genuine is for NATS to
 * say.
 */
export function lifeOf(jwt: string): { issuedAt: number; expiresAt: number | null } {
  const claims = Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString();
  const { iat, exp } = JSON.parse(claims) as { iat: number; exp?: number };
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
