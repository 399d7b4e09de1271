// Without a library: the agent's launcher verifies before it loads anything, and another version may bring the library once more.
import { verify } from 'node:crypto';
import { SigningError } from './errors.js';
import { readPublicKey } from './keys.js';

/** At most so many signatures are looked at. */
export const MAX_SIGNATURES = 8;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

interface Parts {
  payloadType: string;
  payload: Buffer;
  signatures: Buffer[];
}

/** What is signed: the type is part of it, so that a statement cannot be passed off as one of another kind. Source: DSSE 1.0, PAE. */
export function signedBytes(type: string, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `, 'utf8'), payload]);
}

/**
 * What one of the trusted keys has signed; undefined when that is no JSON. Its form is for whoever asked to check, as `verifyEnvelope` does.
 * @param text the envelope (DSSE), as it came.
 * @param keys the public keys that are trusted, as `isPublicKey` knows them.
 * @throws SigningError when it is no envelope, of another type, or signed by nobody who is trusted.
 */
export function openEnvelope(text: string, payloadType: string, keys: readonly string[]): unknown {
  const parts = partsOf(parsed(text));
  if (!parts) throw new SigningError('this is no signed statement');
  if (parts.payloadType !== payloadType)
    throw new SigningError(`this is a signed statement of another kind than ${payloadType}`);
  const signed = signedBytes(payloadType, parts.payload);
  const isTrusted = keys.some((key) =>
    parts.signatures.some((signature) => verify(null, signed, readPublicKey(key), signature)),
  );
  if (!isTrusted) throw new SigningError('no key that is trusted here has signed this');
  return parsed(parts.payload.toString('utf8'));
}

function partsOf(value: unknown): Parts | undefined {
  if (!isObject(value) || typeof value['payloadType'] !== 'string' || !Array.isArray(value['signatures']))
    return undefined;
  const payload = bytesOf(value['payload']);
  const signatures = value['signatures'].map((one: unknown) => (isObject(one) ? bytesOf(one['sig']) : undefined));
  if (!payload || signatures.length === 0 || signatures.length > MAX_SIGNATURES) return undefined;
  return signatures.every((one) => one !== undefined)
    ? { payloadType: value['payloadType'], payload, signatures }
    : undefined;
}

function bytesOf(value: unknown): Buffer | undefined {
  return typeof value === 'string' && BASE64.test(value) ? Buffer.from(value, 'base64') : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
