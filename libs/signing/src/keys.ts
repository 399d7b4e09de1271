import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SigningError } from './errors.js';

const PREFIX = 'ed25519:';
const FORM = /^ed25519:[A-Za-z0-9+/]{43}=$/;
/** What stands before the 32 bytes of a key in its SubjectPublicKeyInfo. Source: RFC 8410. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** Whether a text is a public key as Lapwing writes it: `ed25519:` and 32 bytes in base64. */
export function isPublicKey(text: string): boolean {
  return FORM.test(text);
}

/** A public key that can verify. Throws `SigningError` for a text that is none. */
export function readPublicKey(text: string): KeyObject {
  if (!isPublicKey(text)) throw new SigningError('a public key must be "ed25519:" and 32 bytes in base64');
  const raw = Buffer.from(text.slice(PREFIX.length), 'base64');
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
}

/** A private key that can sign, out of PEM (PKCS #8). Throws `SigningError` for anything else. */
export function readPrivateKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // told below, without what was given
  }
  throw new SigningError('the private key must be an Ed25519 key in PEM');
}

/** The public half of a private key in PEM, as {@link isPublicKey} knows it. */
export function publicKeyOf(pem: string): string {
  return written(createPublicKey(readPrivateKey(pem)));
}

/** Names a key: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes. A hint only; nobody is trusted for it. */
export function keyIdOf(publicKey: string): string {
  const raw = Buffer.from(publicKey.slice(PREFIX.length), 'base64');
  return createHash('sha256').update(raw).digest('hex').slice(0, 16);
}

/** Makes a pair of keys (Ed25519, RFC 8032): the private one in PEM, the public one in one line. */
export function makeKeys(): { privateKey: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), publicKey: written(publicKey) };
}

function written(key: KeyObject): string {
  const spki = key.export({ type: 'spki', format: 'der' });
  return PREFIX + spki.subarray(SPKI.length).toString('base64');
}
