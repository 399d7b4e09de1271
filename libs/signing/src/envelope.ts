import { sign, verify } from 'node:crypto';
import { z } from 'zod';
import { SigningError } from './errors.js';
import { keyIdOf, publicKeyOf, readPrivateKey, readPublicKey } from './keys.js';

/** At most so many signatures are looked at. */
const MAX_SIGNATURES = 8;

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

/** What is signed: the type is part of it, so that a statement cannot be passed off as one of another kind. Source: DSSE 1.0, PAE. */
function signedBytes(type: string, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `, 'utf8'), payload]);
}

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
  const envelope = envelopeSchema.safeParse(parsed(text));
  if (!envelope.success) throw new SigningError('this is no signed statement');
  const { payload, signatures } = envelope.data;
  if (envelope.data.payloadType !== payloadType)
    throw new SigningError(`this is a signed statement of another kind than ${payloadType}`);
  const bytes = Buffer.from(payload, 'base64');
  const signed = signedBytes(payloadType, bytes);
  const isTrusted = keys.some((key) =>
    signatures.some(({ sig }) => verify(null, signed, readPublicKey(key), Buffer.from(sig, 'base64'))),
  );
  if (!isTrusted) throw new SigningError('no key that is trusted here has signed this');
  const statement = schema.safeParse(parsed(bytes.toString('utf8')));
  if (!statement.success)
    throw new SigningError(`the signed statement is malformed: ${z.prettifyError(statement.error)}`);
  return statement.data;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
