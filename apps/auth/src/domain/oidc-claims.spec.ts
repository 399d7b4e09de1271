import { emailOf, rolesOf, usernameOf, type ClaimRules } from './oidc-claims';

const rules: ClaimRules = {
  usernameClaim: 'preferred_username',
  groupsClaim: 'groups',
  roleMap: [
    ['ops', 'operator'],
    ['root', 'admin'],
    ['sre', 'operator'],
  ],
  defaultRole: undefined,
};

describe('claims of an OpenID provider', () => {
  it.each([
    [{ groups: ['ops', 'sre', 'others'] }, ['operator']],
    [{ groups: 'root' }, ['admin']],
    [{ groups: ['root', 'ops'] }, ['admin', 'operator']],
    [{ groups: ['Ops'] }, []],
    [{}, []],
    [{ groups: [{ ops: true }, null, 7] }, []],
  ])('%j: roles %j', (claims, roles) => expect(rolesOf(claims, rules)).toEqual(roles));

  it('falls back to the default role', () => {
    expect(rolesOf({}, { ...rules, defaultRole: 'viewer' })).toEqual(['viewer']);
    expect(rolesOf({ groups: ['ops'] }, { ...rules, defaultRole: 'viewer' })).toEqual(['operator']);
  });

  it.each([
    [{ preferred_username: 'ada', email: 'a@example.com', sub: '1' }, 'ada'],
    [{ email: 'ada@example.com', sub: '1' }, 'ada@example.com'],
    [{ sub: 'abc-1' }, 'abc-1'],
    [{ preferred_username: '-- Ädä <script>', sub: '1' }, 'dscript'],
    [{ preferred_username: 7, sub: '1' }, '1'],
    [{ preferred_username: 'x'.repeat(200), sub: '1' }, 'x'.repeat(64)],
  ])('%j: name %s', (claims, name) => expect(usernameOf(claims, rules)).toBe(name));

  it('takes no address that the provider does not vouch for', () => {
    expect(emailOf({ email: 'a@example.com' })).toBe('a@example.com');
    expect(emailOf({ email: 'a@example.com', email_verified: false })).toBe('');
    expect(emailOf({ email: 5 })).toBe('');
  });
});
