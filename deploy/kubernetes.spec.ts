import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

const root = path.resolve(__dirname, '..');

interface Named {
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
}
interface Kept extends Named {
  stringData?: Record<string, string>;
  data?: Record<string, string>;
}

const objectsIn = <T extends Named>(text: string): T[] =>
  parseAllDocuments(text).map((document) => document.toJS() as T);

/** Runs a small program that uses deploy/kubernetes/tools.mjs. */
function tools(program: string, env: Record<string, string> = {}) {
  const file = path.join(root, 'deploy/kubernetes/tools.mjs');
  const text = `import { findTool, render } from ${JSON.stringify(file)};\n${program}`;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', text], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}
const rendered = (folder: string): string => {
  const { stdout, stderr, status } = tools(`process.stdout.write(render(${JSON.stringify(folder)}))`);
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.slice(stdout.indexOf('apiVersion:'));
};

describe('Kubernetes', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'lapwing-kubernetes-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('says so in plain words when a program is named that is none', () => {
    const { status, stderr } = tools(`findTool('helm')`, { LAPWING_HELM: '/nowhere/helm' });
    expect(status).not.toBe(0);
    expect(stderr).toContain('LAPWING_HELM is set to "/nowhere/helm", which is no program');
  });

  it('has the version in one place, also with a registry that has a port', () => {
    cpSync(path.join(root, 'k8s'), path.join(folder, 'k8s'), { recursive: true });
    const overlay = path.join(folder, 'k8s/overlays/production');
    edit(path.join(overlay, 'version.yaml'), /version: .*/, 'version: 1.5.0-rc.1');
    edit(path.join(overlay, 'kustomization.yaml'), 'newName: lapwing', 'newName: registry.example.com:5000/lapwing');
    const text = rendered(overlay);
    const images = [...text.matchAll(/image: (.*lapwing.*)/g)].map(([, image]) => image);
    expect(images).toHaveLength(10);
    expect([...new Set(images)]).toEqual(['registry.example.com:5000/lapwing:1.5.0-rc.1']);
    const objects = objectsIn<Named>(text);
    expect(objects.find(({ kind }) => kind === 'Job')?.metadata.name).toBe('migrate-1.5.0-rc.1');
    for (const { kind, metadata } of objects)
      if (kind === 'Deployment') expect(metadata.labels?.['app.kubernetes.io/version']).toBe('1.5.0-rc.1');
  }, 60_000);

  it('has the same for agents', () => {
    const agents = path.join(folder, 'k8s/agents');
    edit(path.join(agents, 'version.yaml'), /version: .*/, 'version: 1.5.0-rc.1');
    edit(path.join(agents, 'kustomization.yaml'), 'newName: lapwing', 'newName: registry.example.com:5000/lapwing');
    const text = rendered(agents);
    expect(text).toContain('image: registry.example.com:5000/lapwing-agent:1.5.0-rc.1\n');
    expect(text.split('app.kubernetes.io/version: 1.5.0-rc.1\n')).toHaveLength(3);
  }, 60_000);

  describe('npm run k8s:secrets', () => {
    const make = (args: string[] = [], env: Record<string, string> = {}): string => {
      const { DATABASE_URL: _, REDIS_URL: __, ...rest } = process.env;
      execFileSync(
        process.execPath,
        [path.join(root, 'deploy/kubernetes/secrets.mjs'), path.join(folder, 'secrets'), ...args],
        { env: { ...rest, ...env }, stdio: 'pipe' },
      );
      return readFileSync(path.join(folder, 'secrets/secrets.yaml'), 'utf8');
    };
    const valuesOf = (text: string): Record<string, string> =>
      objectsIn<Kept>(text).find(({ metadata }) => metadata.name === 'lapwing-secrets')?.stringData ?? {};

    it('makes what manifests want, keeps it, and lets nobody else read it', () => {
      const first = make();
      expect(valuesOf(make())).toEqual(valuesOf(first));
      const files = readdirSync(path.join(folder, 'secrets'), { recursive: true, withFileTypes: true });
      const open = files
        .filter((entry) => entry.isFile() && entry.name !== 'auth.conf')
        .filter((entry) => (statSync(path.join(entry.parentPath, entry.name)).mode & 0o077) !== 0);
      expect(open.map(({ name }) => name)).toEqual([]);
      const { 'secret-key': key = '', 'redis-url': redis = '', 'redis-password': password } = valuesOf(first);
      expect(key).toMatch(/^[0-9a-f]{64}$/);
      expect(new URL(redis).password).toBe(password);

      const made = objectsIn<Kept>(first).map(({ metadata, stringData = {}, data = {} }) => [
        metadata.name,
        Object.keys({ ...stringData, ...data }),
      ]);
      const keys = Object.fromEntries(made) as Record<string, string[]>;
      for (const overlay of ['single', 'production'])
        for (const { name, key: wanted } of referencesIn(rendered(path.join(root, 'k8s/overlays', overlay))))
          expect({ name, keys: keys[name] ?? [] }).toEqual({ name, keys: expect.arrayContaining(wanted) });
    }, 120_000);

    it('takes addresses of servers of your own, and secrets that you put there', () => {
      const own = 'postgres://somebody:pass@db.example.com/lapwing';
      expect(valuesOf(make([], { DATABASE_URL: own }))['database-url']).toBe(own);
      writeFileSync(path.join(folder, 'secrets/values/oidc-client-secret'), 'abc\n');
      expect(valuesOf(make())).toMatchObject({ 'database-url': own, 'oidc-client-secret': 'abc' });
    }, 120_000);
  });

  function edit(file: string, from: string | RegExp, to: string): void {
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(from);
    writeFileSync(file, text.replace(from, to));
  }
});

/** Secrets that pods cannot do without, each with the keys that are named. */
function referencesIn(text: string): { name: string; key: string[] }[] {
  const found: { name: string; key: string[] }[] = [];
  JSON.stringify(objectsIn(text), (_, value: unknown) => {
    const { secretKeyRef, secret } = (value ?? {}) as {
      secretKeyRef?: { name: string; key: string; optional?: boolean };
      secret?: { secretName: string };
    };
    if (secretKeyRef && !secretKeyRef.optional) found.push({ name: secretKeyRef.name, key: [secretKeyRef.key] });
    if (secret) found.push({ name: secret.secretName, key: [] });
    return value;
  });
  expect(found.length).toBeGreaterThan(20);
  return found;
}
