import { guestIdOf } from './guest-id';
import { judgeDraft } from './node-draft';
import { fullTokenName, normalizeFingerprint, normalizeHost } from './node-host';
import { ALPHABET, codeOf, hashOfCode, lockedUntil } from './setup-code';

describe('the address of a node', () => {
  it.each([
    ['pve', 'pve1', 'https://pve1:8006'],
    ['pbs', 'PBS.Example.com', 'https://pbs.example.com:8007'],
    ['pmg', 'https://mail.example.com/', 'https://mail.example.com:8006'],
    ['pve', 'https://10.0.0.7:443', 'https://10.0.0.7:443'],
    ['pve', '10.0.0.7:8443', 'https://10.0.0.7:8443'],
    ['pve', '[fe80::1]:8006', 'https://[fe80::1]:8006'],
    ['pve', '2001:db8::7', 'https://[2001:db8::7]:8006'],
  ] as const)('of %s "%s" is kept as %s', (type, text, host) => {
    expect(normalizeHost(type, text)).toEqual({ host });
  });

  it.each([
    ['', 'address'],
    ['http://pve1:8006', 'https'],
    ['ftp://pve1', 'https'],
    ['https://root:secret@pve1:8006', 'user or a password'],
    ['https://pve1:8006/api2/json', 'path'],
    ['https://pve1:8006?x=1', 'path, a query'],
    ['$(reboot)', ''],
    [`pve'1`, ''],
    ['pve"; reboot', ''],
    ['pve 1', ''],
    ['pve1:99999', 'address'],
  ])('refuses "%s"', (text, part) => {
    const found = normalizeHost('pve', text);
    expect('problem' in found ? found.problem : found.host).toContain(part);
    expect(found).toHaveProperty('problem');
  });
});

describe('names and fingerprints', () => {
  it('puts the user before the name of a token', () => {
    expect(fullTokenName('lapwing', 'monitor@pve')).toBe('monitor@pve!lapwing');
    expect(fullTokenName('root@pam!x', 'monitor@pve')).toBe('root@pam!x');
    expect(fullTokenName('lapwing', '')).toBeUndefined();
  });

  it('reads fingerprints in every way in which people write them', () => {
    const hex = 'ab'.repeat(32);
    const colons = hex.toUpperCase().match(/../g)?.join(':');
    for (const text of [hex, `SHA256:${hex}`, colons ?? '']) expect(normalizeFingerprint(text)).toBe(colons);
    expect(normalizeFingerprint('')).toBe('');
    expect(normalizeFingerprint('abcd')).toBeUndefined();
  });

  it.each([
    ['pve1:100', 'pve1:100'],
    ['pve1/100', 'pve1:100'],
    ['pve1-100', 'pve1:100'],
    ['home-pve1-100', 'home-pve1:100'],
  ])('knows the guest "%s" as %s', (text, id) => expect(guestIdOf(text)).toBe(id));

  it.each(['', '100', 'pve1', 'a:b:100', 'pve1:x', '../100'])('knows no guest "%s"', (text) =>
    expect(guestIdOf(text)).toBe(text === '../100' ? '..:100' : undefined),
  );
});

describe('the draft of a node', () => {
  const draft = { type: 'pve' as const, host: 'pve1', user: 'monitor@pve', password: 'secret' };
  const judged = judgeDraft(draft);
  const known = 'problem' in judged ? undefined : judged;

  it('is completed', () => {
    expect(known).toMatchObject({
      fields: { name: 'pve1', host: 'https://pve1:8006', verifySSL: true },
      secret: { password: 'secret', tokenValue: '' },
    });
  });

  it('keeps a secret that is left empty', () => {
    expect(judgeDraft({ type: 'pve', name: 'new', password: '' }, known)).toMatchObject({
      secret: { password: 'secret' },
    });
  });

  it.each([
    ['the host changes', { host: 'evil.example.com' }],
    ['the user changes', { user: 'other@pve' }],
  ])('wants the secret anew when %s', (_, changes) => {
    expect(judgeDraft({ type: 'pve', ...changes }, known)).toMatchObject({ code: 'SECRET_REQUIRED' });
  });

  it.each([
    ['no secret', { password: '' }, 'SECRET_REQUIRED'],
    ['a user without a realm', { user: 'monitor' }, 'INVALID_INPUT'],
    ['a user that would end a header', { user: 'a@pve\r\nx' }, 'INVALID_INPUT'],
    ['a token without a name', { tokenValue: 'x' }, 'INVALID_INPUT'],
    ['a fingerprint that is none', { fingerprint: 'zz' }, 'INVALID_INPUT'],
    ['an authority that is none', { caCertificate: 'hello' }, 'INVALID_INPUT'],
  ])('refuses %s', (_, changes, code) => {
    expect(judgeDraft({ ...draft, ...changes })).toMatchObject({ code });
  });
});

describe('a setup code', () => {
  it('is six characters that cannot be mistaken', () => {
    const code = codeOf(Uint8Array.from([0, 31, 32, 255, 7, 100]));
    expect(code).toMatch(/^[A-HJ-NP-Z2-9]{6}$/);
    expect(ALPHABET).toHaveLength(32);
  });

  it('is good for one type and host only', () => {
    const hash = hashOfCode('pve', 'https://pve1:8006', 'A7K9P2');
    expect(hashOfCode('pve', 'https://pve1:8006', ' a7k9p2 ')).toEqual(hash);
    expect(hashOfCode('pbs', 'https://pve1:8006', 'A7K9P2')).not.toEqual(hash);
    expect(hashOfCode('pve', 'https://pve2:8006', 'A7K9P2')).not.toEqual(hash);
  });

  it('closes an address after five that were bad, for 15 minutes', () => {
    expect(lockedUntil(4, 1000, 2000)).toBeNull();
    expect(lockedUntil(5, 1000, 2000)).toBe(901_000);
    expect(lockedUntil(5, 1000, 901_000)).toBeNull();
  });
});
