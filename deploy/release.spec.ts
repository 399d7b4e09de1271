import { AGENT_STATEMENT, AgentStatement } from '@lapwing/contracts';
import { isPublicKey, keyIdOf, makeKeys, publicKeyOf, signEnvelope, verifyEnvelope } from '@lapwing/signing';
import { FEED_STATEMENT, Feed } from '@lapwing/updates/domain/feed';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(__dirname, '..');
const home = fs.mkdtempSync(path.join(tmpdir(), 'lapwing-release-'));
const platform = `${process.platform}-${process.arch}`;
const at = (...names: string[]): string => path.join(home, ...names);
const sha256 = (file: string): string => createHash('sha256').update(fs.readFileSync(file)).digest('hex');
const modeOf = (file: string): number => fs.statSync(file).mode & 0o777;

interface Result {
  status: number | null;
  out: string;
  err: string;
}

function call(program: string, args: string[], env: NodeJS.ProcessEnv = {}, cwd = home): Result {
  const options = {
    encoding: 'utf8',
    cwd,
    env: { ...process.env, LAPWING_QUIET: '', ...env },
    maxBuffer: 2 ** 26,
  } as const;
  const { status, stdout, stderr } = spawnSync(program, args, options);
  return { status, out: stdout, err: stderr };
}

const run = (...args: string[]): Result =>
  call(process.execPath, [path.join(root, 'deploy/release/cli.mjs'), ...args], { LAPWING_RELEASE_KEY_FILE: '' });

/** Runs what must succeed. */
function done(...args: string[]): string {
  const { status, out, err } = run(...args);
  expect([status, err]).toEqual([0, '']);
  return out;
}

/** Runs what must be refused in plain words, and gives them. */
function refused(...args: string[]): string {
  const { status, err } = run(...args);
  expect(status).toBe(1);
  expect(err).not.toMatch(/^\s+at /m);
  return err;
}

function keyAt(name: string): { file: string; publicKey: string } {
  const { privateKey, publicKey } = makeKeys();
  fs.writeFileSync(at(name), privateKey, { mode: 0o600 });
  return { file: at(name), publicKey };
}

/** A release that is no more than its names. */
function smallArchive(version: string, folder = 'small'): string {
  const tree = at(`tree-${version}`);
  fs.mkdirSync(tree, { recursive: true });
  const manifest = { schema: 1, version, platform, feedUrl: null, trustedKeys: [] };
  fs.writeFileSync(path.join(tree, 'release.json'), JSON.stringify(manifest));
  fs.writeFileSync(path.join(tree, 'content'), 'x'.repeat(1000));
  done('pack', '--from', tree, '--out', at(folder));
  return at(folder, `lapwing-${version}-${platform}.tar.gz`);
}

const first = keyAt('first.key');
const second = keyAt('second.key');
const feedOf = (folder: string, channel = 'stable', key = first): Feed =>
  verifyEnvelope(fs.readFileSync(path.join(folder, `${channel}.json`), 'utf8'), FEED_STATEMENT, Feed, [key.publicKey]);

afterAll(() => fs.rmSync(home, { recursive: true, force: true }));

describe('lapwing-release keygen', () => {
  it('makes a key that only its owner can read, and says the public half alone', () => {
    const out = done('keygen', '--out', at('made.key'));
    expect([modeOf(at('made.key')), modeOf(at('made.key.pub'))]).toEqual([0o600, 0o644]);
    const [publicKey = ''] = out.split('\n');
    expect(isPublicKey(publicKey)).toBe(true);
    expect(publicKeyOf(fs.readFileSync(at('made.key'), 'utf8'))).toBe(publicKey);
    expect(fs.readFileSync(at('made.key.pub'), 'utf8')).toBe(`${publicKey}\n`);
    expect(out).toContain(keyIdOf(publicKey));
    expect(out).not.toContain('PRIVATE');
  });

  it.each(['there.key', 'there.key.pub'])('overwrites nothing: %s', (name) => {
    fs.writeFileSync(at(name), 'precious');
    expect(refused('keygen', '--out', at('there.key'))).toContain('never overwritten');
    expect(fs.readFileSync(at(name), 'utf8')).toBe('precious');
    fs.rmSync(at(name));
    expect(fs.readdirSync(home).filter((file) => file.startsWith('there'))).toEqual([]);
  });
});

