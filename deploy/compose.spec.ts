import {
  Contained,
  NatsServer,
  canContain,
  createDatabase,
  databaseKinds,
  eventually,
  freePort,
  redisUrl,
} from '@lapwing/testing';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const root = path.resolve(__dirname, '..');
const USER = 10_001;

/** What is used of docker-compose.yml, with .env put in. */
interface Service {
  command: string[];
  environment?: Record<string, string | number>;
  volumes?: string[];
  healthcheck?: { test: string[] };
}

/** Runs a script of ours, which jest cannot import, and reads what it prints. */
function evaluated<T>(script: string): T {
  const args = ['--input-type=module', '-e', script];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 })) as T;
}

const moduleAt = (file: string): string => JSON.stringify(pathToFileURL(path.join(root, file)).href);
const problemsOf = (check: string, folder: string): string[] =>
  evaluated(`import { check } from ${moduleAt(check)};
    process.stdout.write(JSON.stringify(await check(${JSON.stringify(folder)})));`);

describe('the checks of what is made for Docker', () => {
  // Below the repository's own temporary folder, with no more than what the checks read.
  const copy = fs.mkdtempSync(path.join(fs.realpathSync(process.env['TMPDIR'] ?? '/tmp'), 'lapwing-compose-'));
  const files = [
    'docker-compose.yml',
    '.env.example',
    '.dockerignore',
    'Dockerfile',
    'package.json',
    'package-lock.json',
  ];
  const folders = ['deploy', 'libs/service/src'];
  const configs = 'settings auth metrics-store log-store fleet alerting updates collector gateway'.split(' ');

  beforeAll(() => {
    for (const file of files) fs.cpSync(path.join(root, file), path.join(copy, file));
    for (const folder of folders) fs.cpSync(path.join(root, folder), path.join(copy, folder), { recursive: true });
    for (const app of configs)
      fs.cpSync(path.join(root, `apps/${app}/src/config.ts`), path.join(copy, `apps/${app}/src/config.ts`));
  });
  afterAll(() => fs.rmSync(copy, { recursive: true, force: true }));

  it.each(['compose', 'dockerfile'])('find nothing wrong with what is there: %s', (name) => {
    expect(problemsOf(`deploy/checks/${name}.mjs`, copy)).toEqual([]);
  });

  it.each<[string, string, string, string, string]>([
    ['compose', 'docker-compose.yml', 'read_only: true\n  cap_drop', 'cap_drop', 'fleet: its root must be read-only'],
    ['compose', 'docker-compose.yml', 'cap_drop: [ALL]', 'cap_drop: [CHOWN]', 'nats: it must drop ALL capabilities'],
    ['compose', 'docker-compose.yml', 'no-new-privileges:true', 'seccomp:unconfined', 'no-new-privileges must be true'],
    [
      'compose',
      'docker-compose.yml',
      "user: '10001:10001'\n    command: [-c",
      "user: '0:0'\n    command: [-c",
      'nats: it must not be root',
    ],
    [
      'compose',
      'docker-compose.yml',
      'timescaledb:2.22.1-pg17',
      'timescaledb:latest',
      'must have the tag of one version',
    ],
    [
      'compose',
      'docker-compose.yml',
      '${REDIS_PASSWORD:?run sh deploy/docker/setup.sh first}@',
      'redis@',
      'REDIS_URL holds a secret',
    ],
    [
      'compose',
      'docker-compose.yml',
      '${GRAFANA_PASSWORD:?run sh deploy/docker/setup.sh first}',
      '${GRAFANA_PASSWORD:-admin}',
      'GF_SECURITY_ADMIN_PASSWORD holds a secret',
    ],
    [
      'compose',
      'docker-compose.yml',
      '      LOG_STORE_DAYS: ${LOG_STORE_DAYS:-}\n',
      '',
      'log-store: the setting LOG_STORE_DAYS is missing',
    ],
    [
      'compose',
      'docker-compose.yml',
      'LOG_STORE_DAYS: ',
      'LOG_STORE_DAY: ',
      'log-store: LOG_STORE_DAY is no setting of it',
    ],
    ['compose', 'docker-compose.yml', 'apps/fleet/dist/main.js', 'apps/fleet/main.js', 'fleet: the command is'],
    [
      'compose',
      'docker-compose.yml',
      "volumes: ['bus-gateway:",
      "volumes: ['bus-fleet:",
      'gateway: the keys in bus-fleet are not for it',
    ],
    [
      'compose',
      'docker-compose.yml',
      './deploy/nats/nats.conf:',
      './deploy/nats/none.conf:',
      'nats: it mounts ./deploy/nats/none.conf, which is not there',
    ],
    ['compose', 'docker-compose.yml', '    mem_limit: 384m\n', '', 'auth: it has no limit of memory'],
    [
      'compose',
      'docker-compose.yml',
      'redis: { condition: service_healthy }',
      'rediss: { condition: service_healthy }',
      'it depends on rediss, which is not there',
    ],
    ['compose', 'docker-compose.yml', '${LAPWING_BIND:-127.0.0.1}:', '', 'is open to other machines'],
    [
      'compose',
      'docker-compose.yml',
      'stop_grace_period',
      'stop_graceperiod',
      'additional properties "stop_graceperiod"',
    ],
    ['compose', 'docker-compose.yml', 'services:\n', 'services: [\n', 'docker-compose.yml: cannot be read'],
    [
      'compose',
      'deploy/docker/compose.dev.yml',
      "['127.0.0.1:6379:6379']",
      "['6379:6379']",
      'redis: the port 6379:6379 is open',
    ],
    ['compose', '.env.example', 'REDIS_PASSWORD=', 'REDIS_PASSWORD=redis', 'REDIS_PASSWORD has a value'],
    ['compose', '.env.example', 'OIDC_ISSUER=\n', '', 'OIDC_ISSUER is asked for and not there'],
    ['compose', '.env.example', 'OIDC_ISSUER=', 'OIDC_ISSUERS=', 'OIDC_ISSUERS is used by nobody'],
    [
      'dockerfile',
      'Dockerfile',
      'node:22.21.1-bookworm-slim AS runtime',
      'node:latest AS runtime',
      'not the tag of one version',
    ],
    [
      'dockerfile',
      'Dockerfile',
      'USER 10001:10001\nCMD ["node", "apps',
      'USER root\nCMD ["node", "apps',
      'lapwing: it must end as a USER',
    ],
    [
      'dockerfile',
      'Dockerfile',
      'COPY --from=build /release ./',
      'ADD https://example.org/release.tar ./',
      'lapwing: ADD fetches',
    ],
    [
      'dockerfile',
      'Dockerfile',
      'COPY --from=build /release ./',
      'COPY --from=built /release ./',
      'COPY from "built", which is no stage',
    ],
    [
      'dockerfile',
      'Dockerfile',
      'COPY deploy/local/install.mjs',
      'COPY deploy/local/none.mjs',
      'COPY of deploy/local/none.mjs, which is not there',
    ],
    [
      'dockerfile',
      'Dockerfile',
      'ENV NODE_ENV=production',
      'ENV NODE_ENV=production API_TOKEN=x',
      'ENV API_TOKEN would be kept',
    ],
    [
      'dockerfile',
      'Dockerfile',
      'COPY --from=build /release ./',
      'COPY --from=build /release ./\nRUN npm install left-pad',
      'must not install or fetch',
    ],
    ['dockerfile', '.dockerignore', '**/.env\n', '', '**/.env must not go to the builder'],
  ])('%s finds what is broken in %s: %s', (check, file, from, to, problem) => {
    const place = path.join(copy, file);
    const text = fs.readFileSync(place, 'utf8');
    expect(text).toContain(from);
    fs.writeFileSync(place, text.replaceAll(from, to));
    try {
      const problems = problemsOf(`deploy/checks/${check}.mjs`, copy);
      expect(problems.join('\n')).toContain(problem);
      expect(problems.every((one) => /^[\w./-]+: /.test(one))).toBe(true);
    } finally {
      fs.writeFileSync(place, text);
    }
  });
});

