import { z } from 'zod';
import { event, request } from './define.js';
import { Actor } from './identity.js';
import { isKeepable } from './keepable.js';
import { ReleaseChannel } from './updates.js';

/** How often hosts are sampled, in whole seconds. */
export const RefreshInterval = z.int().min(1).max(300);

/** What is made up in mock mode, and how much of it. */
export const MockConfig = z.object({
  nodeCount: z.int().min(1).max(50).default(7),
  vmsPerNode: z.int().min(0).max(100).default(5),
  lxcsPerNode: z.int().min(0).max(100).default(8),
  dockerHostCount: z.int().min(0).max(50).default(3),
  dockerContainersPerHost: z.int().min(0).max(100).default(12),
  randomMetrics: z.boolean().default(true),
  highLoadNodes: z
    .array(z.string().max(64).refine(isKeepable, 'without U+0000 and halves of surrogate pairs'))
    .max(50)
    .default([]),
  /** Share of guests that are stopped, 0 to 1. */
  stoppedPercent: z.number().min(0).max(1).default(0.2),
});
/** See {@link MockConfig}. */
export type MockConfig = z.infer<typeof MockConfig>;

/** A network in CIDR notation of at most 1024 IPv4 addresses. */
const Subnet = z
  .string()
  .regex(
    /^((25[0-5]|2[0-4]\d|1?\d?\d)(\.|(?=\/))){4}\/(2[2-9]|3[0-2])$/,
    'an IPv4 network from /22 to /32, e.g. 192.168.1.0/24',
  );

/** How much a process tells in its log. */
export const LogVerbosity = z.enum(['error', 'warn', 'info', 'debug']);

/** The colours of the dashboard; `auto` follows the device. */
export const Theme = z.enum(['light', 'dark', 'auto']);

/** Everything about the system that people set, as it is kept and exported. What came later has a default, so that older senders are understood. */
export const TunableSettings = z.object({
  refreshInterval: RefreshInterval,
  /** Seconds between polls of Proxmox. */
  pollingInterval: z.int().min(5).max(3600).default(10),
  /** Seconds between looks at the backups on Proxmox. */
  backupPollingInterval: z.int().min(10).max(86_400).default(600),
  /** Seconds that a Proxmox server may take to answer. */
  connectionTimeout: z.int().min(1).max(60).default(5),
  /** Whether the networks of `discoverySubnets` are searched. */
  discoveryEnabled: z.boolean().default(true),
  /** Networks that are searched for Proxmox servers; none until somebody names one. */
  discoverySubnets: z
    .array(Subnet)
    .max(16)
    .refine(
      (networks) => networks.reduce((sum, network) => sum + 2 ** (32 - Number(network.split('/')[1])), 0) <= 2560,
      'at most 2560 addresses altogether: more cannot be searched in two minutes',
    )
    .default([]),
  /** From which channel releases are offered. */
  updateChannel: ReleaseChannel.default('stable'),
  /** What users see who have chosen nothing themselves. */
  theme: Theme.default('auto'),
  /** How much all services log. A process with `LOG_LEVEL` in its environment keeps to that. */
  logLevel: LogVerbosity.default('info'),
  /** Days after which nothing that was seen is kept any longer; what is kept for less goes earlier. */
  retentionDays: z.int().min(1).max(365).default(365),
  /** Alerts that begin within so many seconds of the first belong to one incident. */
  batchWindowSeconds: z.int().min(1).max(86_400).default(90),
  /** An incident is complete when no alert joined it for so many seconds. */
  batchIdleTimeoutSeconds: z.int().min(1).max(86_400).default(30),
  /** The least confidence of an anomaly that is kept, 0 to 1. */
  detectionConfidenceThreshold: z.number().min(0).max(1).default(0.5),
  /** Whether the writing routes of the home-security API want a credential. */
  apiKeyEnabled: z.boolean().default(true),
  /** Whether made-up machines are shown instead of the real ones, and which. */
  mockMode: z
    .object({ enabled: z.boolean(), config: MockConfig })
    .default({ enabled: false, config: MockConfig.parse({}) }),
});

/** See {@link TunableSettings}. */
export type TunableSettings = z.infer<typeof TunableSettings>;

/** The name of one setting. */
export const SettingName = TunableSettings.keyof();
/** See {@link SettingName}. */
export type SettingName = z.infer<typeof SettingName>;

/** The settings of the whole system, as they are in force. */
export const SystemSettings = TunableSettings.extend({
  /** Grows by one with every change. */
  revision: z.int().nonnegative().default(0),
  /** Which of them the environment of the service settings holds fast: they cannot be changed. */
  overridden: z.array(SettingName).default([]),
});
/** See {@link SystemSettings}. */
export type SystemSettings = z.infer<typeof SystemSettings>;

/** What holds until somebody sets it otherwise. */
export const defaultSystemSettings: SystemSettings = SystemSettings.parse({ refreshInterval: 5 });

/** Reads the settings of the system. */
export const settingsGet = request('req.settings.system.get.v1', { input: z.object({}), output: SystemSettings });

const { shape } = TunableSettings;

/** Some settings, each as it may be set. */
export const SettingChanges = z.object({
  refreshInterval: RefreshInterval.optional(),
  pollingInterval: shape.pollingInterval.unwrap().optional(),
  backupPollingInterval: shape.backupPollingInterval.unwrap().optional(),
  connectionTimeout: shape.connectionTimeout.unwrap().optional(),
  discoveryEnabled: z.boolean().optional(),
  discoverySubnets: shape.discoverySubnets.unwrap().optional(),
  updateChannel: shape.updateChannel.unwrap().optional(),
  theme: Theme.optional(),
  logLevel: LogVerbosity.optional(),
  retentionDays: shape.retentionDays.unwrap().optional(),
  batchWindowSeconds: shape.batchWindowSeconds.unwrap().optional(),
  batchIdleTimeoutSeconds: shape.batchIdleTimeoutSeconds.unwrap().optional(),
  detectionConfidenceThreshold: shape.detectionConfidenceThreshold.unwrap().optional(),
  apiKeyEnabled: z.boolean().optional(),
  mockMode: shape.mockMode.unwrap().optional(),
});
/** See {@link SettingChanges}. */
export type SettingChanges = z.infer<typeof SettingChanges>;

/**
 * Changes some of them, all or none; answers with all as they are now. Fails with `SETTING_OVERRIDDEN` for one that the environment holds fast,
 * and with `PRECONDITION_FAILED` when somebody else changed them since `ifRevision`.
 */
export const settingsUpdate = request('req.settings.system.update.v1', {
  input: SettingChanges.extend({
    /** Changes nothing unless this is still the revision. */
    ifRevision: z.int().nonnegative().optional(),
    /** Who does it: in the audit trail stands what was set before and what after. Nobody for a test. */
    actor: Actor.optional(),
  }),
  output: SystemSettings,
});

/** The settings of the system are now these. Key: `system`. */
export const settingsChanged = event('evt.settings.changed.v1', 'EVENTS', SystemSettings);
