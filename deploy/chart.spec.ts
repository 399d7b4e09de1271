import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

const root = path.resolve(__dirname, '..');
const chart = path.join(root, 'k8s/chart');

interface KubernetesObject {
  kind: string;
  metadata: { name: string; namespace?: string; labels: Record<string, string>; annotations?: Record<string, string> };
  data?: Record<string, string>;
  spec?: { template?: { metadata: { annotations?: Record<string, string> } } };
}

function ran(program: string, args: string[]): { status: number | null; stdout: string; printed: string } {
  const env = { ...process.env, LAPWING_QUIET: '1' };
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: root, env, encoding: 'utf8' });
  return { status, stdout, printed: `${stdout}${stderr}${error?.message ?? ''}` };
}

/** Where helm is; it is fetched when it is not there. */
function findHelm(): string {
  const code = "import { findTool } from './deploy/kubernetes/tools.mjs'; console.log(findTool('helm'));";
  const { stdout, printed } = ran(process.execPath, ['--input-type=module', '--eval', code]);
  const helm = stdout.trim();
  if (!existsSync(helm)) throw new Error(`there is no helm: ${printed}`);
  return helm;
}

const check = (tree: string) =>
  ran(process.execPath, [path.join(root, 'deploy/checks/main.mjs'), '--root', tree, '--only', 'chart']);

