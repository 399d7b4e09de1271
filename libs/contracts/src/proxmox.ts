import { z } from 'zod';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);
/** Bytes; Proxmox counts beyond what fits into 32 bits, and never below zero. */
const Bytes = z.number().min(0);
const Rate = z.number().min(0).describe('bytes per second');
const Percent = z.number().min(0);
const text = (max: number) => z.string().max(max);

/** How much there is of something, and how much of it is taken. Bytes. */
const Usage = z.object({ total: Bytes, used: Bytes, free: Bytes });

/** A node of a Proxmox VE installation. */
export const ProxmoxNode = z.object({
  name: text(255),
  status: z.enum(['online', 'offline']),
  /** Percent of all its processors. */
  cpu: Percent,
  /** What cannot be had counts as used: caches do not. */
  memory: Usage,
  swap: Usage,
  disk: Usage,
  uptime: z.number().describe('seconds'),
  loadAverage: z.array(z.number()).max(3),
  kernelVersion: text(255),
  pveVersion: text(255),
  cpuInfo: z.object({ model: text(255), cores: z.int(), sockets: z.int(), mhz: text(32) }),
  /** When its own figures were read last; they stay when a reading fails. */
  readAt: Instant,
});
/** See {@link ProxmoxNode}. */
export type ProxmoxNode = z.infer<typeof ProxmoxNode>;

/** A file system inside a guest. Bytes. */
const Filesystem = Usage.extend({ mountpoint: text(1024), type: text(64), device: text(255) });

/** Why the file systems of a guest are not known, in the words that Pulse's clients know. */
export const diskReasons = [
  'vm-stopped',
  'agent-disabled',
  'agent-not-running',
  'agent-timeout',
  'permission-denied',
  'agent-error',
  'no-filesystems',
  'special-filesystems-only',
  'no-data',
] as const;
/** One of {@link diskReasons}. */
export type DiskReason = (typeof diskReasons)[number];

/** A virtual machine or a container. */
export const ProxmoxGuest = z.object({
  vmid: z.int().min(0),
  node: text(255),
  name: text(255),
  type: z.enum(['qemu', 'lxc']),
  /** As Proxmox says: running, stopped, paused, …; `unknown` on a node that does not answer. */
  status: text(32),
  /** Percent of the processors that it was given. */
  cpu: Percent,
  cpus: z.number().min(0),
  /** Without caches, where that can be known; `balloon` where memory was taken away from it. */
  memory: Usage.extend({ balloon: Bytes.optional() }),
  /** Null when nobody knows; then the reason says why. */
  disk: Usage.nullable(),
  diskReason: z.enum(diskReasons).nullable(),
  filesystems: z.array(Filesystem).max(200),
  os: z.object({ name: text(255), version: text(255) }).nullable(),
  interfaces: z
    .array(
      z.object({
        name: text(255),
        mac: text(64),
        addresses: z.array(text(64)).max(64),
        rxBytes: Bytes,
        txBytes: Bytes,
      }),
    )
    .max(100),
  networkIn: Rate,
  networkOut: Rate,
  diskRead: Rate,
  diskWrite: Rate,
  uptime: z.number().describe('seconds'),
  template: z.boolean(),
  tags: z.array(text(255)).max(100),
  lock: text(64),
});
/** See {@link ProxmoxGuest}. */
export type ProxmoxGuest = z.infer<typeof ProxmoxGuest>;

const ZfsDevice = z.object({
  name: text(255),
  type: text(64),
  state: text(64),
  readErrors: z.number(),
  writeErrors: z.number(),
  checksumErrors: z.number(),
  message: text(1024),
});

/** The ZFS pool behind a storage. */
export const ZfsPool = z.object({
  name: text(255),
  state: text(64),
  status: text(2000),
  scan: text(2000),
  readErrors: z.number(),
  writeErrors: z.number(),
  checksumErrors: z.number(),
  devices: z.array(ZfsDevice).max(500),
});
/** See {@link ZfsPool}. */
export type ZfsPool = z.infer<typeof ZfsPool>;

/** A storage; one that nodes share stands here once. */
export const ProxmoxStorage = Usage.extend({
  name: text(255),
  /** The nodes that have it; one node alone unless it is shared. */
  nodes: z.array(text(255)).max(256),
  type: text(64),
  status: z.enum(['available', 'inactive', 'disabled']),
  content: z.array(text(64)).max(32),
  shared: z.boolean(),
  enabled: z.boolean(),
  active: z.boolean(),
  zfsPool: ZfsPool.nullable(),
});
/** See {@link ProxmoxStorage}. */
export type ProxmoxStorage = z.infer<typeof ProxmoxStorage>;

/** A Ceph cluster. */
export const CephCluster = z.object({
  fsid: text(64),
  name: text(255),
  health: text(64),
  healthMessage: text(4000),
  total: Bytes,
  used: Bytes,
  available: Bytes,
  monitors: z.int(),
  managers: z.int(),
  osds: z.int(),
  osdsUp: z.int(),
  osdsIn: z.int(),
  placementGroups: z.int(),
  pools: z
    .array(
      z.object({
        id: z.int(),
        name: text(255),
        stored: Bytes,
        available: Bytes,
        objects: z.number(),
        percentUsed: Percent,
      }),
    )
    .max(500),
  services: z.array(z.object({ type: text(64), running: z.int(), total: z.int(), message: text(1000) })).max(50),
});
/** See {@link CephCluster}. */
export type CephCluster = z.infer<typeof CephCluster>;

