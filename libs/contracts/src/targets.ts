import { z } from 'zod';
import { event, request } from './define.js';
import {
  BackupServer,
  BackupTask,
  CephCluster,
  GuestSnapshot,
  MailGateway,
  PhysicalDisk,
  ProxmoxGuest,
  ProxmoxNode,
  ProxmoxStorage,
  ReplicationJob,
  ServerBackup,
  StorageBackup,
} from './proxmox.js';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);

/** What can be polled: Proxmox VE, Proxmox Backup Server, Proxmox Mail Gateway. */
export const nodeTypes = ['pve', 'pbs', 'pmg'] as const;
/** One of {@link nodeTypes}. */
export type NodeType = (typeof nodeTypes)[number];

/** Names a target: the id of the node that was configured. */
export const TargetId = z.string().regex(/^[a-z0-9-]{1,64}$/, 'an id of a configured node');

/**
 * What can go wrong with a call to a target. `auth`: nobody knows us. `permission`: we may not. `missing`: there is no such thing. `remote`: what is
 * behind the server does not answer. `certificate`, `unreachable`, `timeout` and `answer` (no JSON, too much, a redirect) are the server's own.
 */
export const linkFaults = [
  'auth',
  'permission',
  'missing',
  'remote',
  'certificate',
  'unreachable',
  'timeout',
  'answer',
  'silent',
] as const;
/** One of {@link linkFaults}. */
export type LinkFault = (typeof linkFaults)[number];

/** How the link to a target is. */
export const LinkStatus = z.object({
  type: z.enum(nodeTypes),
  /** The address that was configured at the time. */
  host: z.string().max(512),
  /** `online` as long as it was reached within three intervals, through whichever endpoint. */
  status: z.enum(['online', 'offline']),
  health: z.enum(['healthy', 'degraded', 'error']),
  /** Of which kind that was: `silent` when nobody polls it any more; null when nothing went wrong. */
  fault: z.enum(linkFaults).nullable(),
  /** What went wrong last, in words fit for people; empty when nothing did. */
  error: z.string().max(1000),
  version: z.string().max(255),
  isCluster: z.boolean(),
  clusterName: z.string().max(255),
  endpoints: z
    .array(
      z.object({
        node: z.string().max(255),
        host: z.string().max(512),
        /** Whether Proxmox says that it belongs to the quorum, or it answered. */
        online: z.boolean(),
        lastSeenAt: Instant.nullable(),
        /** SHA-256 of the certificate by which the cluster knows it. */
        fingerprint: z.string().max(128).optional(),
      }),
    )
    .max(256),
  /** When it was reached last; null before the first time. */
  reachedAt: Instant.nullable(),
  /** Seconds until the next poll: longer than the interval for a target that could not be reached of late. */
  intervalSeconds: z.number().positive(),
  /** When the certificate that it showed ends; left out where none was seen. */
  certificateEndsAt: Instant.optional(),
  failures: z.int().min(0).describe('failed polls in a row'),
});
/** See {@link LinkStatus}. */
export type LinkStatus = z.infer<typeof LinkStatus>;

/** A server that was found in the network. */
export const DiscoveredServer = z.object({
  host: z.string().max(64),
  port: z.int(),
  type: z.enum(nodeTypes),
  name: z.string().max(255),
});
/** See {@link DiscoveredServer}. */
export type DiscoveredServer = z.infer<typeof DiscoveredServer>;

/** What the last search of the network found. */
export const Discovery = z.object({
  servers: z.array(DiscoveredServer).max(1000),
  errors: z.array(z.string().max(500)).max(100),
  scanning: z.boolean(),
  updatedAt: Instant.nullable(),
});
/** See {@link Discovery}. */
export type Discovery = z.infer<typeof Discovery>;

/** What is told of a target: each section whole, in parts where it is large. */
const sections = {
  link: z.array(LinkStatus).max(1),
  nodes: z.array(ProxmoxNode),
  guests: z.array(ProxmoxGuest),
  storages: z.array(ProxmoxStorage),
  ceph: z.array(CephCluster),
  disks: z.array(PhysicalDisk),
  backupTasks: z.array(BackupTask),
  storageBackups: z.array(StorageBackup),
  snapshots: z.array(GuestSnapshot),
  replication: z.array(ReplicationJob),
  backupServer: z.array(BackupServer).max(1),
  serverBackups: z.array(ServerBackup),
  mailGateway: z.array(MailGateway).max(1),
  discovery: z.array(Discovery).max(1),
};
/** The name of a section. */
export type SectionName = keyof typeof sections;
/** All sections by name. */
export const sectionNames = Object.keys(sections) as SectionName[];
/** The things of which a section consists. */
export type SectionItem<S extends SectionName> = z.infer<(typeof sections)[S]>[number];

