import { canContain, eventually } from '@lapwing/testing';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Cluster } from '../src/pods/cluster';
import { environmentOfStages } from '../src/pods/dockerfile';
import { expand } from '../src/pods/environment';
import { imageOf } from '../src/pods/images';
import { Objects, quantity } from '../src/pods/objects';
import type { Pod } from '../src/pods/pod';

const READY_MS = 60_000;

/** A server that says over HTTP what it sees, is ready or not, and ends at SIGTERM or not, as its arguments say. */
const PROGRAM = `
const [, , ...how] = process.argv;
const fs = require('node:fs');
const may = (work) => { try { return work(); } catch (error) { return error.code; } };
const seen = () => ({
  environment: process.env, arguments: how, folder: process.cwd(), pid: process.pid, user: process.getuid(), groups: process.getgroups().sort((a, b) => a - b),
  hosts: fs.readFileSync('/etc/hosts', 'utf8'), top: fs.readdirSync('/').sort(),
  secret: may(() => fs.readFileSync('/secrets/key', 'utf8')), mode: may(() => fs.statSync('/secrets/key').mode & 0o777),
  root: may(() => fs.writeFileSync('/a', '')), app: may(() => fs.writeFileSync('/app/a', '')),
  mounted: may(() => fs.writeFileSync('/secrets/a', '')), claim: may(() => fs.appendFileSync('/claim/a', '1') ?? fs.readFileSync('/claim/a', 'utf8')),
});
require('node:http').createServer((request, answer) => {
  if (request.url === '/end') process.exit(3);
  answer.statusCode = how.includes('never-ready') && request.url === '/ready' ? 503 : 200;
  answer.end(JSON.stringify(seen()));
}).listen(8080, process.env.ADDRESS);
process.on('SIGTERM', () => how.includes('deaf') || process.exit(7));
if (how.includes('hungry')) Array.from({ length: 400 }, () => Buffer.alloc(2 ** 20, 1));
`;

const workload = (name: string, how: string, more = ''): string => `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: ${name}, namespace: here }
spec:
  replicas: 1
  serviceName: ${name}
  template:
    metadata: { labels: { name: ${name} } }
    spec:
      enableServiceLinks: false
      terminationGracePeriodSeconds: 3
      securityContext: { runAsUser: 10001, runAsGroup: 10001, runAsNonRoot: true, fsGroup: 555 }
      containers:
        - name: one
          image: lapwing:1
          command: [node, /app/program.js, ${how}, "$(NAME).$$(NAME).$(NOBODY)"]
          env:
            - { name: ADDRESS, valueFrom: { fieldRef: { fieldPath: status.podIP } } }
            - { name: NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: LIST, value: "$(NAME)/$(ADDRESS)" }
            - { name: ABSENT, valueFrom: { secretKeyRef: { name: keys, key: absent, optional: true } } }
          envFrom: [{ configMapRef: { name: settings } }]
          ports: [{ name: http, containerPort: 8080 }]
          startupProbe: { httpGet: { path: /health, port: http }, periodSeconds: 1, failureThreshold: 30 }
          readinessProbe: { httpGet: { path: /ready, port: http }, periodSeconds: 1 }
          resources: { limits: { memory: 192Mi } }
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
          volumeMounts: [{ name: keys, mountPath: /secrets, readOnly: true }, { name: data, mountPath: /claim }]
${more}
      volumes: [{ name: keys, secret: { secretName: keys, defaultMode: 256 } }]
  volumeClaimTemplates: [{ metadata: { name: data } }]
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: here }
spec: { selector: { name: ${name} }, ports: [{ port: 80, targetPort: http }] }
`;

const around = `
kind: Secret
metadata: { name: keys, namespace: here }
stringData: { key: of the house }
---
kind: ConfigMap
metadata: { name: settings, namespace: here }
data: { NAME: overridden, LEVEL: "5" }
`;

interface Seen {
  environment: Record<string, string>;
  [what: string]: unknown;
}

const withNamespaces = canContain() ? describe : describe.skip;

