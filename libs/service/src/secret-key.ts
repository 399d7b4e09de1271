import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError, secret } from './config.js';

/** The installation's secret, for services that keep secrets or sign. One of the two must be set. */
export const secretKeyConfig = z.object({
  /** 32 bytes in hexadecimal. */
  LAPWING_SECRET_KEY: secret.optional(),
  /** A file that holds them, which only its owner may read. */
  LAPWING_SECRET_KEY_FILE: z.string().optional(),
});

const HEX = /^[0-9a-f]{64}$/i;
const NONCE = 12;
const TAG = 16;

/**
 * The installation's secret. What it is used for gets a key of its own, derived from it (HKDF-SHA-256, RFC 5869), so that
 * what one use gives away says nothing about the others.
 */
export class SecretKey {
  readonly #root: Buffer;

  /** @param root 32 bytes. */
  constructor(root: Buffer) {
    if (root.length !== 32) throw new Error('the secret key must have 32 bytes');
    this.#root = root;
  }

  /**
   * Reads it from the environment or the file.
   * @throws ConfigError when it is missing, malformed, or readable by others.
   */
  static read(service: string, config: z.output<typeof secretKeyConfig>): SecretKey {
    const { LAPWING_SECRET_KEY: value, LAPWING_SECRET_KEY_FILE: file } = config;
    if (!value && !file)
      throw new ConfigError(
        `${service} cannot start: set LAPWING_SECRET_KEY (64 hexadecimal digits, e.g. from "openssl rand -hex 32") or LAPWING_SECRET_KEY_FILE`,
      );
    const text = value ? value.reveal() : readOwn(service, file ?? '');
    if (!HEX.test(text)) throw new ConfigError(`${service} cannot start: the secret key must be 64 hexadecimal digits`);
    return new SecretKey(Buffer.from(text, 'hex'));
  }

  /** Encrypts (AES-256-GCM); the result holds nonce, text and tag. */
  seal(purpose: string, text: string): Buffer {
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', this.#derive(purpose), nonce);
    return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  }

  /** Decrypts what {@link seal} made for the same purpose. Throws for another key, or when a bit was changed. */
  open(purpose: string, sealed: Buffer): string {
    const decipher = createDecipheriv('aes-256-gcm', this.#derive(purpose), sealed.subarray(0, NONCE), {
      authTagLength: TAG,
    });
    decipher.setAuthTag(sealed.subarray(-TAG));
    return decipher.update(sealed.subarray(NONCE, -TAG), undefined, 'utf8') + decipher.final('utf8');
  }

  /** HMAC-SHA-256 of a text, in hexadecimal. */
  sign(purpose: string, text: string): string {
    return createHmac('sha256', this.#derive(purpose)).update(text).digest('hex');
  }

  #derive(purpose: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#root, '', `lapwing ${purpose}`, 32));
  }
}

function readOwn(service: string, file: string): string {
  let mode: number;
  try {
    ({ mode } = statSync(file));
  } catch {
    throw new ConfigError(`${service} cannot start: there is no file LAPWING_SECRET_KEY_FILE=${file}`);
  }
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw new ConfigError(`${service} cannot start: ${file} may be read by others; make it mode 600`);
  return readFileSync(file, 'utf8').trim();
}
