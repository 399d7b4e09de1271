import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findPaths, matchesName, matchesPath } from './glob';
import { currentNames, isCompressed, mayPrecede, turnOf } from './names';

describe('patterns of paths', () => {
  it.each([
    ['*.log', 'app.log', true],
    ['*.log', 'app.log.1', false],
    ['*', '.hidden', false],
    ['.*', '.hidden', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['a*b*c', 'axxbyyc', true],
    ['[a].log', 'a.log', false],
    ['[a].log', '[a].log', true],
    ['', '', true],
    ['?', '', false],
  ])('%s means %s: %s', (pattern, name, means) => {
    expect(matchesName(pattern, name)).toBe(means);
  });

  it.each([
    ['/var/log/*.log', '/var/log/a.log', true],
    ['/var/log/*.log', '/var/log/x/a.log', false],
    ['/var/log/**/*.log', '/var/log/a.log', true],
    ['/var/log/**/*.log', '/var/log/x/y/a.log', true],
    ['/var/log/**/*.log', '/var/log/.git/a.log', false],
    ['/var/**', '/var/log/a', true],
  ])('%s means %s: %s', (pattern, file, means) => {
    expect(matchesPath(pattern, file)).toBe(means);
  });

  it('are matched in time that grows with the product of both, whatever they are', () => {
    const steps = '*a'.repeat(200);
    expect(matchesName(steps, 'a'.repeat(5000))).toBe(true);
    expect(matchesPath(`/${'**/'.repeat(40)}x`, `/${'y/'.repeat(200)}z`)).toBe(false);
  });

  it('find what they mean, within bounds, and go round in no circle', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-glob-'));
    try {
      await mkdir(path.join(folder, 'a/b'), { recursive: true });
      for (const file of ['x.log', 'a/x.log', 'a/b/x.log', 'a/b/y.txt']) await writeFile(path.join(folder, file), '');
      await symlink(folder, path.join(folder, 'a/b/round'));
      const found = async (pattern: string): Promise<string[]> =>
        (await findPaths(path.join(folder, pattern))).paths.map((one) => path.relative(folder, one)).toSorted();
      expect(await found('**/*.log')).toEqual(['a/b/x.log', 'a/x.log', 'x.log']);
      expect(await found('*/*.log')).toEqual(['a/x.log']);
      expect(await found('a/?/y.txt')).toEqual(['a/b/y.txt']);
      expect(await found('none/*.log')).toEqual([]);
      expect(await found('x.log')).toEqual(['x.log']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('names of files that were turned over', () => {
  it.each(['app.log.1', 'app.log-20261121', 'app.log.2026-11-21', 'app.log-20261121-1763683200', 'app-20261121.log'])(
    '%s may have been app.log',
    (name) => {
      expect(mayPrecede(name, 'app.log')).toBe(true);
      expect(currentNames(name)).toContain('app.log');
    },
  );

  it.each(['app.log', 'app.log.1.gz', 'app.log.old', 'app2.log', 'application.log.1', 'app-x.log'])(
    '%s was not app.log',
    (name) => {
      expect(mayPrecede(name, 'app.log')).toBe(false);
    },
  );

  it('tell how often, and whether they were compressed', () => {
    expect([turnOf('app.log.12'), turnOf('app.log'), turnOf('app.log-20261121')]).toEqual([12, undefined, undefined]);
    expect(['a.gz', 'a.ZST', 'a.log'].map(isCompressed)).toEqual([true, true, false]);
  });
});
