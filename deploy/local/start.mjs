// `npm start`: from nothing to a running Lapwing. `--services` runs every service in a process of its own.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { commandOf } from './apps.mjs';
import { Child, ensureFolder, tail } from './child.mjs';
import { build, installPackages } from './install.mjs';
import { readOptions, root } from './options.mjs';
import { claimPort, freePort, keptSecret, startNats, startPostgres, startRedis } from './servers.mjs';
import { LaunchError, fail, step } from './steps.mjs';

const READY_MS = 120_000;

/** What runs, in the order in which it was started. @type {Child[]} */
const children = [];

async function main() {
  const options = readOptions();
  takeLock(options.dataDir);
  await claimPort(Number(options.environment.PORT ?? 8080), options.environment.HOST ?? '127.0.0.1');
  installPackages();
  build();
  stopOnSignals();
  step('starting servers');
  const urls = await startServers(options);
  const login = firstLogin(options);
  const environment = { ...(await environmentOf(options, urls)), ...login.environment };
  const logs = ensureFolder(options.dataDir, 'logs');
  const apps = options.services ? ['settings', 'auth', 'metrics-store', 'collector', 'gateway'] : ['standalone'];
  step(`starting ${apps.join(', ')}`);
  for (const app of apps) children.push(startApp(app, environment, logs));
  await waitUntilReady(environment, logs, apps);
  const url = `http://${reachable(environment.HOST)}:${environment.PORT}`;
  process.stdout.write(`
  Lapwing is running:   ${url}/api/docs
  Log in:               ${login.hint}
  From a terminal:      curl --json '{"username":"admin","password":"…"}' ${url}/api/v1/auth/login
                        curl -H 'Authorization: Bearer <token>' ${url}/api/v1/system/resources
  Data and logs:        ${options.dataDir}
  Stop:                 Ctrl-C

`);
}

/**
 * Who may log in. Where the environment says nothing about it, the first user gets a password that is made here, shown once
 * and kept for its owner.
 * @param {ReturnType<typeof readOptions>} options
 * @returns {{ hint: string, environment: Record<string, string> }}
 */
function firstLogin({ dataDir, environment: given }) {
  const { PULSE_AUTH_USER: user, API_TOKENS: tokens, API_TOKEN: token } = process.env;
  /** @type {Record<string, string>} */
  const environment = {};
  if (!process.env.LAPWING_SECRET_KEY && !process.env.LAPWING_SECRET_KEY_FILE) {
    environment.LAPWING_SECRET_KEY_FILE = path.join(dataDir, 'secret.key');
    keptSecret(environment.LAPWING_SECRET_KEY_FILE, () => randomBytes(32).toString('hex'));
  }
  if (user) return { hint: `${user}, with the password of PULSE_AUTH_PASS`, environment };
  if (given.LAPWING_ADMIN_PASSWORD)
    return { hint: 'admin, with the password of LAPWING_ADMIN_PASSWORD (of the first start)', environment };
  if (tokens || token) return { hint: 'with the API tokens of the environment; there is no user', environment };
  const file = path.join(dataDir, 'admin-password');
  const isNew = !fs.existsSync(file);
  const password = keptSecret(file, () => randomBytes(15).toString('base64url').replace(/[-_]/g, 'x'));
  environment.LAPWING_ADMIN_PASSWORD = password;
  const hint = isNew
    ? `admin, password ${password} (shown once; kept in ${file})`
    : `admin; the first password is in ${file}`;
  return { hint, environment };
}

/**
 * @param {string} app
 * @param {Record<string, string>} environment
 * @param {string} logs
 */
function startApp(app, environment, logs) {
  const log = path.join(logs, `${app}.log`);
  fs.rmSync(log, { force: true });
  const { args, env: own } = commandOf(app);
  const env = { ...environment, ...own };
  return new Child({ name: app, program: process.execPath, args, env, cwd: root, log }).start();
}

/** @param {ReturnType<typeof readOptions>} options */
async function startServers({ dataDir, environment }) {
  const home = ensureFolder(dataDir);
  const start = async (
    /** @type {string | undefined} */ given,
    /** @type {() => Promise<{ child: Child, url: string }>} */ begin,
  ) => {
    if (given !== undefined) return given;
    const { child, url } = await begin();
    children.push(child);
    return url;
  };
  const [nats, redis, postgres] = await Promise.all([
    start(environment.NATS_URL, () => startNats(dataDir, home)),
    start(environment.REDIS_URL, () => startRedis(dataDir, home)),
    start(environment.DATABASE_URL, () => startPostgres(home)),
  ]);
  return { NATS_URL: nats, REDIS_URL: redis, DATABASE_URL: postgres };
}

/**
 * @param {ReturnType<typeof readOptions>} options
 * @param {Record<string, string>} urls
 */
async function environmentOf({ dataDir, environment }, urls) {
  const port = environment.PORT === '0' ? String(await freePort()) : (environment.PORT ?? '8080');
  return {
    NODE_ENV: process.env.NODE_ENV ?? 'production',
    ...environment,
    ...urls,
    PORT: port,
    HOST: environment.HOST ?? '127.0.0.1',
    COLLECTOR_DATA_DIR: path.join(dataDir, 'collector'),
    LAPWING_LAUNCHER_PID: String(process.pid),
  };
}

/** @param {string | undefined} host an address on which is listened; where that is all, this machine is among them */
function reachable(host = '127.0.0.1') {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * @param {Record<string, string>} environment
 * @param {string} logs
 * @param {string[]} apps
 */
async function waitUntilReady(environment, logs, apps) {
  const host = reachable(environment.HOST);
  const until = performance.now() + READY_MS;
  while (performance.now() < until) {
    const restarted = children.find((child) => apps.includes(child.program.name) && child.restarts > 0);
    if (restarted) throw new LaunchError(`${restarted.program.name} does not start:\n${tail(restarted.program.log)}`);
    try {
      const answer = await fetch(`http://${host}:${environment.PORT}/api/system/health/ready`, {
        signal: AbortSignal.timeout(3000),
      });
      if (answer.status === 200) return;
    } catch {
      // not listening yet
    }
    await pause(50);
  }
  throw new LaunchError(`Lapwing is not ready after ${READY_MS / 1000} s; see the logs in ${logs}`);
}

/**
 * One launcher a data folder: two would start two PostgreSQL servers on the same files.
 * @param {string} dataDir
 */
function takeLock(dataDir) {
  const file = path.join(ensureFolder(dataDir), 'launcher.pid');
  const holder = fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : 0;
  if (holder > 0 && holder !== process.pid && isLauncher(holder))
    throw new LaunchError(
      `Lapwing runs already on ${dataDir} (process ${holder}): stop it, or choose another folder with --data-dir`,
    );
  fs.writeFileSync(file, String(process.pid));
  process.on('exit', () => fs.rmSync(file, { force: true }));
}

/** @param {number} pid */
function isLauncher(pid) {
  try {
    process.kill(pid, 0);
    return !fs.existsSync('/proc/self') || fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('start.mjs');
  } catch {
    return false;
  }
}

/** Ends what runs, in the opposite order: services first, then the servers they need. */
async function stopAll() {
  for (const child of children.toReversed()) await child.stop();
}

function stopOnSignals() {
  let stopping = false;
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      step('stopping');
      stopAll().then(() => process.exit(0), fail);
    });
}

main().catch(async (error) => {
  await stopAll().catch(() => {});
  fail(error);
});
