import { agentIdFromHostname, streamNames } from '@lapwing/contracts';
import { canContain, eventually } from '@lapwing/testing';
import { credsAuthenticator, connect, type NatsConnection } from '@nats-io/transport-node';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { OwnPostgres } from '../src/own-postgres';
import { Cluster } from '../src/pods/cluster';
import { makeSecrets, renderPods, stageImage, type Rendered, type Secrets } from '../src/pods/overlay';
import type { Pod } from '../src/pods/pod';

/** What JetStream says of a stream, as far as it is looked at here. */
interface StreamInfo {
  config: { num_replicas: number };
  state: { last_seq: number };
  cluster: { leader?: string; replicas?: { name: string; current: boolean; offline?: boolean }[] };
}

const NAMESPACE = 'lapwing';
const SERVICES = 'settings auth metrics-store log-store fleet alerting updates poller gateway'.split(' ');
const READY_MS = 150_000;
const SPEED_UP = 5;

// Everything below is done by namespaces, which only root may make.
const withNamespaces = canContain() ? describe : describe.skip;

withNamespaces('the pods of the manifests, as processes', () => {
  let work: string;
  let secrets: Secrets;
  let single: Rendered;
  const at = (name: string): string => path.join(work, name);
  const say = (text: string): boolean => process.stderr.write(`\n${text}\n`);

  beforeAll(async () => {
    work = await mkdtemp(path.join(tmpdir(), 'lapwing-pods-'));
    secrets = await makeSecrets(at('secrets'));
    single = await renderPods(['k8s/overlays/single', 'k8s/agents'], [secrets.manifests], at('image'));
    const [migration] = single.objects.ofKind('Job');
    await stageImage(migration?.metadata.labels?.['app.kubernetes.io/version'] ?? '', at('image'));
    say(
      'NOTE: pods run as processes of this machine: its /usr under the image, NATS and Redis of this machine, no seccomp profile, no limits of CPU; ' +
        'NetworkPolicies, DNS and restarts are NOT reproduced.',
    );
  }, 180_000);
  afterAll(() => rm(work, { recursive: true, force: true }));

  describe('single', () => {
    let postgres: OwnPostgres;
    let cluster: Cluster;
    let migration: string;
    const pods = new Map<string, Pod>();
    let agent: Pod;
    let token = '';

    beforeAll(async () => {
      migration = single.objects.ofKind('Job')[0]?.metadata.name ?? '';
      say('NOTE: a plain PostgreSQL stands in for the pod of TimescaleDB.');
      postgres = await OwnPostgres.start([], await secrets.value('postgres-password'));
      await postgres.rows('CREATE DATABASE lapwing');
      const { hostname: host, port } = new URL(postgres.url);
      cluster = await Cluster.create({
        ...single,
        folder: at('single'),
        speedUp: SPEED_UP,
        standIns: { timescaledb: { host, port: Number(port) } },
      });
    }, 120_000);
    afterAll(async () => {
      await cluster?.remove();
      await postgres?.remove();
    }, 60_000);

    const start = async (kind: 'Deployment' | 'StatefulSet', name: string): Promise<void> => {
      const [pod] = await cluster.start(kind, NAMESPACE, name, READY_MS);
      if (pod) pods.set(name, pod);
      await pod?.ready(READY_MS);
    };
    const pod = (name: string): Pod => {
      const found = pods.get(name);
      if (!found) throw new Error(`${name} does not run`);
      return found;
    };
    /** Asks over the Service of the gateway, as an Ingress does. */
    const ask = async <T>(method: string, route: string, body?: unknown): Promise<{ status: number; body: T }> => {
      const answer = await fetch(`http://${cluster.addressOf(NAMESPACE, 'gateway', 'service')}:8080${route}`, {
        method,
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(15_000),
      });
      return { status: answer.status, body: (await answer.json()) as T };
    };

    it(
      'come up all at once, while the migrations run, and satisfy their own probes',
      async () => {
        const servers = ['nats', 'redis'].map((name) => start('StatefulSet', name));
        const services = SERVICES.map((name) => start('Deployment', name));
        const migrated = cluster.complete(NAMESPACE, migration);
        await Promise.all([...servers, ...services]);
        expect(await migrated).toMatchObject({
          code: 0,
          printed: expect.stringMatching(/\d+ migrations applied/) as string,
        });
      },
      READY_MS + 30_000,
    );

    it('find nothing to migrate a second time', async () => {
      const again = await cluster.complete(NAMESPACE, migration);
      expect(again).toMatchObject({
        code: 0,
        printed: expect.stringContaining('all schemas were up to date') as string,
      });
    }, 60_000);

    it('have no rights but those of the manifests, and write to their volumes alone', async () => {
      for (const name of SERVICES) {
        const { process } = pod(name);
        const status = await process.status();
        expect([name, ...status.match(/^(Uid|Gid|Groups|CapEff|CapBnd|NoNewPrivs):.*$/gm)!]).toEqual([
          name,
          'Uid:\t10001\t10001\t10001\t10001',
          'Gid:\t10001\t10001\t10001\t10001',
          expect.stringMatching(/^Groups:\t10001 ?$/),
          'CapEff:\t0000000000000000',
          'CapBnd:\t0000000000000000',
          'NoNewPrivs:\t1',
        ]);
      }
      const attempt = (script: string): Promise<number | null> =>
        pod('settings').process.execute(['sh', '-c', script], 5000);
      expect(await attempt('touch /tmp/a')).toBe(0);
      for (const place of ['/a', '/app/a', '/run/lapwing/credentials/a', '/etc/a', '/usr/a'])
        expect([place, await attempt(`touch ${place} 2>/dev/null`)]).toEqual([place, 1]);
      // It sees itself and nobody else: the shell, and the service as the first process.
      expect(await attempt('grep -q settings /proc/1/cmdline && test "$(ls -d /proc/[0-9]* | wc -l)" -le 6')).toBe(0);
    }, 30_000);

    it('let the administrator in, and an agent with its token, whose samples arrive', async () => {
      const password = await secrets.value('admin-password');
      const login = await ask<{ token: string }>('POST', '/api/v1/auth/login', { username: 'admin', password });
      expect(login.status).toBe(200);
      ({ token } = login.body);
      const id = agentIdFromHostname((await readFile('/etc/hostname', 'utf8')).trim());
      const made = await ask<{ enrollment_token: string }>('POST', '/api/v1/agents', { id, name: 'node' });
      expect(made.status).toBe(201);
      single.objects.add({
        kind: 'Secret',
        metadata: { name: 'lapwing-agent', namespace: 'lapwing-agents' },
        stringData: { 'enrollment-token': made.body.enrollment_token },
      });
      const [started] = await cluster.start('DaemonSet', 'lapwing-agents', 'agent', READY_MS);
      agent = started!;
      await agent.ready(READY_MS);
      await eventually(async () => {
        const history = await ask<{ data?: object[] }>('GET', `/api/v1/history?agent_id=${id}&resolution=raw`);
        if ((history.body.data?.length ?? 0) >= 3) return;
        // Who asks without a pause is stopped by the limit of requests.
        await pause(500);
        throw new Error(`no samples, the answer was ${JSON.stringify(history)}:\n${agent.story}`);
      }, 60_000);
    }, 240_000);

    it('had enough memory', async () => {
      for (const [name, one] of [...pods, ['agent', agent] as const]) {
        const peak = await one.process.memoryPeak();
        const limit = one.containers[0]?.resources?.limits as { memory: string } | undefined;
        say(
          `${name}: ${peak === undefined ? 'not measured' : `${Math.round(peak / 2 ** 20)} MiB`} of ${limit?.memory}`,
        );
        expect(one.failure).toBeUndefined();
      }
    });

    it('end with 0 within their grace periods when they are deleted, servers last', async () => {
      const ends = async (names: string[], codes: (number | null)[]): Promise<void> => {
        const stopped = await Promise.all(names.map(async (name) => ({ name, ends: await pod(name).stop() })));
        for (const { name, ends: all } of stopped)
          for (const { code, signal, seconds, killed } of all) {
            say(`${name} ended after ${seconds.toFixed(1)} s with ${code}`);
            expect([name, signal, killed, codes.includes(code)]).toEqual([name, null, false, true]);
          }
      };
      expect(await agent.stop()).toMatchObject([{ code: 0, killed: false }]);
      await ends(SERVICES, [0]);
      // NATS up to 2.9 says 1 at SIGTERM.
      await ends(['nats', 'redis'], [0, 1]);
    }, 120_000);
  });

  describe('the NATS of production', () => {
    let cluster: Cluster;
    let pods: Pod[];
    let connection: NatsConnection;
    let opened: NatsConnection | undefined;
    let rendered: Rendered;

    beforeAll(async () => {
      rendered = await renderPods(['k8s/overlays/production'], [secrets.manifests], at('image'));
      cluster = await Cluster.create({ ...rendered, folder: at('production'), speedUp: SPEED_UP });
      pods = await cluster.start('StatefulSet', NAMESPACE, 'nats', READY_MS);
      await Promise.all(pods.map((pod) => pod.ready(READY_MS)));
    }, 180_000);
    afterAll(async () => {
      await opened?.close();
      await cluster?.remove();
    }, 60_000);

    /** Connects over the Service, as one of the services. */
    const as = async (service: string): Promise<NatsConnection> => {
      const contents = rendered.objects.contents('Secret', NAMESPACE, `lapwing-bus-${service}`);
      const creds = contents[`${service}.creds`] ?? Buffer.alloc(0);
      const servers = `${cluster.addressOf(NAMESPACE, 'nats', 'service')}:4222`;
      return connect({ servers, authenticator: credsAuthenticator(creds), inboxPrefix: `_INBOX.service.${service}` });
    };
    const stream = async (name: string): Promise<StreamInfo> =>
      (await connection.request(`$JS.API.STREAM.INFO.${name}`, '', { timeout: 5000 })).json<StreamInfo>();
    /** Puts a message into the stream EVENTS; says as which one it is kept there. */
    const put = async (): Promise<number> => {
      const answer = await connection.request('evt.audit.occurred.v1.test', '{}', { timeout: 5000 });
      const { seq } = answer.json<{ seq?: number }>();
      if (seq === undefined) throw new Error(`not kept: ${answer.string()}`);
      return seq;
    };
    const isWhole = ({ cluster: { leader, replicas = [] } }: StreamInfo): boolean =>
      leader !== undefined && replicas.length === 2 && replicas.every(({ current, offline }) => current && !offline);

    it('has three copies of every stream, as soon as a service has made them', async () => {
      // Without a database it is never ready; streams it makes all the same.
      await cluster.start('Deployment', NAMESPACE, 'metrics-store', READY_MS);
      connection = opened = await as('gateway');
      for (const name of [...streamNames, 'KV_leases'])
        await eventually(async () => {
          const info = await stream(name);
          expect([name, info.config?.num_replicas, info.cluster && isWhole(info)]).toEqual([name, 3, true]);
        }, 60_000);
    }, 120_000);

    it('goes on taking messages when the server that leads a stream is lost, and catches up when it is back', async () => {
      const before = await put();
      const { leader } = (await stream('EVENTS')).cluster;
      const lost = pods.find(({ name }) => name === leader);
      if (!lost) throw new Error(`EVENTS is led by ${leader}`);
      await lost.remove();
      const after = await eventually(put, 60_000);
      expect(after).toBeGreaterThan(before);
      const back = await cluster.again(lost);
      pods = pods.map((pod) => (pod === lost ? back : pod));
      await back.ready(READY_MS);
      await eventually(async () => expect(isWhole(await stream('EVENTS'))).toBe(true), 60_000);
      expect((await stream('EVENTS')).state.last_seq).toBeGreaterThanOrEqual(after);
    }, 240_000);

    it('is left in order by a server that is deleted: it hands over its clients, and ends with 0', async () => {
      const clients = await Promise.all(
        pods.map(async ({ address }) => {
          const answer = await fetch(`http://${address}:8222/varz`);
          return ((await answer.json()) as { connections: number }).connections;
        }),
      );
      const busiest = pods[clients.indexOf(Math.max(...clients))];
      const ends = await busiest?.stop();
      say(`${busiest?.name}, with ${Math.max(...clients)} clients, ended after ${ends?.[0]?.seconds.toFixed(1)} s`);
      expect(ends).toMatchObject([{ code: 0, signal: null, killed: false }]);
      await eventually(put, 60_000);
    }, 120_000);
  });
});