describe('what is odd is told', () => {
  const open = keyAt('open.key');
  fs.chmodSync(open.file, 0o640);
  fs.writeFileSync(at('nonsense.key'), 'SECRET NONSENSE', { mode: 0o600 });
  fs.writeFileSync(at('long.md'), 'x'.repeat(65_537));
  fs.writeFileSync(at('short.md'), 'x');
  fs.mkdirSync(at('full/of'), { recursive: true });
  const release = ['release', '--out', at('none'), '--key', first.file];
  const sign = ['sign', '--feed', at('none'), '--key', first.file];

  it.each<[string, string[]]>([
    ['there is no command "make"', ['make']],
    ['release needs --version, --out', ['release']],
    ["Unknown option '--colour'", [...release, '--version', '1.0.0', '--colour', 'red']],
    ['--version must be like 1.4.0', [...release, '--version', 'v1.0']],
    ['--version must be like 1.4.0', ['stage', '--version', '1.0.0+build', '--to', at('none')]],
    ['--channel must be stable or rc, not "beta"', [...release, '--version', '1.0.0', '--channel', 'beta']],
    ['1.0.0-rc.1 is a candidate', [...release, '--version', '1.0.0-rc.1', '--channel', 'stable']],
    ['--expires-days must be a whole number', [...release, '--version', '1.0.0', '--expires-days', '0']],
    ['--feed-url must be http(s)', [...release, '--version', '1.0.0', '--feed-url', 'ftp://example.org']],
    ['--feed-url must be http(s)', [...release, '--version', '1.0.0', '--feed-url', 'https://u:p@example.org/']],
    ['--notes names', [...release, '--version', '1.0.0', '--notes', at('none.md')]],
    ['the notes have 65537 characters', [...release, '--version', '1.0.0', '--notes', at('long.md')]],
    ['--trust must be a public key', [...release, '--version', '1.0.0', '--trust', 'ed25519:abc']],
    ['name the private key', ['release', '--out', at('none'), '--version', '1.0.0']],
    ['there is no file', ['release', '--out', at('none'), '--version', '1.0.0', '--key', at('none.key')]],
    ['others may read the private key', ['sign', '--feed', at('none'), '--key', open.file]],
    ['must be an Ed25519 key in PEM', ['sign', '--feed', at('none'), '--key', at('nonsense.key')]],
    ['--key is empty', ['sign', '--feed', at('none'), '--key', '']],
    ['is not empty', ['stage', '--version', '1.0.0', '--to', at('full')]],
    [
      '--agent-statement names',
      ['stage', '--version', '1.0.0', '--to', at('none'), '--agent-statement', at('no.json')],
    ],
    ['--from names', ['pack', '--from', at('none'), '--out', at('none')]],
    ['has no release.json', ['pack', '--from', at('full'), '--out', at('none')]],
    ['--archive names', [...sign, '--archive', at('none.tar.gz')]],
    ['a file that "pack" made', [...sign, '--archive', at('long.md')]],
    ['--notes wants --archive', [...sign, '--notes', at('short.md')]],
    ['has no feed stable.json or rc.json', sign],
    ['verify needs --trust', ['verify', '--feed', at('full')]],
    ['has no feed rc.json', ['verify', '--feed', at('full'), '--trust', first.publicKey, '--channel', 'rc']],
  ])('%s', (message, args) => {
    const err = refused(...args);
    expect(err).toContain(message);
    expect(err).not.toContain('SECRET');
    expect(fs.existsSync(at('none'))).toBe(false);
  });

  it.each(['release', 'keygen', 'stage', 'pack', 'sign', 'verify'])('%s --help says what it takes', (name) => {
    expect(done(name, '--help')).toContain(`lapwing-release ${name}: `);
    expect(done('--help')).toContain(`  ${name} `);
  });
});

