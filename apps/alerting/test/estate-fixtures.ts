import {
  AlertConfig,
  defaultAlertConfig,
  type AlertResource,
  type DockerHost,
  type LinkStatus,
  type NodeType,
  type PhysicalDisk,
  type ProxmoxGuest,
  type ProxmoxNode,
  type ProxmoxStorage,
  type ReportedContainer,
  type SectionItem,
  type SectionName,
} from '@lapwing/contracts';
import { mergeConfig } from '../src/domain/merge-config';
import type { Look } from '../src/domain/reading';
import type { Target } from '../src/domain/readings/target';

/** Any instant: tests count from it. */
export const T0 = 1_700_000_000_000;
export const GIB = 2 ** 30;

/** The rules that hold, with some of them otherwise. */
export function configOf(patch: Record<string, unknown> = {}): AlertConfig {
  const merged = mergeConfig(defaultAlertConfig, patch);
  if ('faults' in merged) throw new Error(JSON.stringify(merged.faults));
  return merged.config;
}

/** A rule book in which everything fires at once, but for what the patch delays. */
export const atOnce = ({ timeThresholds, ...patch }: Record<string, unknown> = {}): AlertConfig =>
  configOf({
    ...patch,
    timeThresholds: { host: 0, node: 0, guest: 0, storage: 0, pbs: 0, ...(timeThresholds as object | undefined) },
  });

export const resourceOf = (resource: Partial<AlertResource> = {}): AlertResource => ({
  id: 'web-1',
  name: 'web-1',
  type: 'host',
  node: 'web-1',
  instance: 'web-1',
  parents: [],
  ...resource,
});

const usage = (share: number) => ({ total: 100 * GIB, used: share * GIB, free: (100 - share) * GIB });

export const guestOf = (guest: Partial<ProxmoxGuest> = {}): ProxmoxGuest => ({
  vmid: 101,
  node: 'pve1',
  name: 'web',
  type: 'qemu',
  status: 'running',
  cpu: 10,
  cpus: 2,
  memory: usage(20),
  disk: usage(30),
  diskReason: null,
  filesystems: [],
  os: null,
  interfaces: [],
  networkIn: 0,
  networkOut: 0,
  diskRead: 0,
  diskWrite: 0,
  uptime: 1,
  template: false,
  tags: [],
  lock: '',
  ...guest,
});

export const mounted = (mountpoint: string, share: number) => ({
  ...usage(share),
  mountpoint,
  type: 'ext4',
  device: '/dev/sda1',
});

export const nodeOf = (node: Partial<ProxmoxNode> = {}): ProxmoxNode => ({
  name: 'pve1',
  status: 'online',
  cpu: 10,
  memory: usage(20),
  swap: usage(0),
  disk: usage(30),
  uptime: 1,
  loadAverage: [],
  kernelVersion: '',
  pveVersion: '',
  cpuInfo: { model: '', cores: 1, sockets: 1, mhz: '' },
  readAt: T0,
  ...node,
});

export const storageOf = (storage: Partial<ProxmoxStorage> = {}): ProxmoxStorage => ({
  ...usage(10),
  name: 'tank',
  nodes: ['pve1'],
  type: 'zfspool',
  status: 'available',
  content: [],
  shared: false,
  enabled: true,
  active: true,
  zfsPool: null,
  ...storage,
});

export const diskOf = (disk: Partial<PhysicalDisk> = {}): PhysicalDisk => ({
  node: 'pve1',
  devPath: '/dev/sda',
  model: 'WD Red',
  serial: '1',
  type: 'ssd',
  size: 1,
  health: 'PASSED',
  lifeLeft: 90,
  temperature: null,
  rpm: null,
  used: '',
  checkedAt: T0,
  ...disk,
});

export const linkOf = (link: Partial<LinkStatus> = {}): LinkStatus => ({
  type: 'pve',
  host: 'https://pve1:8006',
  status: 'online',
  health: 'healthy',
  fault: null,
  error: '',
  version: '8',
  isCluster: true,
  clusterName: 'home',
  endpoints: [],
  reachedAt: T0,
  intervalSeconds: 10,
  failures: 0,
  ...link,
});

/** A target of which some sections were seen, all at one time. */
export function targetOf(
  sections: { [S in SectionName]?: SectionItem<S>[] },
  { time = T0, type = 'pve', name = 'home' }: { time?: number; type?: NodeType; name?: string } = {},
): Target {
  const seen = Object.entries(sections).map(([section, items]) => [section, { items, time }]);
  return { id: `id-${name}`, type, name, sections: Object.fromEntries(seen) as Target['sections'] };
}

export const containerOf = (container: Partial<ReportedContainer> = {}): ReportedContainer => ({
  id: 'c1',
  name: 'db',
  image: 'postgres',
  state: 'running',
  status: 'Up',
  health: 'healthy',
  cpuPercent: 1,
  memoryUsageBytes: 10,
  memoryLimitBytes: 100,
  memoryPercent: 10,
  uptimeSeconds: 1,
  restartCount: 0,
  exitCode: 0,
  labels: {},
  ports: [],
  networks: [],
  ...container,
});

export function dockerHostOf(containers: ReportedContainer[], host: Partial<DockerHost> = {}): DockerHost {
  return {
    id: 'docker-1',
    agentId: 'docker-1',
    displayName: '',
    status: 'online',
    lastSeenAt: T0,
    token: null,
    hidden: false,
    pendingUninstall: false,
    command: null,
    issues: [],
    recentExitCodes: [],
    report: {
      agent: { version: '', intervalSeconds: 30 },
      host: {
        hostname: 'web',
        os: '',
        kernelVersion: '',
        architecture: '',
        dockerVersion: '',
        totalCpu: 1,
        totalMemoryBytes: 1,
        uptimeSeconds: 1,
      },
      containers,
    },
    ...host,
  };
}

/** What a look told, by alert. */
export const valuesOf = ({ readings }: Look): Record<string, number | null> =>
  Object.fromEntries(readings.map(({ resource, signal, value }) => [`${resource.id} ${signal}`, value]));
