import { z } from 'zod';
import { event, request } from './define.js';

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
  highLoadNodes: z.array(z.string().max(64)).max(50).default([]),
  /** Share of guests that are stopped, 0 to 1. */
  stoppedPercent: z.number().min(0).max(1).default(0.2),
});
/** See {@link MockConfig}. */
export type MockConfig = z.infer<typeof MockConfig>;

/** A network in CIDR notation of at most 1024 IPv4 addresses. */
const Subnet = z
  .string()
  .regex(/^(\d{1,3}\.){3}\d{1,3}\/(2[2-9]|3[0-2])$/, 'an IPv4 network from /22 to /32, e.g. 192.168.1.0/24');

/** The settings of the whole system. Those that came later have defaults, so that older senders are understood. */
export const SystemSettings = z.object({
  refreshInterval: RefreshInterval,
  /** Seconds between polls of Proxmox. */
  pollingInterval: z.int().min(5).max(3600).default(10),
  /** Networks that are searched for Proxmox servers; none until somebody names one. */
  discoverySubnets: z
    .array(Subnet)
    .max(16)
    .refine(
      (networks) => networks.reduce((sum, network) => sum + 2 ** (32 - Number(network.split('/')[1])), 0) <= 2560,
      'at most 2560 addresses altogether: more cannot be searched in two minutes',
    )
    .default([]),
  /** Alerts that begin within so many seconds of the first belong to one incident. */
  batchWindowSeconds: z.int().min(1).max(86_400).default(90),
  /** An incident is complete when no alert joined it for so many seconds. */
  batchIdleTimeoutSeconds: z.int().min(1).max(86_400).default(30),
  /** Whether made-up machines are shown instead of the real ones, and which. */
  mockMode: z
    .object({ enabled: z.boolean(), config: MockConfig })
    .default({ enabled: false, config: MockConfig.parse({}) }),
});
/** See {@link SystemSettings}. */
export type SystemSettings = z.infer<typeof SystemSettings>;

/** What holds until somebody sets it otherwise. */
export const defaultSystemSettings: SystemSettings = SystemSettings.parse({ refreshInterval: 5 });

/** Reads the settings of the system. */
export const settingsGet = request('req.settings.system.get.v1', { input: z.object({}), output: SystemSettings });

/** Changes some of them; answers with all as they are now. */
export const settingsUpdate = request('req.settings.system.update.v1', {
  input: z.object({
    refreshInterval: RefreshInterval.optional(),
    pollingInterval: SystemSettings.shape.pollingInterval.unwrap().optional(),
    discoverySubnets: SystemSettings.shape.discoverySubnets.unwrap().optional(),
    batchWindowSeconds: SystemSettings.shape.batchWindowSeconds.unwrap().optional(),
    batchIdleTimeoutSeconds: SystemSettings.shape.batchIdleTimeoutSeconds.unwrap().optional(),
    mockMode: SystemSettings.shape.mockMode.unwrap().optional(),
  }),
  output: SystemSettings,
});

/** The settings of the system are now these. Key: `system`. */
export const settingsChanged = event('evt.settings.changed.v1', 'EVENTS', SystemSettings);
