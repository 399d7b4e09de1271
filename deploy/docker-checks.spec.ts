import fs from 'node:fs';
import path from 'node:path';
import { evaluated, moduleAt, root } from './compose-harness';

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
    [
      'compose',
      'docker-compose.yml',
      'node, deploy/docker/healthcheck.mjs, http://127.0.0.1:9090',
      'node, deploy/docker/health.mjs, http://127.0.0.1:9090',
      'fleet: the health check runs deploy/docker/health.mjs, which is not there',
    ],
    [
      'compose',
      'docker-compose.yml',
      '/app/healthcheck.mjs',
      '/app/health.mjs',
      'agent: the health check runs /app/health.mjs, which is not there',
    ],
    [
      'compose',
      'docker-compose.yml',
      '127.0.0.1:9090/ready',
      '127.0.0.1:9091/ready',
      'fleet: the health check asks http://127.0.0.1:9091/ready, and it listens on 9090',
    ],
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
      'cap_add: [DAC_READ_SEARCH, KILL, SYS_CHROOT]',
      'cap_add: [SYS_ADMIN]',
      'agent: it must be given no capabilities back',
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