describe('a feed', () => {
  const feed = at('feed');
  const sign = (...args: string[]): string => done('sign', '--feed', feed, '--key', first.file, ...args);
  const versions = (channel: string): string[] => feedOf(feed, channel).releases.map(({ version }) => version);

  it('names a release of everybody in both channels, and a candidate in rc', () => {
    fs.writeFileSync(at('notes.md'), '# New\n');
    sign('--archive', smallArchive('1.0.0'), '--notes', at('notes.md'));
    sign('--archive', smallArchive('1.1.0-rc.1'));
    expect([versions('stable'), versions('rc')]).toEqual([['1.0.0'], ['1.1.0-rc.1', '1.0.0']]);
    const { releases, sequence, expiresAt, issuedAt } = feedOf(feed);
    expect([sequence, feedOf(feed, 'rc').sequence]).toEqual([1, 2]);
    expect(Date.parse(expiresAt) - Date.parse(issuedAt)).toBe(90 * 86_400_000);
    const [release] = releases;
    const file = path.join(feed, release?.file ?? '');
    expect(release).toMatchObject({ platform, notes: '# New\n', size: fs.statSync(file).size, sha256: sha256(file) });
  });

  it('is issued anew with a higher number and a later end', () => {
    const before = feedOf(feed);
    sign('--expires-days', '100');
    const after = feedOf(feed);
    expect(after).toMatchObject({ sequence: before.sequence + 1, releases: before.releases });
    expect(Date.parse(after.expiresAt)).toBeGreaterThan(Date.parse(before.expiresAt));
    expect(feedOf(feed, 'rc').sequence).toBe(3);
  });

  it('replaces a release of the same version, and keeps twenty', () => {
    sign('--archive', smallArchive('1.0.0'));
    expect(versions('stable')).toEqual(['1.0.0']);
    const [release] = feedOf(feed).releases;
    const many = Array.from({ length: 25 }, (_, minor) => ({ ...release, version: `0.${minor}.0` }));
    const document = { ...feedOf(feed), releases: many };
    const folder = at('many');
    fs.cpSync(feed, folder, { recursive: true });
    const key = fs.readFileSync(first.file, 'utf8');
    fs.writeFileSync(path.join(folder, 'stable.json'), JSON.stringify(signEnvelope(FEED_STATEMENT, document, [key])));
    done('sign', '--feed', folder, '--key', first.file, '--channel', 'stable');
    const kept = feedOf(folder).releases.map(({ version }) => version);
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([20, '0.24.0', '0.5.0']);
  });

  it('passes to another key by way of both', () => {
    const folder = at('passed');
    fs.cpSync(feed, folder, { recursive: true });
    expect(refused('sign', '--feed', folder, '--key', second.file)).toContain('no key that is trusted');
    done('sign', '--feed', folder, '--key', first.file, '--key', second.file);
    expect(feedOf(folder, 'stable', first)).toEqual(feedOf(folder, 'stable', second));
    done('sign', '--feed', folder, '--key', second.file);
    expect(() => feedOf(folder, 'stable', first)).toThrow('no key that is trusted');
  });

  it('is read with the public half of a key that was lost', () => {
    const folder = at('lost');
    fs.cpSync(feed, folder, { recursive: true });
    const { sequence } = feedOf(folder);
    done('sign', '--feed', folder, '--key', second.file, '--trust', first.publicKey);
    expect(feedOf(folder, 'stable', second).sequence).toBe(sequence + 1);
  });

  it('does not take an archive under another name, or one that was cut', () => {
    const archive = smallArchive('1.0.0');
    const renamed = archive.replace('1.0.0', '9.0.0');
    fs.copyFileSync(archive, renamed);
    expect(refused('sign', '--feed', feed, '--key', first.file, '--archive', renamed)).toContain(
      'whatever its name says',
    );
    fs.writeFileSync(renamed, fs.readFileSync(archive).subarray(0, 200));
    expect(refused('sign', '--feed', feed, '--key', first.file, '--archive', renamed)).toContain(
      'whatever its name says',
    );
    expect(versions('stable')).toEqual(['1.0.0']);
  });

  it.each(['an older one', 'nothing'])('goes on from what was signed last when somebody has put %s there', (what) => {
    const folder = at(`held ${what}`);
    const signInto = (...args: string[]): string => done('sign', '--feed', folder, '--key', first.file, ...args);
    signInto('--archive', smallArchive('1.0.0'));
    const old = fs.readFileSync(path.join(folder, 'stable.json'));
    signInto('--archive', smallArchive('1.2.0'));
    if (what === 'nothing') fs.rmSync(path.join(folder, 'stable.json'));
    else fs.writeFileSync(path.join(folder, 'stable.json'), old);
    expect(signInto('--archive', smallArchive('1.0.0'))).toContain('going on from that');
    expect(feedOf(folder)).toMatchObject({ sequence: 3, releases: [{ version: '1.2.0' }, { version: '1.0.0' }] });
  });

  it('is not published when it cannot be noted beside the key', () => {
    const folder = at('unnoted');
    const { file } = keyAt('unnoted.key');
    fs.mkdirSync(`${file}.signed.json`);
    expect(refused('sign', '--feed', folder, '--key', file, '--archive', smallArchive('1.0.0'))).toMatch(
      /signed\.json is broken|cannot be/,
    );
    expect(fs.existsSync(path.join(folder, 'stable.json'))).toBe(false);
  });

  it('leaves no halves behind', () => {
    expect(fs.readdirSync(feed).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('lapwing-release verify', () => {
  const good = at('good');
  const name = `lapwing-1.0.0-${platform}`;
  let count = 0;

  beforeAll(() => {
    done('sign', '--feed', good, '--key', first.file, '--archive', smallArchive('1.0.0', 'for-good'));
  });

  function changed(change: (folder: string) => void): string {
    const folder = at(`changed-${++count}`);
    fs.cpSync(good, folder, { recursive: true });
    change(folder);
    return refused('verify', '--feed', folder, '--trust', first.publicKey);
  }

  function flip(file: string): void {
    const bytes = fs.readFileSync(file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    fs.writeFileSync(file, bytes);
  }

  it('finds nothing wrong where nothing is', () => {
    expect(done('verify', '--feed', good, '--trust', second.publicKey, '--trust', first.publicKey)).toContain(
      'is good',
    );
  });

  it.each<[string, string]>([
    [`${name}.tar.gz`, `${name}.tar.gz has the SHA-256`],
    [`${name}.tar.gz.sha256`, `${name}.tar.gz.sha256 says something else`],
    [`${name}.sbom.json`, `${name}.sbom.json has the SHA-256`],
    ['stable.json', 'stable.json: '],
    ['rc.json', 'rc.json: '],
  ])('finds a changed bit in %s, and that it is missing', (file, message) => {
    expect(changed((folder) => flip(path.join(folder, file)))).toContain(message);
    if (file.startsWith(name))
      expect(changed((folder) => fs.rmSync(path.join(folder, file)))).toContain(`${file} is missing`);
  });

  it('finds an archive that was cut', () => {
    expect(changed((folder) => fs.truncateSync(path.join(folder, `${name}.tar.gz`), 10))).toContain(
      'has 10 bytes, not',
    );
  });

  it('finds a feed that has expired, and one under the name of another', () => {
    const key = fs.readFileSync(first.file, 'utf8');
    const old = { issuedAt: '2020-01-01T00:00:00Z', expiresAt: '2020-02-01T00:00:00Z' };
    const expired = JSON.stringify(signEnvelope(FEED_STATEMENT, { ...feedOf(good), ...old }, [key]));
    expect(changed((folder) => fs.writeFileSync(path.join(folder, 'stable.json'), expired))).toContain('has expired');
    expect(
      changed((folder) => fs.copyFileSync(path.join(folder, 'rc.json'), path.join(folder, 'stable.json'))),
    ).toContain('is the feed of the channel rc');
  });

  it('believes no other key', () => {
    expect(refused('verify', '--feed', good, '--trust', second.publicKey)).toContain('no key that is trusted');
  });
});

describe('lapwing-release pack', () => {
  it.each(['/etc/passwd', '../../out'])('packs no link that leads out, as to %s', (target) => {
    const tree = at('leads-out');
    fs.rmSync(tree, { recursive: true, force: true });
    fs.mkdirSync(path.join(tree, 'inside'), { recursive: true });
    fs.writeFileSync(path.join(tree, 'release.json'), JSON.stringify({ version: '1.0.0', platform }));
    fs.symlinkSync(target, path.join(tree, 'inside/link'));
    expect(refused('pack', '--from', tree, '--out', at('small'))).toContain('leads out of the release');
  });
});

describe('a release', () => {
  const version = '7.8.9-rc.1';
  const name = `lapwing-${version}-${platform}`;
  const feed = at('real');
  const unpacked = at('unpacked', `lapwing-${version}`);
  const feedUrl = 'https://releases.example.org/lapwing';
  /** As tar lists them: mode, owner, size, date, time, name, and where a link leads. */
  let listed: string[][];

  beforeAll(() => {
    const options = ['--feed-url', feedUrl, '--trust', second.publicKey];
    done('release', '--version', version, '--key', first.file, '--out', feed, ...options);
    fs.mkdirSync(at('unpacked'));
    expect(call('tar', ['xzf', path.join(feed, `${name}.tar.gz`), '-C', at('unpacked')]).status).toBe(0);
    const list = call('tar', ['tvzf', path.join(feed, `${name}.tar.gz`), '--numeric-owner', '--utc']).out;
    listed = list
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/));
  }, 120_000);

  it('can be made again without its key, elsewhere and later, byte by byte', () => {
    const statement = path.join(unpacked, 'apps/collector/dist/agent/lapwing-agent.mjs.json');
    const options = ['--feed-url', feedUrl, '--trust', first.publicKey, '--trust', second.publicKey];
    const to = at('again/deeper/tree');
    done('stage', '--version', version, '--to', to, ...options, '--agent-statement', statement);
    for (const file of ['release.json', 'deploy/local/start.mjs']) {
      fs.chmodSync(path.join(to, file), 0o600);
      fs.utimesSync(path.join(to, file), 1, 1);
    }
    done('pack', '--from', to, '--out', at('again'));
    for (const file of [`${name}.tar.gz`, `${name}.tar.gz.sha256`, `${name}.sbom.json`])
      expect([file, sha256(at('again', file))]).toEqual([file, sha256(path.join(feed, file))]);
  }, 120_000);

  it('holds nobody else, nothing outside, and one time', () => {
    const names = listed.map((line) => line[5] ?? '');
    expect(names.filter((one) => one.split('/')[0] !== `lapwing-${version}` || one.split('/').includes('..'))).toEqual(
      [],
    );
    expect(new Set(listed.map((line) => line[1]))).toEqual(new Set(['0/0']));
    expect(new Set(listed.map((line) => `${line[3]} ${line[4]}`)).size).toBe(1);
    const modes = ['drwxr-xr-x', '-rw-r--r--', '-rwxr-xr-x', 'lrwxrwxrwx'];
    expect(listed.map((line) => line[0]).filter((mode) => !modes.includes(mode ?? ''))).toEqual([]);
    const links = listed.filter((line) => line[0]?.startsWith('l'));
    const led = links.map((line) => path.posix.join(path.posix.dirname(line[5] ?? ''), line[7] ?? ''));
    expect(led.filter((one) => !fs.existsSync(at('unpacked', one)))).toEqual([]);
    expect(led.length).toBeGreaterThan(15);
  });

  it('holds what runs, and nothing for those who develop', () => {
    const names = listed.map((line) => (line[5] ?? '').slice(`lapwing-${version}/`.length));
    const odd =
      /\.(map|ts|mts|cts|tsbuildinfo|spec\.js)$|(^|\/)(typescript|jest|esbuild|prettier|oxlint|@types)\/|^(libs\/testing|e2e|bench)\//;
    expect(names.filter((one) => odd.test(one))).toEqual([]);
    const { packages } = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean }>;
    };
    const folders = new Set(names);
    const ofDevelopment = Object.keys(packages).filter((place) => packages[place]?.dev && folders.has(place));
    expect(ofDevelopment).toEqual([]);
    for (const file of ['LICENSE', 'node_modules/zod/LICENSE', 'apps/auth/migrations', 'libs/postgres/sql'])
      expect(names).toContain(file);
  });

  it('is one version throughout, and says whom it believes', () => {
    const manifests = ['.', ...['apps', 'libs'].flatMap((group) => below(group))];
    for (const place of manifests)
      expect([place, (readJson(place, 'package.json') as { version: string }).version]).toEqual([place, version]);
    const trustedKeys = [first.publicKey, second.publicKey];
    expect(readJson('.', 'release.json')).toEqual({ schema: 1, version, platform, feedUrl, trustedKeys });
  });

  it('has an agent of its version, which its key has signed', () => {
    const file = path.join(unpacked, 'apps/collector/dist/agent/lapwing-agent.mjs');
    const statement = verifyEnvelope(fs.readFileSync(`${file}.json`, 'utf8'), AGENT_STATEMENT, AgentStatement, [
      first.publicKey,
    ]);
    expect(statement).toEqual({ schema: 1, version, size: fs.statSync(file).size, sha256: sha256(file) });
    expect(fs.readFileSync(file, 'utf8')).toContain(`"${version}"`);
  });

  it('comes with a bill of exactly what is in it', () => {
    const text = fs.readFileSync(path.join(feed, `${name}.sbom.json`), 'utf8');
    const bill = JSON.parse(text) as Bill;
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.5', version: 1 });
    expect(bill.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const named = bill.components.map(
      ({ group, name: one, version: its }) => `${group ? `${group}/` : ''}${one}@${its}`,
    );
    expect(named.toSorted()).toEqual(shipped().toSorted());
    const refs = new Set(['lapwing', ...bill.components.map((component) => component['bom-ref'])]);
    expect(refs.size).toBe(bill.components.length + 1);
    expect(
      bill.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]).filter((ref) => !refs.has(ref)),
    ).toEqual([]);
    const others = bill.components.filter(({ group }) => group !== '@lapwing');
    expect(others.filter(({ purl, hashes, licenses }) => !purl || !hashes || !licenses)).toEqual([]);
    expect(text.match(/https?:\/\/[^"]*/g)).toEqual(['http://cyclonedx.org/schema/bom-1.5.schema.json']);
  });

  it('starts without packages to install or code to compile', () => {
    const start = call(process.execPath, ['deploy/local/start.mjs', '--help'], {}, unpacked);
    expect([start.status, start.out.startsWith('Lapwing: ')]).toEqual([0, true]);
    // Neither touches anything, because nothing is missing.
    const script = "import { build, installPackages } from './deploy/local/install.mjs'; installPackages(); build();";
    const install = call(process.execPath, ['--input-type=module', '-e', script], {}, unpacked);
    expect(install).toEqual({ status: 0, out: '', err: '' });
  });

  it('finds all that its services import', () => {
    const files = below('apps').flatMap(modulesOf);
    expect(files.length).toBeGreaterThan(7);
    const script = `for (const file of ${JSON.stringify(files)}) await import('./' + file);`;
    const { status, err } = call(process.execPath, ['--input-type=module', '-e', script], {}, unpacked);
    expect([status, err]).toEqual([0, '']);
  });

  interface Bill {
    serialNumber: string;
    components: {
      'bom-ref': string;
      group?: string;
      name: string;
      version: string;
      purl?: string;
      hashes?: unknown;
      licenses?: unknown;
    }[];
    dependencies: { ref: string; dependsOn: string[] }[];
  }

  const readJson = (...names: string[]): unknown =>
    JSON.parse(fs.readFileSync(path.join(unpacked, ...names), 'utf8')) as unknown;
  const below = (group: string): string[] => fs.readdirSync(path.join(unpacked, group)).map((one) => `${group}/${one}`);
  const modulesOf = (place: string): string[] => {
    const dist = path.join(unpacked, place, 'dist');
    return fs.readdirSync(dist).flatMap((file) => (file.endsWith('.module.js') ? [`${place}/dist/${file}`] : []));
  };

  /** Name and version of every package of the archive. */
  function shipped(): string[] {
    const manifest = /^(?:(?:apps|libs)\/[^/]+|(?:.+\/)?node_modules\/(?:@[^/]+\/)?[^@/][^/]*)\/package\.json$/;
    return listed.flatMap((line) => {
      const file = (line[5] ?? '').slice(`lapwing-${version}/`.length);
      if (!manifest.test(file)) return [];
      const { name: one, version: its } = readJson(file) as { name: string; version: string };
      return [`${one}@${its}`];
    });
  }
});
