import { ConfigError, Secret, SecretKey } from '@lapwing/service';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const BROKEN = /unable to authenticate|Unsupported state|auth tag/i;
const hex = '0123456789abcdef'.repeat(4);

describe('the secret key', () => {
  const key = SecretKey.read('auth', { LAPWING_SECRET_KEY: new Secret(hex) });

  it('seals, and opens what it sealed for the same purpose', () => {
    const sealed = key.seal('totp', 'JBSWY3DPEHPK3PXP');
    expect(sealed.toString('latin1')).not.toContain('JBSW');
    expect(key.open('totp', sealed)).toBe('JBSWY3DPEHPK3PXP');
    expect(key.seal('totp', 'JBSWY3DPEHPK3PXP').equals(sealed)).toBe(false);
    expect(() => key.open('other', sealed)).toThrow(BROKEN);
    const flipped = Buffer.from(sealed);
    flipped[14] = (flipped[14] ?? 0) ^ 1;
    expect(() => key.open('totp', flipped)).toThrow(BROKEN);
    expect(() => key.open('totp', sealed.subarray(0, 20))).toThrow(BROKEN);
  });

  it('reads a file that its owner alone may read', () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'lapwing-key-')), 'key');
    writeFileSync(file, `${hex}\n`, { mode: 0o600 });
    const same = SecretKey.read('auth', { LAPWING_SECRET_KEY_FILE: file });
    expect(same.sign('audit', 'x')).toBe(key.sign('audit', 'x'));
    chmodSync(file, 0o640);
    expect(() => SecretKey.read('auth', { LAPWING_SECRET_KEY_FILE: file })).toThrow('make it mode 600');
  });

  it.each([
    [{}, 'LAPWING_SECRET_KEY'],
    [{ LAPWING_SECRET_KEY: new Secret('short') }, '64 hexadecimal digits'],
    [{ LAPWING_SECRET_KEY_FILE: '/nonexistent/key' }, 'there is no file'],
  ])('refuses %j', (config, text) => {
    expect(() => SecretKey.read('auth', config)).toThrow(ConfigError);
    expect(() => SecretKey.read('auth', config)).toThrow(text);
  });
});