describe('the Helm chart', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lapwing-chart-'));
  let helm: string;
  beforeAll(() => {
    helm = findHelm();
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  const template = (...args: string[]) => ran(helm, ['template', 'foo', chart, '--namespace', 'bar', ...args]);
  const rendered = (...args: string[]): KubernetesObject[] => {
    const { status, stdout, printed } = template(...args);
    expect({ status, printed: status === 0 ? '' : printed }).toEqual({ status: 0, printed: '' });
    return parseAllDocuments(stdout)
      .map((document) => document.toJS() as KubernetesObject | null)
      .filter((object) => object !== null);
  };
  const objectOf = (objects: KubernetesObject[], kind: string, name: string): KubernetesObject => {
    const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
    if (!found) throw new Error(`there is no ${kind} ${name}`);
    return found;
  };

  it('gives what kustomize gives, for every choice that can be made with both', () => {
    const { status, printed } = check(root);
    expect({ status, printed }).toEqual({ status: 0, printed: '' });
  }, 300_000);

  describe('when it or kustomize is changed alone', () => {
    /** A copy of what the check reads. */
    function copy(name: string): string {
      const tree = path.join(folder, name.replaceAll(/\W/g, '-'));
      const apps = readdirSync(path.join(root, 'apps')).map((app) => `apps/${app}/src/config.ts`);
      const read = ['package.json', 'deploy/nats/nats.conf', 'libs/service/src/config.ts', ...apps, 'k8s'];
      for (const file of [...read, 'libs/service/src/secret-key.ts'].filter((one) =>
        existsSync(path.join(root, one)),
      )) {
        mkdirSync(path.dirname(path.join(tree, file)), { recursive: true });
        cpSync(path.join(root, file), path.join(tree, file), { recursive: true });
      }
      return tree;
    }

    it('where images are and which version is for each side alone', () => {
      const tree = copy('images');
      const edits: [file: string, from: string, to: string][] = [
        ['k8s/overlays/production/kustomization.yaml', 'newName: lapwing', 'newName: registry.example.com:5000/own'],
        ['k8s/overlays/production/version.yaml', 'version: 0.1.0', 'version: 1.5.0'],
        ['k8s/agents/kustomization.yaml', 'newName: lapwing-agent', 'newName: registry.example.com:5000/agent'],
      ];
      for (const [file, from, to] of edits) {
        const text = readFileSync(path.join(tree, file), 'utf8');
        expect(text).toContain(from);
        writeFileSync(path.join(tree, file), text.replace(from, to));
      }
      const { status, printed } = check(tree);
      expect({ status, printed }).toEqual({ status: 0, printed: '' });
    }, 300_000);

    it.each([
      {
        name: 'another image of services',
        file: 'k8s/chart/templates/deployments.yaml',
        from: '.Values.image.repository',
        to: '.Values.agents.repository',
        told: ['image: "lapwing:version" in kustomize, "lapwing-agent:version" in the chart'],
      },
      {
        name: 'a field of the chart',
        file: 'k8s/chart/templates/deployments.yaml',
        from: 'minReadySeconds: 5',
        to: 'minReadySeconds: 6',
        told: ['single: Deployment lapwing/gateway: spec.minReadySeconds: 5 in kustomize, 6 in the chart'],
      },
      {
        name: 'a field of an overlay',
        file: 'k8s/overlays/production/replicas.yaml',
        from: 'replicas: 2',
        to: 'replicas: 3',
        told: ['production: Deployment lapwing/fleet: spec.replicas: 3 in kustomize, 2 in the chart'],
      },
      {
        name: 'one item of a list',
        file: 'k8s/base/services/fleet.yaml',
        from: '- { name: FLEET_AUTHORITY_FILE, value: /run/lapwing/authority/authority.json }',
        to: '- { name: FLEET_AUTHORITY_FILE, value: /elsewhere }',
        told: [
          'Deployment lapwing/fleet: spec.template.spec.containers[lapwing].env[FLEET_AUTHORITY_FILE].value: "/elsewhere" in kustomize, "/run/lapwing/authority/authority.json" in the chart',
        ],
      },
      {
        name: 'an object that is missing',
        file: 'k8s/chart/templates/ingress.yaml',
        from: /[^]*/,
        to: '',
        told: ['production: Ingress lapwing/gateway: only in kustomize'],
      },
      {
        name: 'a setting, of which the chart has a copy',
        file: 'k8s/base/settings/gateway.env',
        from: 'RATE_LIMIT_PER_MINUTE=',
        to: 'RATE_LIMIT_PER_MINUTE=10',
        told: [
          'k8s/chart/files/settings/gateway.env is not up to date: run "npm run derive"',
          'ConfigMap lapwing/gateway-settings: data.RATE_LIMIT_PER_MINUTE: "10" in kustomize, "" in the chart',
        ],
      },
      {
        name: 'a variable that comes before what it is made of',
        file: 'k8s/chart/templates/nats.yaml',
        from: /( *# First.*\n)(.*"POD_IP".*\n)([^]*?)(?= *ports:\n *- name: client\n *containerPort)/,
        to: '$3$2',
        told: ['StatefulSet nats: container nats: NATS_LISTEN refers to $(POD_IP), which is not defined before it'],
      },
      {
        name: 'a template that gives no YAML',
        file: 'k8s/chart/templates/monitoring.yaml',
        from: 'spec:',
        to: ' spec',
        told: ['k8s/chart, production', 'monitoring.yaml'],
      },
    ])(
      '$name is told',
      ({ name, file, from, to, told }) => {
        const tree = copy(name);
        const text = readFileSync(path.join(tree, file), 'utf8');
        const changed = text.replace(from, to);
        expect(changed).not.toEqual(text);
        writeFileSync(path.join(tree, file), changed);
        const { status, printed } = check(tree);
        for (const one of told) expect(printed).toContain(one);
        expect(status).toBe(1);
      },
      180_000,
    );
  });

  it.each([
    ['a setting that is misspelt', 'services.gateway.settings.TRUSTED_PROXY=10.0.0.0/8', 'TRUSTED_PROXY'],
    ['a setting of another service', 'services.auth.settings.LOG_STORE_DAYS=3', 'LOG_STORE_DAYS'],
    ['a setting for all that one alone has', 'settings.TRUSTED_PROXIES=10.0.0.0/8', 'TRUSTED_PROXIES'],
    ['a setting that is a secret', 'services.auth.settings.API_TOKENS=abc', 'API_TOKENS'],
    ['a setting that is wired', 'services.fleet.settings.NATS_URL=nats://elsewhere:4222', 'NATS_URL'],
    ['a setting of agents that is misspelt', 'agents.settings.COLLECTOR_INTERVALL=1', 'COLLECTOR_INTERVALL'],
    ['a service that there is not', 'services.gatway.replicas=2', 'gatway'],
    ['a key that there is not', 'ingres.enabled=true', 'ingres'],
    ['fewer replicas than none', 'services.poller.replicas=-1', '/services/poller/replicas'],
    ['a NATS of two', 'nats.replicas=2', '/nats/replicas'],
    ['an image without a version', 'image.tag=latest', '/image/tag'],
    ['an image of a server without a version', 'nats.image=nats:latest', '/nats/image'],
    ['a network that is none', 'networkPolicies.agents={10.0.0.0}', '/networkPolicies/agents/0'],
    ['an address in place of a name', 'ingress.host=https://lapwing.example.com', '/ingress/host'],
    ['a port that nodes do not give', 'nodePort.port=80', '/nodePort/port'],
    ['an amount that is none', 'redis.resources.limits.memory=256MB', '/redis/resources/limits/memory'],
  ])(
    'refuses %s, and names it',
    (_, value, named) => {
      const { status, printed } = template('--set', value);
      expect(printed.replaceAll('.', '/')).toContain(named.replaceAll('.', '/'));
      expect(printed).toContain('schema');
      expect(status).not.toBe(0);
    },
    60_000,
  );

  it('can be installed under another name and into another namespace', () => {
    const objects = rendered('--set', 'agents.enabled=true', '--set', 'nats.outside.enabled=true');
    const namespaces = objects.map(({ kind, metadata }) => metadata.namespace ?? `${kind} ${metadata.name}`);
    expect([...new Set(namespaces)].toSorted()).toEqual(['Namespace bar-agents', 'bar', 'bar-agents']);
    expect([...new Set(objects.map(({ metadata }) => metadata.labels['app.kubernetes.io/instance']))]).toEqual(['foo']);
    expect(JSON.stringify(objects)).not.toContain('.lapwing.');
    expect(JSON.stringify(objectOf(objects, 'DaemonSet', 'agent'))).toContain('http://gateway.bar.svc:8080');
    expect(objectOf(objects, 'ConfigMap', 'fleet-settings').data?.['FLEET_AGENT_NATS_URL']).toBe(
      'tls://nats.bar.svc:4222,tls://nats.example.com:4222',
    );
  }, 60_000);

  it('writes settings as they were meant, a service’s own over those of all, and replaces the pods that read them', () => {
    const values = path.join(folder, 'values.yaml');
    const settings = [
      'LOG_STORE_MAX_BYTES: 10737418240',
      'LOG_STORE_DAYS: 30',
      'RESTART_ON_APPLY: true',
      'LOG_LEVEL: warn',
    ];
    writeFileSync(
      values,
      `settings: { LOG_LEVEL: debug }\nservices: { log-store: { settings: { ${settings.join(', ')} } } }\n`,
    );
    const [before, after] = [rendered('--set', 'settings.LOG_LEVEL=debug'), rendered('--values', values)];
    expect(objectOf(after, 'ConfigMap', 'log-store-settings').data).toMatchObject({
      LOG_STORE_MAX_BYTES: '10737418240',
      LOG_STORE_DAYS: '30',
      RESTART_ON_APPLY: 'true',
      LOG_LEVEL: 'warn',
    });
    expect(objectOf(after, 'ConfigMap', 'auth-settings').data).toMatchObject({ LOG_LEVEL: 'debug' });
    const checksums = (objects: KubernetesObject[], name: string) =>
      objectOf(objects, 'Deployment', name).spec?.template?.metadata.annotations?.['checksum/settings'];
    expect(checksums(after, 'log-store')).not.toEqual(checksums(before, 'log-store'));
    expect(checksums(after, 'auth')).toMatch(/^[0-9a-f]{64}$/);
    expect(checksums(after, 'auth')).toEqual(checksums(before, 'auth'));
  }, 60_000);

  it('is the same when it is packed', () => {
    expect(ran(helm, ['package', chart, '--destination', folder])).toMatchObject({ status: 0 });
    const [archive = ''] = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
    const packed = ran(helm, ['template', 'foo', path.join(folder, archive), '--namespace', 'bar']);
    expect(packed.stdout).toEqual(template().stdout);
    expect(packed.stdout).toContain('kind: Deployment');
  }, 60_000);

  it('says what to do next', () => {
    const { printed } = ran(helm, ['install', 'foo', chart, '--namespace', 'bar', '--dry-run=client']);
    expect(printed).toContain('kubectl -n bar wait --for=condition=complete job/migrate-');
    expect(printed).toContain('Secret lapwing-bus-log-store, ');
    expect(printed).toContain('nothing leads in: set ingress.enabled or nodePort.enabled');
    expect(printed).toContain(`go-template={{index .data "admin-password" | base64decode}}`);
  }, 60_000);
});