/** A physical disk of a node. */
export const PhysicalDisk = z.object({
  node: text(255),
  devPath: text(255),
  model: text(255),
  serial: text(255),
  type: text(32),
  size: Bytes,
  health: text(64),
  /** Percent of its life that is left; null when it does not say. */
  lifeLeft: z.number().nullable(),
  temperature: z.number().nullable().describe('°C'),
  rpm: z.int().nullable(),
  used: text(64),
  checkedAt: Instant,
});
/** See {@link PhysicalDisk}. */
export type PhysicalDisk = z.infer<typeof PhysicalDisk>;

/** A run of vzdump. */
export const BackupTask = z.object({
  upid: text(255),
  node: text(255),
  guestType: text(16),
  vmid: z.int(),
  status: text(1000),
  startedAt: Instant,
  endedAt: Instant.nullable(),
  size: Bytes,
  error: text(1000),
});
/** See {@link BackupTask}. */
export type BackupTask = z.infer<typeof BackupTask>;

/** A backup on a storage of Proxmox VE. */
export const StorageBackup = z.object({
  volid: text(512),
  storage: text(255),
  node: text(255),
  guestType: z.enum(['qemu', 'lxc', 'host', 'unknown']),
  vmid: z.int(),
  createdAt: Instant,
  size: Bytes,
  format: text(64),
  notes: text(4000),
  protected: z.boolean(),
  isPbs: z.boolean(),
  verified: z.boolean(),
  verification: text(255),
});
/** See {@link StorageBackup}. */
export type StorageBackup = z.infer<typeof StorageBackup>;

/** A snapshot of a guest. */
export const GuestSnapshot = z.object({
  name: text(255),
  node: text(255),
  guestType: z.enum(['qemu', 'lxc']),
  vmid: z.int(),
  createdAt: Instant,
  description: text(8000),
  parent: text(255),
  /** Whether it holds the memory, too. */
  withMemory: z.boolean(),
});
/** See {@link GuestSnapshot}. */
export type GuestSnapshot = z.infer<typeof GuestSnapshot>;

/** A job that keeps a copy of a guest on another node. */
export const ReplicationJob = z.object({
  id: text(255),
  vmid: z.int(),
  source: text(255),
  target: text(255),
  enabled: z.boolean(),
  schedule: text(255),
  lastSyncAt: Instant.nullable(),
  nextSyncAt: Instant.nullable(),
  duration: z.number().describe('seconds'),
  failures: z.int(),
  error: text(2000),
});
/** See {@link ReplicationJob}. */
export type ReplicationJob = z.infer<typeof ReplicationJob>;

/** A job of a Proxmox Backup Server: sync, verify, prune or garbage collection. */
const PbsJob = z.object({
  id: text(255),
  store: text(255),
  schedule: text(255),
  state: text(255),
  lastRunAt: Instant.nullable(),
  nextRunAt: Instant.nullable(),
});

/** A Proxmox Backup Server. */
export const BackupServer = z.object({
  cpu: Percent,
  memory: Usage,
  uptime: z.number(),
  datastores: z
    .array(
      Usage.extend({
        name: text(255),
        status: text(64),
        error: text(1000),
        namespaces: z.array(z.object({ path: text(1024), parent: text(1024), depth: z.int() })).max(1000),
        deduplicationFactor: z.number().nullable(),
      }),
    )
    .max(200),
  backupJobs: z.array(PbsJob).max(1000),
  syncJobs: z.array(PbsJob).max(1000),
  verifyJobs: z.array(PbsJob).max(1000),
  pruneJobs: z.array(PbsJob).max(1000),
  garbageJobs: z.array(PbsJob).max(1000),
});
/** See {@link BackupServer}. */
export type BackupServer = z.infer<typeof BackupServer>;

/** A backup that a Proxmox Backup Server holds. */
export const ServerBackup = z.object({
  datastore: text(255),
  namespace: text(1024),
  type: z.enum(['vm', 'ct', 'host']),
  /** The number of the guest, or the name of the host. */
  backupId: text(255),
  createdAt: Instant,
  size: Bytes,
  protected: z.boolean(),
  verified: z.boolean(),
  comment: text(4000),
  files: z.array(text(255)).max(200),
  owner: text(255),
});
/** See {@link ServerBackup}. */
export type ServerBackup = z.infer<typeof ServerBackup>;

/** Mails of a while: what came in and went out, and what was stopped. */
const MailCounts = {
  countIn: z.number(),
  countOut: z.number(),
  spamIn: z.number(),
  spamOut: z.number(),
  virusIn: z.number(),
  virusOut: z.number(),
  bouncesIn: z.number(),
  bouncesOut: z.number(),
  rblRejects: z.number(),
  pregreetRejects: z.number(),
  greylisted: z.number(),
};

/** A Proxmox Mail Gateway with its cluster. */
export const MailGateway = z.object({
  nodes: z
    .array(
      z.object({
        name: text(255),
        status: text(64),
        role: text(64),
        uptime: z.number(),
        loadAverage: text(64),
        queue: z
          .object({
            active: z.number(),
            deferred: z.number(),
            hold: z.number(),
            incoming: z.number(),
            oldestAge: z.number().describe('seconds'),
          })
          .nullable(),
      }),
    )
    .max(64),
  mail: z
    .object({
      ...MailCounts,
      bytesIn: Bytes,
      bytesOut: Bytes,
      junkIn: z.number(),
      averageProcessMs: z.number(),
    })
    .nullable(),
  hours: z.array(z.object({ ...MailCounts, at: Instant, count: z.number(), index: z.int() })).max(400),
  spamScores: z.array(z.object({ score: text(16), count: z.number() })).max(50),
  quarantine: z
    .object({ spam: z.number(), virus: z.number(), attachment: z.number(), blacklisted: z.number() })
    .nullable(),
  readAt: Instant,
});
/** See {@link MailGateway}. */
export type MailGateway = z.infer<typeof MailGateway>;
