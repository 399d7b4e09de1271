// `npm start`: from nothing to a running Lapwing. `--services` runs every service in a process of its own.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { commandOf } from './apps.mjs';
import { Child, ensureFolder, tail } from './child.mjs';
import { build, installPackages } from './install.mjs';
import { opsPorts } from './ops-ports.mjs';
import { readOptions, root } from './options.mjs';
import { claimPort, freePort, keptSecret, makeBusKeys, startNats, startPostgres, startRedis } from './servers.mjs';
import { LaunchError, fail, step } from './steps.mjs';

/** An installed version on trial may be given longer. */
const READY_MS = Math.max(120, Number(process.env.LAPWING_TRIAL_SECONDS) || 0) * 1000;

/** What runs, in the order in which it was started. @type {Child[]} */
const children = [];

async function main() {
  const options = readOptions();
  takeLock(options.dataDir);
  await claimPort(Number(options.environment.PORT ?? 8080), options.environment.HOST ?? '127.0.0.1');
  const agentsPort = options.environment.LAPWING_AGENTS_PORT;
  if (agentsPort) await claimPort(Number(agentsPort), options.environment.HOST ?? '127.0.0.1');
  installPackages();
  build();
  stopOnSignals();
  step('starting servers');
  const urls = await startServers(options);
  const login = firstLogin(options);
  const environment = { ...(await environmentOf(options, urls)), ...login.environment };
  const logs = ensureFolder(options.dataDir, 'logs');
  const apps = options.services
    ? [
        'settings',
        'auth',
        'metrics-store',
        'log-store',
        'fleet',
        'alerting',
        'updates',
        'collector',
        'poller',
        'gateway',
      ]
    : ['standalone'];
  step(`starting ${apps.join(', ')}`);
  const ports = await opsPorts(apps, options.dataDir);
  for (const app of apps) children.push(startApp(app, { ...environment, ...ports[app] }, logs));
  await waitUntilReady(environment, logs, apps);
  const url = `http://${reachable(environment.HOST)}:${environment.PORT}`;
  process.stdout.write(`
  Lapwing is running:   ${url}/api/docs
  Log in:               ${login.hint}
  From a terminal:      curl --json '{"username":"admin","password":"…"}' ${url}/api/v1/auth/login
                        curl -H 'Authorization: Bearer <token>' ${url}/api/v1/system/resources
  Add a host:           ${addHost(options, url)}
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
  // The collector reads these: their names say which process printed them, and where. It finishes those of the last run under their new names.
  const log = path.join(logs, `${app}-out.log`);
  const errorLog = path.join(logs, `${app}-err.log`);
  for (const file of [log, errorLog]) if (fs.existsSync(file)) fs.renameSync(file, `${file}.1`);
  const { args, env: own } = commandOf(app);
  const env = { ...environment, ...own };
  return new Child({ name: app, program: process.execPath, args, env, cwd: root, log, errorLog, ipc: true }).start();
}

/**
 * Starts the servers that are not given, and says where all of them are.
 * @param {ReturnType<typeof readOptions>} options
 * @returns {Promise<Record<string, string>>}
 */
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
  const keys = environment.NATS_URL ? undefined : path.join(home, 'nats/keys');
  const { HOST: host, LAPWING_AGENTS_PORT: agentsPort } = environment;
  const place = agentsPort ? { host: host ?? '127.0.0.1', port: Number(agentsPort), reachable: reachable(host) } : {};
  const [nats, redis, postgres] = await Promise.all([
    start(environment.NATS_URL, () => startNats(dataDir, home, { keys: makeBusKeys(keys ?? ''), ...place })),
    start(environment.REDIS_URL, () => startRedis(dataDir, home)),
    start(environment.DATABASE_URL, () => startPostgres(home)),
  ]);
  const urls = { NATS_URL: nats, REDIS_URL: redis, DATABASE_URL: postgres };
  if (!keys) return urls;
  return {
    ...urls,
    NATS_CREDENTIALS_DIR: path.join(keys, 'credentials'),
    FLEET_AUTHORITY_FILE: path.join(keys, 'authority.json'),
    ...(agentsPort && !process.env.FLEET_AGENT_NATS_URL && { FLEET_AGENT_NATS_URL: `nats://{host}:${agentsPort}` }),
  };
}

