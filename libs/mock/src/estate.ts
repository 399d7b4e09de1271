import type { DockerHost, LinkStatus, MockConfig, NodeType, SectionItem, SectionName } from '@lapwing/contracts';
import { backupServerAt, serverBackupsAt } from './backup-server.js';
import { backupTasksAt, replicationAt, snapshotsAt, storageBackupsAt } from './backups.js';
import { disksAt } from './disks.js';
import { dockerHostAt } from './docker.js';
import { guestAt } from './guests.js';
import { mailGatewayAt } from './mail.js';
import type { Clock } from './motion.js';
import { nodeAt } from './nodes.js';
import { planOf, type Plan } from './plan.js';
import { CEPH_STORAGE, cephAt, storageAt } from './storages.js';

/** The target ids under which mock machines stand. */
export const MOCK_TARGETS = { pve: 'mock-pve', pbs: 'mock-pbs', pmg: 'mock-pmg' } as const;

/** All made-up machines, as they are at an instant. */
export interface MockEstate {
  targets: {
    /** One of {@link MOCK_TARGETS}. */
    id: string;
    type: NodeType;
    /** What a person would have called it. */
    name: string;
    /** A URL that leads nowhere: `.invalid` is reserved for that (RFC 2606). */
    host: string;
    /** Each section whole, however large; what such a target does not have is left out. */
    sections: { [S in SectionName]?: SectionItem<S>[] };
  }[];
  dockerHosts: DockerHost[];
}

const INTERVAL_SECONDS = 10;
const urlOf = (name: string, port: number): string => `https://${name}.invalid:${port}`;

/**
 * The machines of mock mode at an instant: a Proxmox VE cluster, a Proxmox Backup Server, a Proxmox Mail Gateway and Docker hosts. A pure
 * function, so that all replicas of the server show the same; the caller owns what it gets.
 * @param now whole milliseconds since 1970
 */
export function mockEstate(config: MockConfig, now: number): MockEstate {
  const plan = planOf(config);
  const clock: Clock = { now, moving: plan.moving };
  return {
    targets: [clusterAt(plan, clock), backupTargetAt(plan, clock), mailTargetAt(clock)],
    dockerHosts: plan.docker.map((host) => dockerHostAt(host, clock)),
  };
}

function clusterAt(plan: Plan, clock: Clock): MockEstate['targets'][number] {
  const { nodes, guests, storages } = plan;
  const { now } = clock;
  const ceph = storages.find(({ name }) => name === CEPH_STORAGE);
  const names = nodes.map(({ name }) => name);
  return {
    id: MOCK_TARGETS.pve,
    type: 'pve',
    name: 'mock',
    host: urlOf('mock-pve1', 8006),
    sections: {
      link: [linkAt('pve', '8.4.1', 'mock-cluster', names, 8006, now)],
      nodes: nodes.map((node) => nodeAt(node, clock)),
      guests: guests.map((guest) => guestAt(guest, clock)),
      storages: storages.map((storage) => storageAt(storage, clock)),
      ceph: ceph ? [cephAt(nodes, ceph, clock)] : [],
      disks: disksAt(nodes, clock),
      backupTasks: backupTasksAt(guests, now),
      storageBackups: storageBackupsAt(guests, now),
      snapshots: snapshotsAt(guests, now),
      replication: replicationAt(nodes, guests, now),
    },
  };
}

function backupTargetAt({ nodes, guests }: Plan, clock: Clock): MockEstate['targets'][number] {
  return {
    id: MOCK_TARGETS.pbs,
    type: 'pbs',
    name: 'mock-pbs',
    host: urlOf('mock-pbs', 8007),
    sections: {
      link: [linkAt('pbs', '3.4.1', '', ['mock-pbs'], 8007, clock.now)],
      backupServer: [backupServerAt(clock)],
      serverBackups: serverBackupsAt(nodes, guests, clock.now),
    },
  };
}

function mailTargetAt(clock: Clock): MockEstate['targets'][number] {
  return {
    id: MOCK_TARGETS.pmg,
    type: 'pmg',
    name: 'mock-pmg',
    host: urlOf('mock-pmg1', 8006),
    sections: {
      link: [linkAt('pmg', '8.2.1', '', ['mock-pmg1', 'mock-pmg2'], 8006, clock.now)],
      mailGateway: [mailGatewayAt(clock)],
    },
  };
}

function linkAt(
  type: NodeType,
  version: string,
  clusterName: string,
  names: string[],
  port: number,
  now: number,
): LinkStatus {
  return {
    type,
    host: urlOf(names[0] ?? '', port),
    status: 'online',
    health: 'healthy',
    fault: null,
    error: '',
    version,
    isCluster: names.length > 1,
    clusterName: names.length > 1 ? clusterName : '',
    endpoints: names.map((node) => ({ node, host: urlOf(node, port), online: true, lastSeenAt: now })),
    reachedAt: now,
    intervalSeconds: INTERVAL_SECONDS,
    failures: 0,
  };
}
