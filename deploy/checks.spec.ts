import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(__dirname, '..');
const MAIN = path.join(root, 'deploy/checks/main.mjs');

interface Outcome {
  code: number | null;
  printed: string;
}

/** Runs `npm run check:deploy` on a tree: all of it, or some checks alone, or of some folders of manifests. */
async function check(tree: string, only: string[] = [], folders: string[] = []): Promise<Outcome> {
  const chosen = [...only.flatMap((name) => ['--only', name]), ...folders.flatMap((name) => ['--folder', name])];
  const args = [MAIN, '--root', tree, ...chosen];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += String(text)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, printed };
}

const ofKubernetes = ['kubernetes', 'pod-security', 'references', 'network', 'environment'];

/** What those checks read. */
const read = [
  'k8s',
  'deploy/nats/nats.conf',
  'libs/service/src/config.ts',
  'libs/service/src/secret-key.ts',
  ...['settings', 'auth', 'metrics-store', 'log-store', 'fleet', 'alerting', 'updates', 'gateway', 'collector'].map(
    (app) => `apps/${app}/src/config.ts`,
  ),
];

/** A fault that somebody might make: where, what becomes what, and what must be told of it. */
interface Fault {
  name: string;
  file: string;
  from: string | RegExp;
  to: string;
  told: string[];
}