const seen = <S extends SectionName>(section: S) =>
  z.object({
    targetId: TargetId,
    part: z.int().min(0).max(999),
    parts: z.int().min(1).max(1000),
    /** When it was seen. */
    time: Instant,
    section: z.literal(section),
    items: sections[section],
  });
/** One part of one section of a target, as it was seen. A later one with the same `parts` replaces it; another `parts` replaces all. */
export const Observation = z.discriminatedUnion('section', [
  seen('link'),
  seen('nodes'),
  seen('guests'),
  seen('storages'),
  seen('ceph'),
  seen('disks'),
  seen('backupTasks'),
  seen('storageBackups'),
  seen('snapshots'),
  seen('replication'),
  seen('backupServer'),
  seen('serverBackups'),
  seen('mailGateway'),
  seen('discovery'),
]);
/** See {@link Observation}. */
export type Observation = z.infer<typeof Observation>;

/** The key of an observation: the stream keeps the newest of each. */
export const observationKey = ({ targetId, section, part }: Pick<Observation, 'targetId' | 'section' | 'part'>) =>
  `${targetId}:${section}:${part}`;

/** Something of a target was seen. Key: target, section and part. */
export const targetObserved = event('evt.target.observed.v1', 'STATES', Observation, observationKey);

/** Figures of a resource at one instant: percent 0–100, bytes, bytes per second. What is missing is not known. */
export const PolledFigures = z.object({
  /** The node's name; the guest's number; the storage's name, with its node before it and a `/` unless it is shared. */
  name: z.string().max(500),
  cpu: z.number().optional(),
  memory: z.number().optional(),
  memoryUsed: z.number().optional(),
  disk: z.number().optional(),
  diskUsed: z.number().optional(),
  total: z.number().optional(),
  diskRead: z.number().optional(),
  diskWrite: z.number().optional(),
  networkIn: z.number().optional(),
  networkOut: z.number().optional(),
});
/** See {@link PolledFigures}. */
export type PolledFigures = z.infer<typeof PolledFigures>;

/** The kinds of polled resources that have series. */
export const polledKinds = ['node', 'guest', 'storage'] as const;
/** One of {@link polledKinds}. */
export type PolledKind = (typeof polledKinds)[number];

/** Figures of the resources of a target, all of one instant. Key: the target. */
export const targetSampled = event(
  'evt.target.sampled.v1',
  'SAMPLES',
  z.object({
    targetId: TargetId,
    time: Instant,
    kind: z.enum(polledKinds),
    rows: z.array(PolledFigures).min(1).max(2000),
  }),
  ({ targetId }) => targetId,
);

/** The metrics of polled resources that charts show. */
export const chartMetrics = [
  'cpu',
  'memory',
  'disk',
  'diskUsed',
  'total',
  'diskRead',
  'diskWrite',
  'networkIn',
  'networkOut',
] as const;
/** One of {@link chartMetrics}. */
export type ChartMetric = (typeof chartMetrics)[number];

/** How many series one question may be about. */
export const MAX_CHARTED = 50;

/**
 * Series of polled resources of one target: means over steps of so many seconds. A resource without a series is left out. At most 50
 * resources and 500 steps, so that an answer fits into a message.
 */
export const chartsGet = request('req.metrics-store.charts.get.v1', {
  input: z.object({
    targetId: TargetId,
    kind: z.enum(polledKinds),
    names: z.array(z.string().max(500)).min(1).max(MAX_CHARTED),
    metrics: z.array(z.enum(chartMetrics)).min(1).max(chartMetrics.length),
    from: Instant,
    to: Instant,
    step: z.int().min(1).max(86_400),
  }),
  output: z.object({
    series: z.array(
      z.object({
        name: z.string(),
        /** Beginnings of the steps. */
        times: z.array(z.number()),
        values: z.partialRecord(z.enum(chartMetrics), z.array(z.number().nullable())),
      }),
    ),
  }),
  deadlineMs: 15_000,
});
