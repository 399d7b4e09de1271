import { ArchiveError, ArchivePolicy } from './archive';

const file = (name: string, size = 1) => ({ name, type: 'file', size });
const link = (name: string, linkname: string) => ({ name, type: 'symlink', size: 0, linkname });

describe('what of an archive may be unpacked', () => {
  const policy = () => new ArchivePolicy('top', { entries: 5, bytes: 100 });

  it.each([
    ['a file', file('top/a.js'), 'a.js'],
    ['a file in a folder', file('top/a/b/c.js'), 'a/b/c.js'],
    ['the folder itself', { name: 'top/', type: 'directory', size: 0 }, ''],
    ['a name that only looks odd', file('top/..a/b..'), '..a/b..'],
    ['a link beside', link('top/a', 'b'), 'a'],
    ['a link upwards, inside', link('top/node_modules/@lapwing/bus', '../../libs/bus'), 'node_modules/@lapwing/bus'],
  ])('%s', (_, entry, path) => expect(policy().admit(entry)).toBe(path));

  it.each([
    ['upwards', file('top/../../etc/passwd')],
    ['upwards at once', file('../top/a')],
    ['absolute', file('/etc/passwd')],
    ['a backslash', file('top\\..\\a')],
    ['a NUL', file('top/a\0b')],
    ['an empty part', file('top//a')],
    ['a dot', file('top/./a')],
    ['no name', file('')],
    ['too long a name', file(`top/${'a'.repeat(2000)}`)],
    ['another top', file('other/a')],
    ['a file in place of the top', file('top')],
    ['a hard link', { name: 'top/a', type: 'link', size: 0, linkname: '/etc/passwd' }],
    ['a device', { name: 'top/a', type: 'character-device', size: 0 }],
    ['a pipe', { name: 'top/a', type: 'fifo', size: 0 }],
    ['a link out', link('top/a', '../../etc')],
    ['a link out from a folder', link('top/a/b', '../../../etc')],
    ['a link to an absolute path', link('top/a', '/etc/passwd')],
    ['a link down and up again, which another link could bend', link('top/a', 'b/..')],
    ['a link to nothing', link('top/a', '')],
    ['a link to the folder above', link('top/a/b', '..')],
  ])('not %s', (_, entry) => expect(() => policy().admit(entry)).toThrow(ArchiveError));

  it('not a name twice, whatever its case', () => {
    const one = policy();
    one.admit(file('top/readme'));
    expect(() => one.admit(file('top/README'))).toThrow('twice');
  });

  it('not more bytes, nor more entries', () => {
    const many = policy();
    for (let at = 0; at < 5; at++) many.admit(file(`top/${at}`));
    expect(() => many.admit(file('top/one-more'))).toThrow('more than 5 entries');
    expect(() => policy().admit(file('top/large', 101))).toThrow('more than 100 bytes');
  });
});
