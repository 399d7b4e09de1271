import { sign } from 'node:crypto';
import { z } from 'zod';
import { SigningError } from './errors.js';
import { keyIdOf, publicKeyOf, readPrivateKey } from './keys.js';
import { MAX_SIGNATURES, openEnvelope, signedBytes } from './open.js';

/** A signed statement on disk or on the wire. Source: DSSE 1.0 (Dead Simple Signing Envelope), JSON form. */
export const envelopeSchema = z.object({
  payloadType: z.string().max(200),
  /** The statement, base64. */
  payload: z.base64(),
  signatures: z
    .array(z.object({ keyid: z.string().max(64), sig: z.base64().max(200) }))
    .min(1)
    .max(MAX_SIGNATURES),
});
/** See {@link envelopeSchema}. */
export type Envelope = z.infer<typeof envelopeSchema>;

/**
 * Signs a statement.
 * @param payloadType what it is, e.g. `application/vnd.lapwing.feed+json`.
 * @param statement becomes JSON.
 * @param privateKeys Ed25519 in PEM; several while keys are changed.
 */
export function signEnvelope(payloadType: string, statement: unknown, privateKeys: readonly string[]): Envelope {
  const payload = Buffer.from(JSON.stringify(statement), 'utf8');
  const signatures = privateKeys.map((pem) => ({
    keyid: keyIdOf(publicKeyOf(pem)),
    sig: sign(null, signedBytes(payloadType, payload), readPrivateKey(pem)).toString('base64'),
  }));
  return { payloadType, payload: payload.toString('base64'), signatures };
}

/**
 * Reads a statement that one of the trusted keys has signed. Nothing of it is looked at before its signature was verified.
 * @param text the envelope, as it came.
 * @param keys the public keys that are trusted, as `isPublicKey` knows them.
 * @throws SigningError when it is no envelope, of another type, signed by nobody who is trusted, or not of this form.
 */
export function verifyEnvelope<S extends z.ZodType>(
  text: string,
  payloadType: string,
  schema: S,
  keys: readonly string[],
): z.output<S> {
  const statement = schema.safeParse(openEnvelope(text, payloadType, keys));
  if (!statement.success)
    throw new SigningError(`the signed statement is malformed: ${z.prettifyError(statement.error)}`);
  return statement.data;
}
