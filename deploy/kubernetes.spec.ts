import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

const root = path.resolve(__dirname, '..');

interface Named {
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
}
interface Kept extends Named {
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
    const tried = (args: string[], env: Record<string, string> = {}, name = 'secrets') => {
      const { DATABASE_URL: _, REDIS_URL: __, ...rest } = process.env;
      const command = [path.join(root, 'deploy/kubernetes/secrets.mjs'), path.join(folder, name), ...args];
      return spawnSync(process.execPath, command, { env: { ...rest, ...env }, encoding: 'utf8' });
    };
    const make = (args: string[] = [], env: Record<string, string> = {}, name = 'secrets'): string => {
      const { status, stderr } = tried(args, env, name);
      expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
      return readFileSync(path.join(folder, name, 'secrets.yaml'), 'utf8');
    };
    const valuesOf = (text: string): Record<string, string> => {
      const { data = {} } = objectsIn<Kept>(text).find(({ metadata }) => metadata.name === 'lapwing-secrets') ?? {};
      const entries = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
      return Object.fromEntries(entries) as Record<string, string>;
    };

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

      const made = objectsIn<Kept>(first).map(({ metadata, data = {} }) => [metadata.name, Object.keys(data)]);
      const keys = Object.fromEntries(made) as Record<string, string[]>;
      for (const overlay of ['single', 'production'])
        for (const { name, key: wanted } of referencesIn(rendered(path.join(root, 'k8s/overlays', overlay))))
          expect({ name, keys: keys[name] ?? [] }).toEqual({ name, keys: expect.arrayContaining(wanted) });
    }, 120_000);

    it('takes addresses of servers of your own, a namespace, and secrets that you put there, and keeps them', () => {
      const own = 'postgres://somebody:pass@db.example.com/lapwing';
      const first = make(['--namespace', 'observed'], { DATABASE_URL: own }, 'own');
      expect(valuesOf(first)['database-url']).toBe(own);
      writeFileSync(path.join(folder, 'own/values/oidc-client-secret'), 'abc\n');
      const { stdout } = tried([], { DATABASE_URL: 'postgres://elsewhere.example.com/other' }, 'own');
      expect(stdout).toContain('DATABASE_URL of the environment is not taken');
      const kept = make([], {}, 'own');
      expect(valuesOf(kept)).toMatchObject({ 'database-url': own, 'oidc-client-secret': 'abc' });
      expect(objectsIn<Kept>(kept).map(({ metadata }) => metadata.namespace)).not.toContain('lapwing');
      const moved = 'postgresql://somebody:pass@new.example.com/lapwing';
      expect(valuesOf(make(['--database-url', moved], {}, 'own'))['database-url']).toBe(moved);
    }, 120_000);

    it('says so when an address comes from the environment, without its password', () => {
      const { stdout } = tried([], { REDIS_URL: 'rediss://:pass@redis.example.com:6380' }, 'told');
      expect(stdout).toContain('redis-url is taken from REDIS_URL of the environment: redis.example.com:6380');
      expect(stdout).not.toContain('pass@');
    }, 120_000);

    it.each([
      ['--namespace', 'Bad_Name', 'no name of a namespace'],
      ['--database-url', 'foo', 'database-url must be postgres://'],
      ['--database-url', 'mysql://db.example.com/lapwing', 'database-url must be postgres://'],
      ['--redis-url', 'http://redis.example.com', 'redis-url must be redis://'],
    ])(
      'refuses %s %s in plain words, and keeps nothing of it',
      (option, value, told) => {
        const { status, stderr } = tried([option, value], {}, 'refused');
        expect(stderr).toContain(told);
        expect(stderr).not.toContain('    at ');
        expect(status).toBe(1);
        for (const file of ['secrets.yaml', 'namespace', `values/${option.slice(2)}`])
          expect({
            file,
            kept:
              existsSync(path.join(folder, 'refused', file)) &&
              readFileSync(path.join(folder, 'refused', file), 'utf8').includes(value),
          }).toEqual({ file, kept: false });
      },
      120_000,
    );

    it('says so when the folder is a file', () => {
      writeFileSync(path.join(folder, 'file'), '');
      const { status, stderr } = tried([], {}, 'file');
      expect(stderr).toContain('cannot be made');
      expect(stderr).not.toContain('    at ');
      expect(status).toBe(1);
    });
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
