// Starts private servers on free loopback ports, with their data under one folder.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findPostgres, findServer } from './binaries.mjs';
import { Child, ensureFolder, tail } from './child.mjs';
import { root } from './options.mjs';
import { LaunchError, step } from './steps.mjs';

const READY_MS = 60_000;

/** @returns {Promise<number>} a port of the loopback address that is free now */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Makes sure that a port can be listened on, before anything is started for it.
 * @param {number} port
 * @param {string} host
 */
export async function claimPort(port, host) {
  const server = net.createServer();
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(undefined));
  }).catch((/** @type {NodeJS.ErrnoException} */ error) => {
    if (error.code === 'EADDRINUSE')
      throw new LaunchError(
        `port ${port} of ${host} is in use: stop what uses it, or choose another with --port or PORT`,
      );
    throw new LaunchError(`Lapwing cannot listen on ${host}, port ${port}: ${error.message}`);
  });
  await new Promise((resolve) => server.close(resolve));
}

/**
 * A secret that is kept in a file which only its owner may read.
 * @param {string} file
 * @param {() => string} make
 */
export function keptSecret(file, make = () => randomBytes(24).toString('hex')) {
  if (!fs.existsSync(file)) fs.writeFileSync(file, make(), { mode: 0o600 });
  return fs.readFileSync(file, 'utf8').trim();
}

/**
 * Waits until a server answers its own protocol.
 * @param {Child} child
 * @param {number} port
 * @param {Buffer | string} question
 * @param {(answer: Buffer) => boolean} right
 * @param {string} [host]
 */
async function ready(child, port, question, right, host = '127.0.0.1') {
  const until = performance.now() + READY_MS;
  while (performance.now() < until) {
    const answer = await new Promise((resolve) => {
      const socket = net.connect(port, host, () => question.length > 0 && socket.write(question));
      const done = (/** @type {Buffer | undefined} */ data) => {
        socket.destroy();
        resolve(data);
      };
      socket.setTimeout(500, () => done(undefined));
      socket.once('data', done);
      socket.once('error', () => done(undefined));
    });
    if (answer && right(answer)) return;
    if (child.restarts > 3) break;
    await pause(20);
  }
  throw new LaunchError(
    `${child.program.name} does not start. The end of its log (${child.program.log}):\n${tail(child.program)}`,
  );
}

/** The largest message that the bus carries: a Docker host of many containers, reported at once. */
const MAX_PAYLOAD = 4 * 2 ** 20;

/**
 * NATS with JetStream.
 * @param {string} dataDir
 * @param {string} home
 * @param {{ keys?: string, host?: string, port?: number, reachable?: string }} [options] the folder of the keys whose holders it lets in
 * (everybody without); where it listens (on a free port of the loopback address), and where this machine reaches it
 */
export async function startNats(dataDir, home, options = {}) {
  const { program } = findServer('nats', dataDir);
  const folder = ensureFolder(home, 'nats');
  const host = options.host ?? '127.0.0.1';
  const port = options.port ?? (await freePort());
  const near = options.reachable ?? '127.0.0.1';
  const config = path.join(folder, 'nats.conf');
  const lines = [`max_payload: ${MAX_PAYLOAD}`];
  if (options.keys)
    lines.push(
      fs.readFileSync(path.join(options.keys, 'auth.conf'), 'utf8'),
      `resolver: { type: full, dir: ${JSON.stringify(ensureFolder(folder, 'accounts'))}, allow_delete: false, interval: "1m" }`,
    );
  fs.writeFileSync(config, `${lines.join('\n')}\n`, { mode: 0o600 });
  const place = ['--addr', host, '--port', String(port), '--config', config];
  const args = [...place, '--jetstream', '--store_dir', folder, '--pid', path.join(folder, 'nats.pid')];
  const child = new Child({ name: 'NATS', program, args, log: path.join(folder, 'nats.log') }).start();
  await ready(child, port, '', (answer) => answer.toString().startsWith('INFO'), near.replace(/^\[|\]$/g, ''));
  return { child, url: `nats://${near}:${port}`, port };
}

/**
 * Makes the keys with which NATS, the services and fleet know each other, or makes the services' credentials anew.
 * @param {string} folder
 */
export function makeBusKeys(folder) {
  const program = path.join(root, 'libs/bus/dist/make-keys.js');
  const { status, stderr } = spawnSync(process.execPath, [program, folder], { encoding: 'utf8' });
  if (status !== 0) throw new LaunchError(`the keys of the message bus cannot be made:\n${stderr}`);
  return folder;
}

/**
 * Redis with a password, kept on disk.
 * @param {string} dataDir
 * @param {string} home
 */
