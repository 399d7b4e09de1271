import { Permission, addressBlock, commonPermissions, covers, coversAll } from '@lapwing/contracts';

describe('permissions', () => {
  it.each([
    [['*'], 'users:manage', true],
    [['alerts:*'], 'alerts:view', true],
    [['alerts:*'], 'alerts:*', true],
    [['alerts:view', 'alerts:acknowledge', 'alerts:clear', 'alerts:configure'], 'alerts:*', false],
    [['alerts:*'], '*', false],
    [['alerts:view'], 'alerts:clear', false],
    [['alerts:view'], 'alertsx:view', false],
    [[], 'dashboard:view', false],
    [['dashboard:view'], 'dashboard', false],
  ])('%j covers %s: %s', (held, wanted, expected) => {
    expect(covers(held, wanted)).toBe(expected);
    expect(coversAll(held, [wanted])).toBe(expected);
  });

  it.each([
    [['*'], ['alerts:view'], ['alerts:view']],
    [
      ['alerts:*', 'logs:view'],
      ['alerts:view', 'logs:view', 'users:view'],
      ['alerts:view', 'logs:view'],
    ],
    [['alerts:*'], ['alerts:*'], ['alerts:*']],
    [['users:view'], ['logs:view'], []],
    [['alerts:*', 'alerts:view'], ['*'], ['alerts:*']],
  ])('%j and %j have %j in common', (one, other, expected) => {
    expect(commonPermissions(one, other)).toEqual(expected);
    expect(commonPermissions(other, one)).toEqual(expected);
  });

  it.each(['*', 'alerts:*', 'dashboard:view', 'processes:signal'])('knows %s', (text) =>
    expect(Permission.safeParse(text).success).toBe(true),
  );

  it.each(['', '*:*', 'alerts', 'alerts:', ':view', 'alerts:fly', 'self', 'public', '__proto__:view', 'ALERTS:view'])(
    'refuses %j, and says what there is',
    (text) => {
      const result = Permission.safeParse(text);
      expect(result.error?.issues[0]?.message).toContain('dashboard:{view,*}');
    },
  );
});

describe('the block of an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:aaaa:bbbb:cccc:dddd', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('of %s is %s', (address, block) => expect(addressBlock(address)).toBe(block));
});
