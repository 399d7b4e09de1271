import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const bash = process.platform === 'linux' ? describe : describe.skip;
const home = fs.mkdtempSync(path.join(tmpdir(), 'lapwing-systemd-'));

/** A release that is no more than what its installer looks at. */
function release(version: string): string {
  const tree = path.join(home, `lapwing-${version}`);
  for (const folder of ['guard', 'systemd'])
    fs.cpSync(path.join(__dirname, folder), path.join(tree, 'deploy', folder), { recursive: true });
  fs.mkdirSync(path.join(tree, 'deploy/local'));
  fs.writeFileSync(path.join(tree, 'deploy/local/start.mjs'), `// ${version}\n`);
  fs.symlinkSync('start.mjs', path.join(tree, 'deploy/local/link'));
  fs.writeFileSync(path.join(tree, 'release.json'), JSON.stringify({ schema: 1, version }));
  return tree;
}

interface Result {
  status: number | null;
  out: string;
  err: string;
}

/** Every file, folder and link below a folder, with its mode and what it holds. */
function contents(folder: string): string[] {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.toSorted().map((name) => {
    const file = path.join(folder, name);
    const stat = fs.lstatSync(file);
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) return `${name} -> ${fs.readlinkSync(file)}`;
    if (stat.isDirectory()) return `${name}/ ${mode}`;
    return `${name} ${mode} ${createHash('sha256').update(fs.readFileSync(file)).digest('hex')}`;
  });
}

const names = (folder: string): string[] => contents(folder).map((line) => line.split(' ')[0] ?? '');

