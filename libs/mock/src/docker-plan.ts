import type { MockConfig, ReportedContainer } from '@lapwing/contracts';
import { between, hashOf, hex, mix, pick } from './hash.js';
import { GIB } from './motion.js';

/** What of a made-up Docker host does not change. */
export interface DockerPlan {
  id: string;
  seed: number;
  cpus: number;
  memoryTotal: number;
  containers: ContainerPlan[];
}

/** What of a made-up container does not change. */
export interface ContainerPlan {
  id: string;
  name: string;
  image: string;
  seed: number;
  /** `exited` has done its work; `restarting` ends again and again. */
  state: 'running' | 'exited' | 'restarting';
  health: '' | 'healthy' | 'unhealthy';
  /** Percent of one core. */
  cpu: number;
  memoryLimit: number;
  /** 0 to 1. */
  memoryShare: number;
  labels: Record<string, string>;
  ports: ReportedContainer['ports'];
  network: ReportedContainer['networks'][number];
}

type Kind = [name: string, image: string, port: number];
const kinds: [Kind, ...Kind[]] = [
  ['nginx', 'nginx:1.27-alpine', 80],
  ['postgres', 'postgres:17', 5432],
  ['redis', 'redis:8-alpine', 6379],
  ['api', 'registry.example.com/shop/api:2.14.1', 8080],
  ['worker', 'registry.example.com/shop/worker:2.14.1', 0],
  ['grafana', 'grafana/grafana:12.0.0', 3000],
  ['prometheus', 'prom/prometheus:v3.3.1', 9090],
  ['traefik', 'traefik:v3.4', 443],
  ['minio', 'minio/minio:latest', 9000],
  ['rabbitmq', 'rabbitmq:4-management', 5672],
  ['registry', 'registry:3', 5000],
  ['migrate', 'registry.example.com/shop/migrate:2.14.1', 0],
];
/** On the first host: this one restarts, that one's health check fails. */
const RESTARTING = 'worker';
const UNHEALTHY = 'api';

/** The Docker hosts of a configuration. */
export function planDocker({ dockerHostCount, dockerContainersPerHost }: MockConfig): DockerPlan[] {
  return Array.from({ length: dockerHostCount }, (_, host) => {
    const id = `mock-docker-${host + 1}`;
    const seed = hashOf(`docker:${id}`);
    return {
      id,
      seed,
      cpus: pick(seed, 1, [8, 16, 32]),
      memoryTotal: pick(seed, 2, [32, 64]) * GIB,
      containers: Array.from({ length: dockerContainersPerHost }, (__, at) => planContainer(seed, host, at)),
    };
  });
}

function planContainer(hostSeed: number, host: number, at: number): ContainerPlan {
  const [kind, image, port] = kinds[at % kinds.length] ?? kinds[0];
  const round = Math.floor(at / kinds.length) + 1;
  const seed = mix(hostSeed, 100 + at);
  const odd = host === 0 && round === 1;
  const state = kind === 'migrate' ? 'exited' : odd && kind === RESTARTING ? 'restarting' : 'running';
  const checked = port > 0 && state === 'running';
  return {
    id: hex(seed, 1, 64),
    name: round === 1 ? kind : `${kind}-${round}`,
    image,
    seed,
    state,
    health: !checked ? '' : odd && kind === UNHEALTHY ? 'unhealthy' : 'healthy',
    cpu: between(seed, 2, 0.5, 40),
    memoryLimit: pick(seed, 3, [0.25, 0.5, 1, 2]) * GIB,
    memoryShare: between(seed, 4, 0.15, 0.75),
    labels: { 'com.docker.compose.project': `stack-${round}`, 'com.docker.compose.service': kind },
    ports: port > 0 ? [{ privatePort: port, publicPort: 10_000 + 100 * round + (at % 100), protocol: 'tcp' }] : [],
    network: { name: `stack-${round}_default`, ipv4: `172.18.${round}.${2 + (at % kinds.length)}` },
  };
}