withNamespaces('a node that runs pods as processes', () => {
  let folder: string;
  let cluster: Cluster;
  let pod: Pod;
  const programs = { nats: { program: '/nowhere' }, redis: { program: '/nowhere' } };

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'lapwing-node-'));
    mkdirSync(path.join(folder, 'image'));
    writeFileSync(path.join(folder, 'image/program.js'), PROGRAM);
    const broken = workload('root', 'well').replace('runAsUser: 10001', 'runAsUser: 0');
    const objects = Objects.of(
      around,
      broken,
      workload('lost', 'well').replaceAll('secretName: keys', 'secretName: lost'),
      ...['well', 'never-ready', 'deaf', 'hungry', 'brief'].map((how) => workload(how, how)),
    );
    cluster = await Cluster.create({
      objects,
      imageOf: (reference) =>
        imageOf(reference, path.join(folder, 'image'), programs, { lapwing: { FROM_IMAGE: '1' } }),
      folder: path.join(folder, 'node'),
    });
  });
  afterAll(async () => {
    await cluster.remove();
    rmSync(folder, { recursive: true });
  });

  const start = async (name: string): Promise<Pod> => {
    const [started] = await cluster.start('StatefulSet', 'here', name, READY_MS);
    if (!started) throw new Error('no pod');
    return started;
  };
  const ask = async (name: string): Promise<Seen> =>
    (await (await fetch(`http://${cluster.addressOf('here', name, 'service')}`)).json()) as Seen;

  it('gives a pod what its manifest says, and nothing else', async () => {
    pod = await start('well');
    const { environment, ...seen } = await ask('well');
    expect(environment).toEqual({
      PATH: expect.any(String) as string,
      HOME: '/tmp',
      HOSTNAME: 'well-0',
      FROM_IMAGE: '1',
      LEVEL: '5',
      NAME: 'well-0',
      ADDRESS: pod.address,
      LIST: `well-0/${pod.address}`,
      ...Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('KUBERNETES_'))),
    });
    expect(environment['KUBERNETES_SERVICE_HOST']).toBeDefined();
    expect(seen).toEqual({
      arguments: ['well', 'well-0.$(NAME).$(NOBODY)'],
      folder: '/app',
      pid: 1,
      user: 10_001,
      groups: [555, 10_001],
      hosts: expect.stringContaining(
        `${cluster.addressOf('here', 'deaf', 'service')} deaf deaf.here deaf.here.svc`,
      ) as string,
      top: 'app bin dev etc lib lib64 opt proc run sbin sys tmp usr var secrets claim'.split(' ').toSorted(),
      secret: 'of the house',
      mode: 0o440,
      root: 'EROFS',
      app: 'EROFS',
      mounted: 'EROFS',
      claim: expect.stringMatching(/^1+$/) as string,
    });
  }, 90_000);

  it('stops it, and keeps its claim for the one that comes after it', async () => {
    expect(await pod.stop()).toMatchObject([{ code: 7, signal: null, killed: false }]);
    await expect(ask('well')).rejects.toThrow('fetch failed');
    pod = await cluster.again(pod);
    await pod.ready(READY_MS);
    expect((await ask('well'))['claim']).toMatch(/^1{2,}$/);
  }, 120_000);

  it('kills what does not end within its grace period', async () => {
    const [stopped] = await (await start('deaf')).stop();
    expect(stopped).toMatchObject({ code: null, signal: 'SIGKILL', killed: true });
    expect(stopped?.seconds).toBeGreaterThan(2.9);
  }, 90_000);

  it('says of a pod that is never ready, ends by itself, or takes more memory than it may, why', async () => {
    await expect(cluster.start('StatefulSet', 'here', 'never-ready', 5000)).rejects.toThrow(/answered with 503/);
    const brief = await start('brief');
    await fetch(`http://${brief.address}:8080/end`).catch(() => {});
    await eventually(() => expect(brief.failure).toBe('it ended by itself with 3'));
    expect([brief.isReady, brief.isOpen]).toEqual([false, false]);
    // Where no control group can be made, the node has said so.
    if ((await pod.process.memoryPeak()) === undefined) return;
    await expect(cluster.start('StatefulSet', 'here', 'hungry', READY_MS)).rejects.toThrow(/by itself with SIGKILL/);
  }, 180_000);

  it('refuses what Kubernetes would not start', async () => {
    await expect(cluster.start('StatefulSet', 'here', 'root', READY_MS)).rejects.toThrow('runAsNonRoot');
    await expect(cluster.start('StatefulSet', 'here', 'lost', READY_MS)).rejects.toThrow('there is no Secret "lost"');
  });
});

describe('what a node reads', () => {
  it('replaces variables that it knows, once', () => {
    const known = { A: '1', B: '$(A)' };
    expect(expand('$(A) $(B) $(C) $$(A) $A', known)).toBe('1 $(A) $(C) $(A) $A');
  });

  it.each([
    ['64Mi', 2 ** 26],
    ['1Gi', 2 ** 30],
    ['500m', 0.5],
    ['2', 2],
  ])('takes %s for %d', (text, number) => {
    expect(quantity(text)).toBe(number);
  });

  it('finds what a stage of a Dockerfile has in its environment', () => {
    const text = 'FROM node:22 AS base\nENV A=1 B=2\nFROM base AS one\nENV C=3 \\\n  A=4\nFROM node:22 AS two\n';
    expect(environmentOfStages(text)).toEqual({ base: { A: '1', B: '2' }, one: { A: '4', B: '2', C: '3' }, two: {} });
    expect(() => environmentOfStages('FROM a AS b\nENV A="1 2"')).toThrow('cannot read');
  });
});
