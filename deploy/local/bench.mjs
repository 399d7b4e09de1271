// `npm run bench [-- ingest latency history collector guard fleet outage proxmox replay alerting logs tail pipeline cleanup]`: starts what a measurement needs, measures, and says on what machine.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findPostgres, findServer, machinePostgres } from './binaries.mjs';
import { commandOf } from './apps.mjs';
import { Child } from './child.mjs';
import { build, installPackages } from './install.mjs';
import { root } from './options.mjs';
import { freePort, hasTimescale, makeBusKeys, startNats, startPostgres, startRedis } from './servers.mjs';
import { LaunchError, fail, step } from './steps.mjs';

const known = [
  'ingest',
  'latency',
  'history',
  'collector',
  'guard',
  'fleet',
  'outage',
  'proxmox',
  'replay',
  'alerting',
  'logs',
  'tail',
  'pipeline',
  'cleanup',
];
const overHttp = ['latency', 'guard', 'tail'];
/** Those in which agents enrol, and NATS lets in nobody else. */
const withFleet = ['fleet', 'outage', 'proxmox'];
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'lapwing-bench-'));
const dataDir = path.join(root, '.data');
/** @type {Child[]} */
const children = [];

async function main() {
  const wanted = process.argv.slice(2);
  const odd = wanted.find((name) => !known.includes(name));
  if (odd) throw new LaunchError(`no measurement "${odd}": there are ${known.join(', ')}`);
  installPackages();
  build();
  const [cpu] = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  process.stdout.write(
    `\n    ${os.cpus().length} × ${cpu?.model}, ${memory} GiB, ${os.type()} ${os.release()}, Node ${process.version}\n`,
  );
  const environment = {
    LOG_LEVEL: 'error',
    TMPDIR: home,
    LAPWING_COLLECTOR_COMMAND: JSON.stringify(commandOf('collector')),
    NODE_ENV: 'production',
    LAPWING_NATS_SERVER: findServer('nats', dataDir).program,
    LAPWING_TEST_DATABASE_URL: await postgres(path.join(home, 'plain'), findPostgres()),
    LAPWING_TEST_TIMESCALE_URL: await timescale(),
  };
  const names = wanted.length > 0 ? wanted : known;
  for (const group of [overHttp, withFleet, known]) {
    const own = names.filter((name) => group.includes(name) && (group !== known || !inServices(name)));
    if (own.length === 0) continue;
    const services = group === known ? {} : await startServices(environment, group === withFleet);
    for (const name of own) {
      step(name);
      await measure(name, { ...environment, ...services });
    }
  }
}

/** @param {string} name */
const inServices = (name) => overHttp.includes(name) || withFleet.includes(name);

/**
 * @param {string} name
 * @param {Record<string, string>} environment
 */
async function measure(name, environment) {
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, [path.join(root, 'bench/dist', `${name}.js`)], {
    cwd: root,
    stdio: 'inherit',
    env,
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new LaunchError(`${name} failed`);
}

/**
 * The services that a sample and a request pass, a process each.
 * @param {Record<string, string>} environment
 * @param {boolean} fleet whether agents enrol
 */
async function startServices(environment, fleet) {
  const place = path.join(home, fleet ? 'with-fleet' : 'open');
  fs.mkdirSync(place, { recursive: true });
  const keys = fleet ? makeBusKeys(path.join(place, 'keys')) : undefined;
  const { child, url } = await startNats(dataDir, place, keys ? { keys } : {});
  children.push(child);
  const redis = await startRedis(dataDir, place);
  children.push(redis.child);
  const port = String(await freePort());
  const password = randomBytes(12).toString('hex');
  const env = {
    ...environment,
    REDIS_URL: redis.url,
    LAPWING_SECRET_KEY: randomBytes(32).toString('hex'),
    LAPWING_ADMIN_PASSWORD: password,
    RATE_LIMIT_PER_MINUTE: '1000000',
    NATS_URL: url,
    DATABASE_URL: environment.LAPWING_TEST_DATABASE_URL ?? '',
    PORT: port,
    HOST: '127.0.0.1',
    ...(keys && {
      NATS_CREDENTIALS_DIR: path.join(keys, 'credentials'),
      FLEET_AUTHORITY_FILE: path.join(keys, 'authority.json'),
    }),
  };
  const apps = ['auth', 'metrics-store', 'log-store', 'gateway', ...(fleet ? ['settings', 'fleet', 'poller'] : [])];
  const started = apps.map((app) =>
    new Child({
      name: app,
      program: process.execPath,
      args: commandOf(app).args,
      env,
      log: path.join(place, `${app}.log`),
    }).start(),
  );
  children.push(...started);
  const lapwing = `http://127.0.0.1:${port}`;
  const pids = Object.fromEntries([...started, child].map(({ program, pid }) => [program.name, pid]));
  const token = await logIn(lapwing, password);
  return { NATS_URL: url, LAPWING_URL: lapwing, LAPWING_TOKEN: token, SERVICE_PIDS: JSON.stringify(pids) };
}

/**
 * Waits until somebody can log in, and does.
 * @param {string} lapwing
 * @param {string} password
 */
async function logIn(lapwing, password) {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password }),
  };
  for (const until = performance.now() + 60_000; performance.now() < until;) {
    const answer = await fetch(`${lapwing}/api/v1/auth/login`, init).catch(() => undefined);
    if (answer?.ok) return /** @type {{ token: string }} */ (await answer.json()).token;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new LaunchError(`nobody can log in; see the logs in ${home}`);
}

/**
 * @param {string} folder
 * @param {string} bin
 */
async function postgres(folder, bin) {
  const { child, url } = await startPostgres(folder, bin);
  children.push(child);
  return url;
}

async function timescale() {
  const bin = machinePostgres().find(hasTimescale);
  if (bin) return postgres(path.join(home, 'timescale'), bin);
  step('NOTE: this machine has no TimescaleDB: measured on plain PostgreSQL ALONE');
  return '';
}

async function cleanUp() {
  await Promise.all(children.map((child) => child.stop()));
  fs.rmSync(home, { recursive: true, force: true });
}

main()
  .then(async () => {
    await cleanUp();
    process.exit(0);
  })
  .catch(async (error) => {
    await cleanUp().catch(() => {});
    fail(error);
  });
