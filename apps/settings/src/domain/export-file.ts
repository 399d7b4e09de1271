import { LapwingError, MAX_EXPORT_LENGTH } from '@lapwing/contracts';
import { createCipheriv, createDecipheriv, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';

/** The version of the format that is written, and the only one that is read. */
export const FORMAT_VERSION = 1;
const FORMAT = 'lapwing-configuration';
/** RFC 7914: 32 MiB of memory, about a tenth of a second. */
const KDF = { N: 2 ** 15, r: 8, p: 1 } as const;
/** What a file may ask for: whoever brings one must not choose how much memory and time it takes. */
const ALLOWED_N = [2 ** 14, 2 ** 15, 2 ** 16];
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAX_HEADER = 1024;
/** How much a configuration may be when it is unpacked, in bytes. */
export const MAX_PLAIN = 2 ** 24;
const NEWLINE = 10;

const base64 = (bytes: number) =>
  z.base64().refine((text) => Buffer.from(text, 'base64').length === bytes, `${bytes} bytes in base64`);
const Header = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(FORMAT_VERSION),
  kdf: z.strictObject({
    name: z.literal('scrypt'),
    N: z.int().refine((n) => ALLOWED_N.includes(n), `one of ${ALLOWED_N.join(', ')}`),
    r: z.literal(KDF.r),
    p: z.literal(KDF.p),
    salt: base64(SALT_BYTES),
  }),
  cipher: z.literal('aes-256-gcm'),
  nonce: base64(NONCE_BYTES),
  compression: z.literal('gzip'),
});
type Header = z.infer<typeof Header>;

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt);
const pack = promisify<Buffer, Buffer>(gzip);
const unpack = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip);

const unreadable = (message: string, details = {}): LapwingError =>
  new LapwingError('EXPORT_UNREADABLE', `${message}; nothing was changed`, details);

/**
 * Encrypts a configuration with a pass phrase: a header in JSON, a line feed, and what AES-256-GCM makes of the packed text with the header as
 * additional data, all of it in base64. The key is scrypt's (RFC 7914).
 * @param random 16 bytes of salt and 12 of nonce that were never used before.
 * @throws LapwingError `TOO_LARGE` beyond {@link MAX_PLAIN} bytes, or when the text would be longer than an import may be.
 */
export async function sealFile(
  passphrase: string,
  plain: Buffer,
  random: { salt: Buffer; nonce: Buffer },
): Promise<string> {
  if (plain.length > MAX_PLAIN) throw tooLarge();
  const header: Header = {
    format: FORMAT,
    version: FORMAT_VERSION,
    kdf: { name: 'scrypt', ...KDF, salt: random.salt.toString('base64') },
    cipher: 'aes-256-gcm',
    nonce: random.nonce.toString('base64'),
    compression: 'gzip',
  };
  const head = Buffer.from(`${JSON.stringify(header)}\n`);
  const packed = await pack(plain);
  // Known before the key is made, which is what takes long.
  if (Math.ceil((head.length + packed.length + TAG_BYTES) / 3) * 4 > MAX_EXPORT_LENGTH) throw tooLarge();
  const cipher = createCipheriv('aes-256-gcm', await keyOf(passphrase, header), random.nonce);
  cipher.setAAD(head);
  return Buffer.concat([head, cipher.update(packed), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

/**
 * Decrypts what {@link sealFile} made. The header is judged before anything is computed with it.
 * @throws LapwingError `EXPORT_UNREADABLE`: no such file, one of another version (`details.version`), the wrong pass phrase, or a byte that is
 * missing or changed; the last two cannot be told apart.
 */
export async function openFile(passphrase: string, text: string): Promise<Buffer> {
  const file = bytesOf(text.trim());
  const end = file.subarray(0, MAX_HEADER).indexOf(NEWLINE);
  if (end < 0) throw unreadable('this is no exported configuration of Lapwing');
  const head = file.subarray(0, end + 1);
  const header = headerOf(head.toString('utf8'));
  const body = file.subarray(end + 1);
  if (body.length < TAG_BYTES) throw unreadable('the file is cut');
  return unpacked(decrypted(await keyOf(passphrase, header), header, head, body));
}

function bytesOf(text: string): Buffer {
  const file = Buffer.from(text, 'base64');
  // Node reads whatever it can: each text must stand for one file only.
  if (text.length > MAX_EXPORT_LENGTH || file.toString('base64') !== text)
    throw unreadable('the file is not what was exported: it must be base64, whole and unchanged');
  return file;
}

function headerOf(text: string): Header {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw unreadable('this is no exported configuration of Lapwing');
  }
  const about = z.object({ format: z.literal(FORMAT), version: z.int() }).safeParse(json);
  if (!about.success) throw unreadable('this is no exported configuration of Lapwing');
  const { version } = about.data;
  if (version !== FORMAT_VERSION)
    throw unreadable(`the file has the format's version ${version}, and this Lapwing reads version ${FORMAT_VERSION}`, {
      version,
      reads: FORMAT_VERSION,
    });
  const header = Header.safeParse(json);
  if (header.success) return header.data;
  const field = header.error.issues[0]?.path.join('.') ?? '';
  throw unreadable(`the header of the file is not one that Lapwing writes${field && `: "${field}"`}`, { field });
}

function keyOf(passphrase: string, { kdf: { N, r, p, salt } }: Header): Promise<Buffer> {
  // One text, however a keyboard composes it (RFC 8265).
  const text = passphrase.normalize('NFC');
  return derive(text, Buffer.from(salt, 'base64'), KEY_BYTES, { N, r, p, maxmem: 256 * N * r });
}

function decrypted(key: Buffer, header: Header, head: Buffer, body: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(header.nonce, 'base64'), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(head);
  decipher.setAuthTag(body.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(body.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch {
    throw unreadable('the pass phrase is wrong, or the file was cut or changed: which of them cannot be told apart');
  }
}

async function unpacked(packed: Buffer): Promise<Buffer> {
  try {
    return await unpack(packed, { maxOutputLength: MAX_PLAIN });
  } catch {
    throw unreadable('what the file holds cannot be unpacked');
  }
}

function tooLarge(): LapwingError {
  return new LapwingError(
    'TOO_LARGE',
    `the configuration is too large to be exported: at most ${MAX_PLAIN} bytes, and ${MAX_EXPORT_LENGTH} characters encrypted; shorten notes about guests`,
  );
}
