import { LogVerbosity, MockConfig, SettingChanges, Theme, type SystemSettings } from '@lapwing/contracts';
import { z } from 'zod';

/** The settings of the system as Pulse's clients know them, and ours. */
export const SystemSettingsView = z.object({
  pollingInterval: z.int().describe('seconds between polls of Proxmox'),
  backupPollingInterval: z.int().describe('seconds between looks at backups'),
  connectionTimeout: z.int().describe('seconds that a Proxmox server may take to answer'),
  refreshInterval: z.int().describe('seconds between samples of hosts'),
  discoveryEnabled: z.boolean(),
  discoverySubnets: z.array(z.string()),
  updateChannel: z.enum(['stable', 'rc']),
  theme: Theme,
  logLevel: LogVerbosity,
  retentionDays: z.int(),
  batchWindowSeconds: z.int(),
  batchIdleTimeoutSeconds: z.int(),
  detectionConfidenceThreshold: z.number(),
  apiKeyEnabled: z.boolean(),
  mockMode: z.object({ enabled: z.boolean(), config: MockConfig }),
  revision: z.int().describe('grows with every change; also the ETag'),
  envOverrides: z.record(z.string(), z.literal(true)).describe('what the environment sets: it cannot be changed here'),
});
/** See {@link SystemSettingsView}. */
export type SystemSettingsView = z.infer<typeof SystemSettingsView>;

/** What may be changed through it; mock mode as a whole only. */
export const SystemSettingsChanges = SettingChanges;
/** See {@link SystemSettingsChanges}. */
export type SystemSettingsChanges = z.infer<typeof SystemSettingsChanges>;

/** The settings as they are shown. */
export function toSystemSettingsView({ overridden, ...settings }: SystemSettings): SystemSettingsView {
  return { ...settings, envOverrides: Object.fromEntries(overridden.map((name) => [name, true as const])) };
}

/** What a change answers. */
export const SystemSettingsChanged = z.object({
  success: z.literal(true),
  message: z.string(),
  settings: SystemSettingsView,
});