const deployments = 'k8s/base/services';
const faults: Fault[] = [
  {
    name: 'a field that is misspelt',
    file: `${deployments}/gateway.yaml`,
    from: 'livenessProbe:',
    to: 'livenesProbe:',
    told: ['Deployment gateway', 'livenesProbe is no field', 'the livenessProbe is missing'],
  },
  {
    name: 'a version of the API that is not served any more',
    file: 'k8s/components/autoscaling/autoscalers.yaml',
    from: 'autoscaling/v2',
    to: 'autoscaling/v2beta2',
    told: ['k8s/overlays/production', 'HorizontalPodAutoscaler', 'autoscaling/v2beta2'],
  },
  {
    name: 'a number that is none',
    file: 'k8s/base/nats/nats.yaml',
    from: 'replicas: 1',
    to: 'replicas: one',
    told: ['StatefulSet nats', '/spec/replicas must be integer'],
  },
  {
    name: 'YAML that cannot be read',
    file: 'k8s/overlays/single/kustomization.yaml',
    from: 'resources:',
    to: 'resources: [',
    told: ['k8s/overlays/single', 'kustomize'],
  },
  {
    name: 'a probe that is missing',
    file: `${deployments}/probes.yaml`,
    from: /readinessProbe:[^]*/,
    to: '',
    told: ['Deployment alerting', 'the readinessProbe is missing'],
  },
  {
    name: 'a root user',
    file: `${deployments}/common.yaml`,
    from: 'runAsUser: 10001',
    to: 'runAsUser: 0',
    told: ['Deployment fleet', 'runAsUser must be a number other than 0'],
  },
  {
    name: 'a root file system that can be written',
    file: 'k8s/components/redis/redis.yaml',
    from: 'readOnlyRootFilesystem: true',
    to: 'readOnlyRootFilesystem: false',
    told: ['StatefulSet redis', 'readOnlyRootFilesystem'],
  },
  {
    name: 'a capability too many of the agent',
    file: 'k8s/agents/agent.yaml',
    from: '- KILL',
    to: '- SYS_ADMIN',
    told: ['DaemonSet agent', 'SYS_ADMIN'],
  },
  {
    name: 'a namespace that lets everything in',
    file: 'k8s/base/namespace.yaml',
    from: 'enforce: restricted',
    to: 'enforce: baseline',
    told: ['Namespace lapwing', 'enforce must be restricted'],
  },
  {
    name: 'an image without a version',
    file: 'k8s/base/nats/nats.yaml',
    from: 'image: nats:2.11.9-alpine',
    to: 'image: nats:latest',
    told: ['StatefulSet nats', 'nats:latest'],
  },
  {
    name: 'no limit of memory',
    file: 'k8s/base/migrate.yaml',
    from: "limits: { cpu: '1', memory: 512Mi }",
    to: "limits: { cpu: '1' }",
    told: ['Job migrate-', 'resources.limits.memory is missing'],
  },
  {
    name: 'a request of more than the limit',
    file: 'k8s/components/redis/redis.yaml',
    from: 'memory: 64Mi',
    to: 'memory: 1Gi',
    told: ['StatefulSet redis', 'it asks for more memory than its limit'],
  },
  {
    name: 'a unit that is none',
    file: 'k8s/components/redis/redis.yaml',
    from: 'memory: 256Mi',
    to: 'memory: 256MB',
    told: ['StatefulSet redis', '256MB is no quantity of memory'],
  },
  {
    name: 'a setting that no code reads',
    file: 'k8s/base/settings/gateway.env',
    from: 'RATE_LIMIT_PER_MINUTE=',
    to: 'RATE_LIMIT_PER_MINUT=',
    told: ['gateway knows no setting RATE_LIMIT_PER_MINUT', 'the setting RATE_LIMIT_PER_MINUTE is missing'],
  },
  {
    name: 'a setting of the code that no manifest knows',
    file: 'apps/alerting/src/config.ts',
    from: '    ALERTING_PRIVATE_NETWORKS: ',
    to: '    ALERTING_NEWER_SETTING: flag,\n    ALERTING_PRIVATE_NETWORKS: ',
    told: ['Deployment alerting', 'the setting ALERTING_NEWER_SETTING is missing'],
  },
  {
    name: 'a secret in the open',
    file: 'k8s/base/settings/auth.env',
    from: 'OIDC_ISSUER=',
    to: 'API_TOKENS=abc\nOIDC_ISSUER=',
    told: ['Deployment auth', 'API_TOKENS is a secret'],
  },
  {
    name: 'a Secret that nobody makes',
    file: `${deployments}/fleet.yaml`,
    from: 'secretName: lapwing-bus-authority',
    to: 'secretName: lapwing-authority',
    told: ['Deployment fleet', 'nobody makes a Secret lapwing-authority'],
  },
  {
    name: 'a key that is not in the Secret',
    file: `${deployments}/database.yaml`,
    from: 'key: database-url',
    to: 'key: databaseurl',
    told: ['Deployment settings', 'nobody makes a key databaseurl'],
  },
  {
    name: 'a port that a Service does not find',
    file: `${deployments}/updates.yaml`,
    from: 'targetPort: ops',
    to: 'targetPort: metrics',
    told: ['Service updates', 'no port metrics'],
  },
  {
    name: 'a Service that finds no pod',
    file: 'k8s/base/nats/nats.yaml',
    from: 'selector: { app.kubernetes.io/name: nats,',
    to: 'selector: { app.kubernetes.io/name: nat,',
    told: ['Service nats', 'fits the pods of 0 workloads'],
  },
  {
    name: 'replicas that may all go at once',
    file: 'k8s/components/availability/disruption-budgets.yaml',
    from: 'matchLabels: { app.kubernetes.io/name: settings,',
    to: 'matchLabels: { app.kubernetes.io/name: setings,',
    told: ['PodDisruptionBudget settings', 'Deployment settings: it has several replicas and no PodDisruptionBudget'],
  },
  {
    name: 'an autoscaler of nothing',
    file: 'k8s/components/autoscaling/autoscalers.yaml',
    from: 'kind: Deployment, name: gateway }',
    to: 'kind: Deployment, name: gatway }',
    told: ['HorizontalPodAutoscaler gateway: there is no Deployment gatway'],
  },
  {
    name: 'an edge too many',
    file: 'k8s/components/redis/network-policies.yaml',
    from: 'values: [auth, gateway] }',
    to: 'values: [auth, gateway, poller] }',
    told: ['poller → redis:6379 is allowed at one end only'],
  },
  {
    name: 'a whole network too many',
    file: 'k8s/components/ingress/network-policies.yaml',
    from: '- namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ingress-nginx } }',
    to: "- ipBlock: { cidr: '0.0.0.0/0' }\n        - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ingress-nginx } }",
    told: ['k8s/overlays/production', 'anywhere → gateway:8080 is allowed, and not wanted'],
  },
  {
    name: 'agents where proxies are',
    file: 'k8s/components/agents/network-policies.yaml',
    from: 'cidr: 198.51.100.0/24',
    to: 'cidr: 192.0.0.0/16',
    told: ['k8s/overlays/production', '192.0.0.0/16 has addresses of TRUSTED_PROXIES, 192.0.2.0/24'],
  },
  {
    name: 'an edge too few',
    file: 'k8s/base/network-policies.yaml',
    from: '- { port: 6222, protocol: TCP }',
    to: '- { port: 6223, protocol: TCP }',
    told: ['nats → nats:6222'],
  },
  {
    name: 'a configuration of NATS that is another than that of all others',
    file: 'k8s/base/nats/nats.conf',
    from: 'max_payload: 4MB',
    to: 'max_payload: 1MB',
    told: ['k8s/base/nats/nats.conf', 'deploy/nats/nats.conf'],
  },
];

