import { hashOf, hintOf, newApiToken, newCredential, newRecoveryCode, normalCode } from './credentials';

describe('credentials', () => {
  it('are random, long enough, and of the form that clients know', () => {
    expect(newApiToken()).toMatch(/^pulse_[0-9a-f]{48}$/);
    expect(newCredential()).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(newRecoveryCode()).toMatch(/^[a-z2-9]{5}-[a-z2-9]{5}$/);
    expect(new Set(Array.from({ length: 500 }, newRecoveryCode)).size).toBe(500);
  });

  it('are kept as SHA3-256', () => {
    // NIST, FIPS 202 examples: SHA3-256 of the empty message
    expect(hashOf('')).toBe('a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a');
  });

  it('give little of themselves away', () => {
    expect(hintOf('pulse_1a2b3c4d5e6f7g8h9i0j')).toEqual({ prefix: 'pulse_1a2b', suffix: '9i0j' });
    expect(hintOf('token-a')).toEqual({ prefix: 't', suffix: '' });
    expect(hintOf('x')).toEqual({ prefix: '', suffix: '' });
  });

  it('read codes as people type them', () => {
    expect(normalCode(' K7MQW-2xdpn ')).toBe('k7mqw2xdpn');
    expect(normalCode('123 456')).toBe('123456');
  });
});
