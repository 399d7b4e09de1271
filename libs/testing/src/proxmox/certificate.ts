import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A self-signed certificate of the loopback address, with its key. */
export interface Certificate {
  /** PEM; it is its own CA. */
  certificate: string;
  /** PEM. */
  key: string;
  /** SHA-256 of the certificate, upper-case hexadecimal with colons. */
  fingerprint: string;
}

/** Makes one that is good for ten days. Needs the program `openssl`. */
export async function makeCertificate(commonName: string, address = '127.0.0.1'): Promise<Certificate> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-proxmox-'));
  const [keyFile, file] = [path.join(folder, 'key.pem'), path.join(folder, 'certificate.pem')];
  try {
    await run('openssl', [
      ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 10'.split(' '),
      '-subj',
      `/O=Proxmox Virtual Environment/CN=${commonName}`,
      '-addext',
      `subjectAltName=IP:${address},DNS:localhost`,
      '-keyout',
      keyFile,
      '-out',
      file,
    ]);
    const [certificate, key] = await Promise.all([readFile(file, 'utf8'), readFile(keyFile, 'utf8')]);
    return { certificate, key, fingerprint: new X509Certificate(certificate).fingerprint256 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