export async function startRedis(dataDir, home) {
  const { program, libraries } = findServer('redis', dataDir);
  const folder = ensureFolder(home, 'redis');
  const password = keptSecret(path.join(folder, 'password'));
  const port = await freePort();
  const config = path.join(folder, 'redis.conf');
  const lines = [
    `bind 127.0.0.1`,
    `port ${port}`,
    `dir ${JSON.stringify(folder)}`,
    `requirepass ${password}`,
    // Sessions must not come back from a file after they were ended: a restart logs everyone out.
    "save ''",
    'appendonly no',
    'daemonize no',
  ];
  fs.writeFileSync(config, `${lines.join('\n')}\n`, { mode: 0o600 });
  const env = libraries ? { LD_LIBRARY_PATH: libraries } : {};
  const child = new Child({ name: 'Redis', program, args: [config], env, log: path.join(folder, 'redis.log') }).start();
  await ready(child, port, 'PING\r\n', (answer) => /^[+-]/.test(answer.toString()));
  return { child, url: `redis://:${password}@127.0.0.1:${port}` };
}

/**
 * PostgreSQL, with a database of the name "lapwing". PostgreSQL refuses to run as root: then it runs as nobody of a user
 * namespace of its own, so that its files stay root's and need no folder that others may enter; where namespaces are
 * forbidden it runs as the user "nobody".
 * @param {string} home
 * @param {string} [bin] folder of its programs
 * @param {Record<string, string>} [more] settings beside its own, or instead
 */
export async function startPostgres(home, bin = findPostgres(), more = {}) {
  const folder = ensureFolder(home, 'postgres');
  const data = path.join(folder, 'data');
  const log = path.join(folder, 'postgres.log');
  const password = keptSecret(path.join(folder, 'password'));
  const wrap = asUser(folder);
  if (!fs.existsSync(path.join(data, 'PG_VERSION'))) {
    step('making the database');
    fs.rmSync(data, { recursive: true, force: true });
    const args = [
      '-D',
      data,
      '-U',
      'lapwing',
      '--auth=scram-sha-256',
      `--pwfile=${path.join(folder, 'password')}`,
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ];
    const [command = '', ...rest] = wrap(path.join(bin, 'initdb'), args);
    const { status, stdout, stderr } = spawnSync(command, rest, { encoding: 'utf8', cwd: folder });
    if (status !== 0) throw new LaunchError(`PostgreSQL cannot make its database:\n${stdout}\n${stderr}`);
  }
  checkVersion(data, bin);
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    shared_buffers: '128MB',
    max_wal_size: '2GB',
    wal_compression: 'on',
    max_connections: '60',
    jit: 'off',
    timezone: 'UTC',
    ...(hasTimescale(bin) && { shared_preload_libraries: 'timescaledb', 'timescaledb.telemetry_level': 'off' }),
    ...more,
  };
  const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const [program = '', ...rest] = wrap(path.join(bin, 'postgres'), args);
  const child = new Child({ name: 'PostgreSQL', program, args: rest, log, cwd: folder, stopSignal: 'SIGINT' }).start();
  // SSLRequest: the server answers one byte, S or N
  await ready(child, port, Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]), (answer) => answer[0] === 78 || answer[0] === 83);
  await acceptsLogins(data);
  const url = `postgres://lapwing:${password}@127.0.0.1:${port}`;
  return { child, url: `${url}/postgres`, pidFile: path.join(data, 'postmaster.pid') };
}

/**
 * Waits until PostgreSQL lets clients in: it answers earlier, while it still recovers what was not written when it was killed.
 * @param {string} data
 */
export async function acceptsLogins(data) {
  const until = performance.now() + READY_MS;
  const file = path.join(data, 'postmaster.pid');
  // The eighth line of its file says how it is.
  while (performance.now() < until) {
    const state = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n')[7] : '';
    if (state?.trim() === 'ready') return;
    await pause(20);
  }
  throw new LaunchError('PostgreSQL does not let anybody in: it still recovers, see its log');
}

/**
 * Whether TimescaleDB is installed for these programs.
 * @param {string} bin
 */
export function hasTimescale(bin) {
  return [path.join(bin, '../lib/timescaledb.so'), path.join(bin, '../lib/postgresql/timescaledb.so')].some((file) =>
    fs.existsSync(file),
  );
}

/**
 * @param {string} data
 * @param {string} bin
 */
function checkVersion(data, bin) {
  const made = fs.readFileSync(path.join(data, 'PG_VERSION'), 'utf8').trim();
  const { stdout } = spawnSync(path.join(bin, 'postgres'), ['--version'], { encoding: 'utf8' });
  const program = /(\d+)/.exec(stdout ?? '')?.[1];
  if (program !== undefined && program !== made)
    throw new LaunchError(
      `the data in ${data} are of PostgreSQL ${made}, the program is ${program}: set LAPWING_POSTGRES_BIN to version ${made}`,
    );
}

/**
 * @param {string} folder
 * @returns {(program: string, args: string[]) => string[]}
 */
function asUser(folder) {
  if (process.getuid?.() !== 0) return (program, args) => [program, ...args];
  const namespace = ['unshare', '-U', '--map-user=65534', '--map-group=65534', '--'];
  if (spawnSync('unshare', [...namespace.slice(1), 'true']).status === 0)
    return (program, args) => [...namespace, program, ...args];
  spawnSync('chown', ['-R', 'nobody', folder]);
  return (program, args) => ['runuser', '-u', 'nobody', '--', program, ...args];
}
