import {
  LICENSE_KEY_BYTES,
  LICENSE_STATEMENT,
  licenseKeyOf,
  normalLicenseKey,
  type LicenseStatement,
} from '@lapwing/contracts';
import { SigningError, publicKeyOf, signEnvelope, type Envelope } from '@lapwing/signing';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { CliError } from './errors.js';
import { readText, refuseOpenFile } from './files.js';

/** A licence in a file, with what is known of it besides. */
export interface SignedLicense {
  envelope: Envelope;
  statement: LicenseStatement;
  licenseKey: string;
  /** Whoever believes the file must trust this one. */
  publicKey: string;
}

/**
 * Signs a licence.
 * @param licenseKey made here when it is missing.
 * @throws CliError for a private key that is none, or that others may read.
 */
export function signLicense(draft: {
  keyFile: string;
  email: string;
  updatesExpireAt: string;
  licenseKey?: string | undefined;
}): SignedLicense {
  const privateKey = readPrivate(draft.keyFile);
  const licenseKey = normalLicenseKey(draft.licenseKey ?? licenseKeyOf(randomBytes(LICENSE_KEY_BYTES)));
  const statement: LicenseStatement = {
    schema: 1,
    id: randomUUID(),
    email: draft.email,
    keyHash: createHash('sha3-256').update(licenseKey).digest('hex'),
    updatesExpireAt: draft.updatesExpireAt,
    issuedAt: new Date().toISOString(),
  };
  try {
    const envelope = signEnvelope(LICENSE_STATEMENT, statement, [privateKey]);
    return { envelope, statement, licenseKey, publicKey: publicKeyOf(privateKey) };
  } catch (error) {
    if (error instanceof SigningError) throw new CliError('usage', `${draft.keyFile}: ${error.message}`);
    throw error;
  }
}

function readPrivate(file: string): string {
  const text = readText(file);
  refuseOpenFile(file);
  return text;
}
