import { LICENSE_KEY_BYTES, LicenseKey, licenseKeyOf } from '@lapwing/contracts';
import { betterOf, hashOfKey, isSameEmail, mayUpdate, shownLicense, updatesActive, type HeldLicense } from './license';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const DAY_MS = 86_400_000;
const held = (changes: Partial<HeldLicense> = {}): HeldLicense => ({
  email: 'ada@example.com',
  source: 'issued',
  updatesExpireAt: NOW + DAY_MS,
  valid: true,
  ...changes,
});

describe('a key', () => {
  it('has four groups of four without what is mistaken for something else', () => {
    const all = Array.from({ length: 256 }, (_, byte) => byte);
    for (let at = 0; at < 256; at += LICENSE_KEY_BYTES) {
      const key = licenseKeyOf(Uint8Array.from(all.slice(at, at + LICENSE_KEY_BYTES)));
      expect(LicenseKey.parse(key)).toMatch(/^[A-HJ-NP-Z2-9]{4}(-[A-HJ-NP-Z2-9]{4}){3}$/);
    }
  });

  it('makes each character equally often', () => {
    const counts = new Map<string, number>();
    for (let byte = 0; byte < 256; byte++) {
      const [letter = ''] = licenseKeyOf(new Uint8Array(LICENSE_KEY_BYTES).fill(byte));
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
    expect([counts.size, ...new Set(counts.values())]).toEqual([32, 8]);
  });

  it('is one in upper and lower case', () => {
    expect(hashOfKey(' abcd-efgh-jkmn-pqrs')).toBe(hashOfKey('ABCD-EFGH-JKMN-PQRS'));
    expect(hashOfKey('ABCD-EFGH-JKMN-PQRS')).toMatch(/^[0-9a-f]{64}$/);
    expect(isSameEmail('Ada@Example.com', 'ada@example.COM')).toBe(true);
    expect(isSameEmail('ada@example.com', 'bob@example.com')).toBe(false);
  });
});

describe('updates', () => {
  const reason = (license: HeldLicense | undefined, required = false, now = NOW) =>
    mayUpdate({ license, required, now });

  it('are open without a licence, unless one is wanted', () => {
    expect(reason(undefined)).toBeUndefined();
    expect(reason(undefined, true)).toMatch('there is no licence');
  });

  it.each([false, true])('end with the licence, to the millisecond (wanted: %s)', (required) => {
    const license = held({ updatesExpireAt: NOW });
    expect(reason(license, required, NOW - 1)).toBeUndefined();
    expect(reason(license, required, NOW)).toMatch('ended at 2026-06-01T00:00:00.000Z');
    expect([updatesActive(license, NOW - 1), updatesActive(license, NOW)]).toEqual([true, false]);
  });

  it('end when it is taken back', () => {
    expect(reason(held({ valid: false }))).toMatch('taken back');
    expect(updatesActive(held({ valid: false }), NOW)).toBe(false);
  });
});

describe('of two licences', () => {
  it('the one counts that is valid, then the one that lasts longer, then the first', () => {
    const longer = held({ updatesExpireAt: NOW + 2 * DAY_MS, source: 'file' });
    expect(betterOf(held(), longer)).toBe(longer);
    expect(betterOf(longer, held())).toBe(longer);
    expect(betterOf({ ...longer, valid: false }, held())).toEqual(held());
    expect(betterOf(held(), held({ source: 'file' }))?.source).toBe('issued');
    expect(betterOf(undefined, longer)).toBe(longer);
    expect(betterOf(undefined, undefined)).toBeUndefined();
  });

  it('is shown what is known, and nothing else', () => {
    expect(shownLicense(undefined, NOW)).toEqual({
      valid: false,
      email: null,
      updatesExpireAt: null,
      updatesActive: false,
      source: null,
    });
    const row = { ...held(), keyHash: 'secret' };
    expect(shownLicense(row, NOW + DAY_MS)).toEqual({ ...held(), updatesActive: false });
  });
});