/** Which of the applied folders a file is in, so that the others need not be rendered. */
function folderOf(file: string): string {
  if (file.startsWith('k8s/agents/')) return 'k8s/agents';
  return /components\/(agents|autoscaling|availability|ingress)/.test(file)
    ? 'k8s/overlays/production'
    : 'k8s/overlays/single';
}

describe('the checks of what Lapwing is deployed with', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-checks-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function copy(name: string): Promise<string> {
    const tree = path.join(folder, name.replaceAll(/\W+/g, '-'));
    for (const file of read) {
      await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
      await cp(path.join(root, file), path.join(tree, file), { recursive: true });
    }
    return tree;
  }

  it('find nothing wrong with the tree', async () => {
    const { code, printed } = await check(root);
    expect(printed).not.toContain('problem');
    expect(code).toBe(0);
  }, 180_000);

  it('find nothing wrong with a copy of what they read', async () => {
    const { code, printed } = await check(await copy('whole'), ofKubernetes);
    expect({ code, printed }).toMatchObject({ code: 0 });
  }, 60_000);

  it('hold for other choices of components as well', async () => {
    const tree = await copy('chosen');
    const file = path.join(tree, 'k8s/overlays/production/kustomization.yaml');
    const text = await readFile(file, 'utf8');
    const chosen = text
      .replace('components/external-database', 'components/timescaledb')
      .replace('components/external-redis', 'components/redis')
      .replace('components/ingress', 'components/node-port')
      .replace('  - ../../components/version', '  - ../../components/nats-outside\n  - ../../components/version');
    expect(chosen.length).toBeGreaterThan(text.length);
    await writeFile(file, chosen);
    const { code, printed } = await check(tree, ofKubernetes, ['k8s/overlays/production']);
    expect({ code, printed }).toMatchObject({ code: 0 });
  }, 60_000);

  it('hold for an overlay of somebody’s own that has one of these as its resource', async () => {
    const tree = await copy('own');
    const own = path.join(tree, 'k8s/overlays/own');
    await mkdir(own);
    const text = 'namespace: lapwing\nresources: [../production]\ncomponents: [../../components/nats-outside]\n';
    await writeFile(path.join(own, 'kustomization.yaml'), text);
    const { code, printed } = await check(tree, ofKubernetes, ['k8s/overlays/own']);
    expect({ code, printed }).toMatchObject({ code: 0 });
  }, 60_000);

  it.each(faults)(
    'find $name in $file',
    async ({ name, file, from, to, told }) => {
      const tree = await copy(name);
      const text = await readFile(path.join(tree, file), 'utf8');
      expect(text).toMatch(from);
      await writeFile(
        path.join(tree, file),
        text.replace(from, () => to),
      );
      const { code, printed } = await check(tree, ofKubernetes, [folderOf(file)]);
      for (const one of told) expect(printed).toContain(one);
      expect(code).toBe(1);
    },
    60_000,
  );

  it('do not call good what they could not look at', async () => {
    const tree = await copy('half');
    await rm(path.join(tree, 'k8s/agents'), { recursive: true });
    const { code, printed } = await check(tree, ['pod-security']);
    expect(printed).toContain('k8s/agents: nothing was looked at');
    expect(code).toBe(1);
  }, 60_000);

  it.each([
    { args: ['--help'], code: 0 },
    { args: ['--onyl', 'network'], code: 2 },
    { args: ['network'], code: 2 },
  ])('say how they are used for $args', ({ args, code }) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
    expect(`${stdout}${stderr}`).toContain('--folder FOLDER');
    expect(stderr).not.toContain('    at ');
    expect(status).toBe(code);
  });

  it('all run: each file beside main.mjs that is a check is in its list', async () => {
    const { printed } = await check(root, ['no-such-check']);
    const listed = /there are (.*)/.exec(printed)?.[1]?.split(', ') ?? [];
    const files = await readdir(path.join(root, 'deploy/checks'));
    const texts = await Promise.all(
      files.map(async (file) => ({ file, text: await readFile(path.join(root, 'deploy/checks', file), 'utf8') })),
    );
    const checks = texts.filter(({ text }) => /^export (const check =|(async )?function check\()/m.test(text));
    expect(listed.toSorted()).toEqual(checks.map(({ file }) => file.replace('.mjs', '')).toSorted());
  });
});