const contained = canContain() ? describe : describe.skip;

contained('what docker-compose.yml starts, each as in its container', () => {
  // Not below the folder of the test run, which is closed to the user of containers.
  const home = fs.mkdtempSync('/tmp/lapwing-compose-');
  const at = (...names: string[]): string => path.join(home, ...names);
  const volume = (name: string): string => at('volumes', name);
  const running = new Map<string, { container: Contained; port: number; healthcheck: string[] }>();
  let compose: { services: Record<string, Service> };
  let password: string;
  let nats: NatsServer;
  let database: { url: string; drop: () => Promise<void> };
  const names = 'settings auth metrics-store log-store fleet alerting updates poller gateway'.split(' ');

  beforeAll(async () => {
    fs.chmodSync(home, 0o755);
    const stage = ['stage', '--version', '9.8.7', '--to', at('app'), '--without-postgres'];
    execFileSync(process.execPath, [path.join(root, 'deploy/release/cli.mjs'), ...stage], { stdio: 'ignore' });
    fs.mkdirSync(at('setup'), { mode: 0o700 });
    fs.copyFileSync(path.join(root, '.env.example'), at('setup/.env.example'));
    execFileSync('sh', [path.join(root, 'deploy/docker/setup.sh'), at('setup')]);
    compose =
      evaluated(`import { readCompose, readEnvironment, resolved } from ${moduleAt('deploy/checks/compose-file.mjs')};
      const env = readEnvironment(${JSON.stringify(at('setup/.env'))});
      process.stdout.write(JSON.stringify(resolved(readCompose('.', 'docker-compose.yml'), env)));`);
    password = String(compose.services['auth']?.environment?.['LAPWING_ADMIN_PASSWORD']);
    database = await createDatabase(databaseKinds().at(-1));
  }, 180_000);

  afterAll(async () => {
    for (const { container } of running.values()) container.kill();
    await nats?.stop();
    await database?.drop();
    fs.rmSync(home, { recursive: true, force: true });
  });

  /** A service, with the servers of this test run in place of those that compose starts, and ports of its own. */
  function start(name: string, port = 0): Contained {
    const { command = [], environment = {}, volumes = [] } = compose.services[name] ?? {};
    const own = name === 'gateway' ? { HOST: '127.0.0.1', PORT: String(port) } : { LAPWING_OPS_PORT: String(port) };
    const here = {
      NATS_URL: nats?.url,
      DATABASE_URL: database.url,
      REDIS_URL: redisUrl(),
      LAPWING_OPS_HOST: '127.0.0.1',
      ...own,
    };
    const given = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)]));
    for (const [key, value] of Object.entries(here)) if (key in given && value !== undefined) given[key] = value;
    const mounts = volumes.map((one) => {
      const [source = '', target = '', mode] = one.split(':');
      // As an empty volume takes its owner from the folder in the image.
      if (!fs.existsSync(volume(source))) {
        fs.mkdirSync(volume(source), { recursive: true, mode: 0o700 });
        fs.chownSync(volume(source), USER, USER);
      }
      return { source: volume(source), target, readOnly: mode === 'ro' };
    });
    const options = { app: at('app'), command, environment: given, user: USER, volumes: mounts };
    return Contained.start(options);
  }

  async function finished(name: string): Promise<string> {
    const container = start(name);
    const code = await container.ended();
    expect({ name, code, said: container.output }).toMatchObject({ name, code: 0 });
    return container.output;
  }

  const keysOf = (): string[] =>
    ['authority/authority.json', 'secret-key/key', 'nats-auth/auth.conf'].map((file) =>
      fs.readFileSync(volume(file), 'utf8'),
    );

  it('keys are made, kept when they are made again, and each for one service alone', async () => {
    await finished('keys');
    const before = keysOf();
    await finished('keys');
    expect(keysOf()).toEqual(before);
    for (const name of names) expect(fs.readdirSync(volume(`bus-${name}`))).toEqual([`${name}.creds`]);
    for (const file of ['authority/authority.json', 'secret-key/key', 'bus-fleet/fleet.creds']) {
      const { mode, uid } = fs.statSync(volume(file));
      expect([file, mode & 0o777, uid]).toEqual([file, 0o600, USER]);
    }
    expect(before[1]).toMatch(/^[0-9a-f]{64}\n$/);
  }, 60_000);

  it('NATS takes its configuration as it is mounted', () => {
    const { environment = {}, volumes = [] } = compose.services['nats'] ?? {};
    const folder = at('nats-root');
    for (const one of volumes) {
      const [source = '', target = ''] = one.split(':');
      const from = source.startsWith('./') ? path.join(root, source) : volume(source);
      fs.cpSync(from, path.join(folder, target), { recursive: true });
    }
    const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)]));
    const paths = { NATS_STORE: at('nats/jetstream'), NATS_ACCOUNTS: at('nats/accounts') };
    const args = ['-t', '-c', path.join(folder, 'etc/nats/nats.conf')];
    const printed = execFileSync(process.env['LAPWING_NATS_SERVER'] ?? '', args, {
      env: { ...env, ...paths },
      encoding: 'utf8',
      stdio: 'pipe',
    });
    expect(printed).not.toContain('error');
  });

  it('the database is brought up to date by a program that ends', async () => {
    await finished('migrate');
    await finished('migrate');
  }, 120_000);

  it('all services become ready, and healthy by their own health checks', async () => {
    nats = await NatsServer.start(volume('nats-auth'), ['max_payload: 4MB']);
    for (const name of names) {
      const port = await freePort();
      const [, ...healthcheck] = compose.services[name]?.healthcheck?.test ?? [];
      const asked = healthcheck.map((word) => word.replace(/:(8080|9090)\//, `:${port}/`));
      running.set(name, { container: start(name, port), port, healthcheck: asked });
    }
    for (const [name, { container, healthcheck }] of running)
      await eventually(async () => {
        if (!container.runs) throw new Error(`${name} has ended: ${container.output}`);
        const environment = { NODE_ENV: 'production' };
        const { code, output } = await Contained.run({ app: at('app'), command: healthcheck, environment, user: USER });
        if (code !== 0) throw new Error(`${name}: ${output}\n${container.output.slice(-2000)}`);
      }, 120_000);
  }, 240_000);

  it('the administrator logs in with the password that was made, and it is a container that answers', async () => {
    const base = `http://127.0.0.1:${running.get('gateway')?.port}`;
    const body = JSON.stringify({ username: 'admin', password });
    const headers = { 'content-type': 'application/json' };
    const login = await fetch(`${base}/api/v1/auth/login`, { method: 'POST', headers, body });
    expect(login.status).toBe(200);
    expect(await (await fetch(`${base}/health`)).json()).toMatchObject({ version: '9.8.7' });
  }, 30_000);

  it.each(names)(
    '%s is the first process of its container, and ends with 0 when it is told to',
    async (name) => {
      const { container } = running.get(name) ?? {};
      expect(container?.runs).toBe(true);
      expect([await container?.stop(), container?.output]).toEqual([0, expect.not.stringContaining('EROFS')]);
    },
    30_000,
  );
});