/**
 * @param {ReturnType<typeof readOptions>} options
 * @param {Record<string, string>} urls
 * @returns {Promise<Record<string, string>>}
 */
async function environmentOf({ dataDir, environment }, urls) {
  const port = environment.PORT === '0' ? String(await freePort()) : (environment.PORT ?? '8080');
  const host = environment.HOST ?? '127.0.0.1';
  return {
    NODE_ENV: process.env.NODE_ENV ?? 'production',
    ...environment,
    ...urls,
    ...((urls.FLEET_AUTHORITY_FILE ?? process.env.FLEET_AUTHORITY_FILE) &&
      (await localAgent(`http://${reachable(host)}:${port}`))),
    PORT: port,
    HOST: host,
    COLLECTOR_DATA_DIR: path.join(dataDir, 'collector'),
    COLLECTOR_SERVICE_LOG_DIR: path.join(dataDir, 'logs'),
    SETTINGS_DATA_DIR: process.env.SETTINGS_DATA_DIR ?? dataDir,
    LAPWING_LAUNCHER_PID: String(process.pid),
  };
}

/**
 * This machine's own agent enrols like any other; the launcher vouches for it with a token that is made anew at each start.
 * @param {string} url
 * @returns {Promise<Record<string, string>>}
 */
async function localAgent(url) {
  const { agentIdFromHostname } = await import(path.join(root, 'libs/contracts/dist/agent.js'));
  const id = process.env.COLLECTOR_AGENT_ID || agentIdFromHostname(os.hostname());
  const token = randomBytes(24).toString('hex');
  return {
    COLLECTOR_AGENT_ID: id,
    LAPWING_URL: url,
    LAPWING_ALLOW_HTTP: 'true',
    LAPWING_ENROLLMENT_TOKEN: token,
    FLEET_LOCAL_AGENT: id,
    FLEET_LOCAL_ENROLLMENT_TOKEN: token,
  };
}

/**
 * How another host is added, or what is missing for that.
 * @param {ReturnType<typeof readOptions>} options
 * @param {string} url
 */
function addHost({ environment }, url) {
  const { HOST: host = '127.0.0.1', LAPWING_AGENTS_PORT: agentsPort, NATS_URL: given } = environment;
  const local = /^(127\.|localhost$|::1$)/.test(host);
  if (local || (!agentsPort && !given))
    return 'start with --host 0.0.0.0 --agents-port 4222 first, so that others reach this machine';
  const shown = url.replace(/127\.0\.0\.1|\[::1\]/, os.hostname());
  return `curl -fsSL '${shown}/install-agent.sh' | sudo bash -s -- --url '${shown}' --allow-http, then approve it`;
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
    if (restarted) throw new LaunchError(`${restarted.program.name} does not start:\n${tail(restarted.program)}`);
    try {
      const answer = await fetch(`http://${host}:${environment.PORT}/api/system/health/ready`, {
        signal: AbortSignal.timeout(3000),
      });
      const { services = {} } = /** @type {{ services?: Record<string, { status: string }> }} */ (await answer.json());
      // Ready is also who has no history yet: here everything is about to start, and worth a moment.
      if (answer.status === 200 && Object.values(services).every(({ status }) => status !== 'unhealthy')) return;
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

/** Ends what runs: services first, side by side, then the servers they need. */
async function stopAll() {
  await Promise.all(children.filter(({ program }) => program.ipc).map((child) => child.stop()));
  await Promise.all(children.map((child) => child.stop()));
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
