import { LapwingError, MAX_EXPORT_LENGTH } from '@lapwing/contracts';
import { createCipheriv, randomBytes, scryptSync } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { MAX_PLAIN, openFile, sealFile } from './export-file';

const PASSPHRASE = 'correct horse battery staple';
const random = () => ({ salt: randomBytes(16), nonce: randomBytes(12) });

/** Writes a file by what docs/configuration-export.md says, and by nothing else. */
function written(
  changes: Record<string, unknown> = {},
  kdf: Record<string, unknown> = {},
  plain = 'some text',
): Buffer {
  const { salt, nonce } = random();
  const N = 2 ** 14;
  const scrypt = { name: 'scrypt', N, r: 8, p: 1, salt: salt.toString('base64'), ...kdf };
  const base = { format: 'lapwing-configuration', version: 1, kdf: scrypt, cipher: 'aes-256-gcm' };
  const header = { ...base, nonce: nonce.toString('base64'), compression: 'gzip', ...changes };
  const head = Buffer.from(`${JSON.stringify(header)}\n`);
  const key = scryptSync(PASSPHRASE, salt, 32, { N, r: 8, p: 1, maxmem: 2 ** 26 });
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(head);
  return Buffer.concat([head, cipher.update(gzipSync(plain)), cipher.final(), cipher.getAuthTag()]);
}

const refusal = (promise: Promise<unknown>): Promise<LapwingError> =>
  promise.then(
    () => Promise.reject(new Error('it was read')),
    (error: LapwingError) => error,
  );
const opened = (file: Buffer, passphrase = PASSPHRASE) => openFile(passphrase, file.toString('base64'));

/** How many of these files are refused as unreadable. */
async function unreadable(files: Buffer[]): Promise<number> {
  let count = 0;
  for (let from = 0; from < files.length; from += 4) {
    const codes = await Promise.all(
      files.slice(from, from + 4).map(async (file) => (await refusal(opened(file))).code),
    );
    count += codes.filter((code) => code === 'EXPORT_UNREADABLE').length;
  }
  return count;
}

describe('an exported configuration', () => {
  it('comes back with its pass phrase, and says nothing without', async () => {
    const plain = Buffer.from(JSON.stringify({ password: 'a secret of a node' }));
    const [one, other] = [await sealFile(PASSPHRASE, plain, random()), await sealFile(PASSPHRASE, plain, random())];
    expect(one).not.toBe(other);
    expect((await openFile(PASSPHRASE, `${one}\n`)).equals(plain)).toBe(true);
    expect(Buffer.from(one, 'base64').toString('latin1')).not.toContain('secret');
    const { code, message } = await refusal(openFile('another pass phrase', one));
    expect([code, message]).toEqual(['EXPORT_UNREADABLE', expect.stringContaining('cannot be told apart')]);
  });

  it('takes a pass phrase however it was composed', async () => {
    const file = await sealFile('pass phrase é', Buffer.from('x'), random());
    expect((await openFile('pass phrase e\u0301', file)).toString()).toBe('x');
  });

  it('can be written by others, after the document', async () => {
    expect((await opened(written())).toString()).toBe('some text');
  });

  it('is refused with any byte changed', async () => {
    const file = written();
    const flipped = [...file.keys()].map((index) => {
      const copy = Buffer.from(file);
      copy[index] = (copy[index] ?? 0) ^ (1 << (index % 8));
      return copy;
    });
    expect(await unreadable(flipped)).toBe(file.length);
  }, 240_000);

  it('is refused when it is cut, wherever', async () => {
    const file = written();
    const cut = Array.from({ length: file.length }, (_, length) => file.subarray(0, length));
    expect(await unreadable(cut)).toBe(file.length);
    expect(await unreadable([Buffer.concat([file, Buffer.from('x')])])).toBe(1);
  }, 240_000);

  it('is refused as base64 that another text could stand for', async () => {
    const text = written().toString('base64');
    for (const changed of [`${text.slice(0, 8)} ${text.slice(8)}`, `${text}====`, text.slice(0, -1), `%${text}`, ''])
      expect((await refusal(openFile(PASSPHRASE, changed))).code).toBe('EXPORT_UNREADABLE');
  });

  it('of another version is refused with that version', async () => {
    const { code, message, details } = await refusal(opened(written({ version: 7, more: 'fields' })));
    expect([code, details]).toEqual(['EXPORT_UNREADABLE', { version: 7, reads: 1 }]);
    expect(message).toContain('version 7');
  });

  it.each([
    ['N', { N: 2 ** 30 }],
    ['N', { N: 3 }],
    ['N', { N: -16_384 }],
    ['r', { r: 1024 }],
    ['p', { p: 1_000_000 }],
    ['name', { name: 'pbkdf2' }],
    ['salt', { salt: '' }],
    ['salt', { salt: 'A'.repeat(400) }],
  ])('with a hostile "%s" is refused before anything is computed', async (field, kdf) => {
    const { code, details } = await refusal(opened(written({}, kdf)));
    expect([code, details['field']]).toEqual(['EXPORT_UNREADABLE', `kdf.${field}`]);
  });

  it.each([
    ['another cipher', { cipher: 'none' }],
    ['another compression', { compression: 'br' }],
    ['a short nonce', { nonce: 'AAAA' }],
    ['more fields', { more: 1 }],
    ['another format', { format: 'pulse' }],
    ['no end of its header', { format: 'x'.repeat(2000) }],
  ])('with %s is refused', async (_, changes) => {
    expect((await refusal(opened(written(changes)))).code).toBe('EXPORT_UNREADABLE');
  });

  it('that unpacks to too much is refused', async () => {
    const { code, message } = await refusal(opened(written({}, {}, ' '.repeat(MAX_PLAIN + 1))));
    expect([code, message]).toEqual(['EXPORT_UNREADABLE', expect.stringContaining('unpacked')]);
  });

  it('is not written when it could not be read again', async () => {
    for (const plain of [Buffer.alloc(MAX_PLAIN + 1), randomBytes(MAX_EXPORT_LENGTH)])
      expect((await refusal(sealFile(PASSPHRASE, plain, random()))).code).toBe('TOO_LARGE');
    const largest = randomBytes((MAX_EXPORT_LENGTH / 4) * 3 - 2000);
    const file = await sealFile(PASSPHRASE, largest, random());
    expect(file.length).toBeLessThanOrEqual(MAX_EXPORT_LENGTH);
    expect((await openFile(PASSPHRASE, file)).equals(largest)).toBe(true);
  });
});