bash('the installer of the server', () => {
  let destination: string;

  const call = (program: string, args: string[], env: NodeJS.ProcessEnv = {}): Result => {
    const options = { encoding: 'utf8', env: { ...process.env, DESTDIR: destination, ...env } } as const;
    const { status, stdout, stderr } = spawnSync('bash', [program, ...args], options);
    return { status, out: stdout, err: stderr };
  };
  const script = (tree: string, name: string): string => path.join(tree, 'deploy/systemd', name);
  const install = (tree: string, ...args: string[]): Result => call(script(tree, 'install.sh'), args);
  const done = (result: Result): Result => {
    expect(result).toMatchObject({ status: 0, err: '' });
    return result;
  };
  const at = (file: string): string => path.join(destination, file);

  const one = release('1.0.0');
  const two = release('1.1.0');
  const candidate = release('1.1.0-rc.2');

  beforeEach(() => {
    destination = fs.mkdtempSync(path.join(home, 'destination-'));
  });
  afterAll(() => fs.rmSync(home, { recursive: true }));

  it('puts everything in its place, and done twice leaves the same', () => {
    done(install(one));
    const first = contents(destination);
    done(install(one));
    expect(contents(destination)).toEqual(first);
    expect(names(destination)).toEqual(
      expect.arrayContaining([
        'etc/lapwing/lapwing.env',
        'etc/systemd/system/lapwing.service',
        'etc/sysusers.d/lapwing.conf',
        'opt/lapwing/server/current',
        'opt/lapwing/server/guard/guard.mjs',
        'opt/lapwing/server/releases/1.0.0/release.json',
      ]),
    );
    expect(fs.readlinkSync(at('opt/lapwing/server/current'))).toBe('releases/1.0.0');
    expect(fs.readlinkSync(at('opt/lapwing/server/releases/1.0.0/deploy/local/link'))).toBe('start.mjs');
    expect(fs.statSync(at('etc/lapwing/lapwing.env')).mode & 0o777).toBe(0o640);
    expect(fs.readFileSync(at('etc/systemd/system/lapwing.service'), 'utf8')).toMatch(
      /^ExecStart=\/\S+ \/opt\/lapwing\/server\/guard\/guard\.mjs$/m,
    );
  });

  it('upgrades out of a newer release, and leaves the settings and what others put there alone', () => {
    done(install(one));
    fs.writeFileSync(at('etc/lapwing/lapwing.env'), 'PORT=9000\n');
    fs.writeFileSync(at('opt/lapwing/lapwing-agent.mjs'), 'agent');
    expect(done(install(two)).out).toContain('1.1.0');
    expect(fs.readlinkSync(at('opt/lapwing/server/current'))).toBe('releases/1.1.0');
    expect(fs.existsSync(at('opt/lapwing/server/releases/1.0.0'))).toBe(true);
    expect(fs.readFileSync(at('etc/lapwing/lapwing.env'), 'utf8')).toBe('PORT=9000\n');
    expect(fs.readFileSync(at('opt/lapwing/lapwing-agent.mjs'), 'utf8')).toBe('agent');
  });

  it('puts no older release in place of a newer one, unless it is told to', () => {
    done(install(two));
    for (const older of [one, candidate]) {
      expect(install(older)).toMatchObject({
        status: 1,
        err: expect.stringMatching(/1\.1\.0 is installed, which is newer/),
      });
      expect(fs.readlinkSync(at('opt/lapwing/server/current'))).toBe('releases/1.1.0');
    }
    done(install(one, '--allow-older'));
    expect(fs.readlinkSync(at('opt/lapwing/server/current'))).toBe('releases/1.0.0');
    done(install(candidate));
    done(install(two));
  });

  it('leaves nothing but data, settings and backups when it is taken away, and says so; with --purge nothing at all', () => {
    const data = [
      'var/lib/lapwing/postgres/PG_VERSION',
      'opt/lapwing/server/updates/backups/one/configuration.jsonl.gz',
    ];
    const left = [...data, 'etc/lapwing/lapwing.env'].flatMap((file) =>
      file.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/')),
    );
    const fill = (): void => {
      done(install(one));
      for (const file of [...data, 'opt/lapwing/server/updates/archives/a.tar.gz', 'opt/lapwing/server/journal.json']) {
        fs.mkdirSync(path.dirname(at(file)), { recursive: true });
        fs.writeFileSync(at(file), 'x');
      }
    };
    const remove = (...args: string[]): Result => done(call(at('opt/lapwing/uninstall-server.sh'), args));
    const folders = ['etc', 'etc/systemd', 'etc/systemd/system', 'etc/sysusers.d', 'opt', 'var', 'var/lib'];
    fill();
    const { out } = remove();
    const plain = (list: string[]): string[] => list.map((name) => name.replace(/\/$/, '')).toSorted();
    expect(plain(names(destination))).toEqual(plain([...new Set([...left, ...folders])]));
    for (const kept of ['var/lib/lapwing', 'etc/lapwing/lapwing.env', 'opt/lapwing/server'])
      expect(out).toContain(`left: ${at(kept)}`);
    fill();
    remove('--purge');
    expect(plain(names(destination))).toEqual(plain(folders));
  });

  it.each([
    ['no release', [], () => path.join(__dirname, 'systemd/install.sh'), {}, /is no unpacked release/],
    ['an option that there is not', ['--fast'], () => script(one, 'install.sh'), {}, /there is no option --fast/],
    ['a folder that depends on where one stands', [], () => script(one, 'install.sh'), { DESTDIR: 'here' }, /absolute/],
    ['an option that there is not', ['--all'], () => script(one, 'uninstall.sh'), {}, /there is no option --all/],
  ] as const)('refuses %s: %j', (_, args, program, env, message) => {
    // bash itself is asked for by its path: the search for programs is part of what is tried.
    const { status, stderr } = spawnSync('/bin/bash', [program(), ...args], {
      encoding: 'utf8',
      env: { ...process.env, DESTDIR: destination, ...env },
    });
    expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect(names(destination)).toEqual([]);
  });

  it('refuses a machine without Node', () => {
    const programs = fs.mkdtempSync(path.join(home, 'programs-'));
    fs.symlinkSync('/usr/bin/dirname', path.join(programs, 'dirname'));
    const env = { DESTDIR: destination, PATH: programs };
    const { status, stderr } = spawnSync('/bin/bash', [script(one, 'install.sh')], { encoding: 'utf8', env });
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^lapwing: Node\.js 20\.19 or later is missing/)]);
  });

  it('refuses a Node that is too old, or that a unit cannot name', () => {
    const folder = fs.mkdtempSync(path.join(home, 'node-'));
    const fake = (where: string, text: string): string => {
      fs.mkdirSync(where, { recursive: true });
      fs.writeFileSync(path.join(where, 'node'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      return `${where}:${process.env['PATH']}`;
    };
    const old = fake(folder, '[ "$1" = --version ] && echo v18.0.0\nexit 1');
    expect(call(script(one, 'install.sh'), [], { PATH: old }).err).toMatch(/Node\.js v18\.0\.0 is too old/);
    const odd = fake(path.join(folder, 'my programs'), 'exit 0');
    expect(call(script(one, 'install.sh'), [], { PATH: odd }).err).toMatch(/systemd cannot start Node\.js from/);
  });

  (process.getuid?.() === 0 && !fs.existsSync('/run/systemd/system') ? it : it.skip)(
    'refuses a machine without systemd, when it is not told to put the files elsewhere',
    () => {
      expect(call(script(one, 'install.sh'), [], { DESTDIR: '' }).err).toMatch(/systemd does not run here/);
      expect(fs.existsSync('/etc/systemd/system/lapwing.service')).toBe(false);
    },
  );
});
