import { commonConfig, databaseConfig, readConfig } from '@lapwing/service';
import { z } from 'zod';
import { overridable, parseOverride, variableOf, type Overridable, type Overrides } from './domain/overrides.js';

/** A setting of the system that the environment holds fast. */
const held = (name: Overridable) =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return parseOverride(name, text);
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message });
        return z.NEVER;
      }
    })
    .optional();

const schema = commonConfig.extend(databaseConfig.shape).extend({
  /** Folder of thumbnails, images and clips: its volume is measured, and files in it are deleted when they are past their time. */
  SETTINGS_DATA_DIR: z.string().default('data'),
  SETTINGS_REFRESH_INTERVAL: held('refreshInterval'),
  SETTINGS_POLLING_INTERVAL: held('pollingInterval'),
  SETTINGS_BACKUP_POLLING_INTERVAL: held('backupPollingInterval'),
  SETTINGS_CONNECTION_TIMEOUT: held('connectionTimeout'),
  SETTINGS_DISCOVERY_ENABLED: held('discoveryEnabled'),
  SETTINGS_DISCOVERY_SUBNETS: held('discoverySubnets'),
  SETTINGS_UPDATE_CHANNEL: held('updateChannel'),
  SETTINGS_THEME: held('theme'),
  SETTINGS_LOG_LEVEL: held('logLevel'),
  SETTINGS_RETENTION_DAYS: held('retentionDays'),
  SETTINGS_BATCH_WINDOW_SECONDS: held('batchWindowSeconds'),
  SETTINGS_BATCH_IDLE_TIMEOUT_SECONDS: held('batchIdleTimeoutSeconds'),
  SETTINGS_DETECTION_CONFIDENCE_THRESHOLD: held('detectionConfidenceThreshold'),
  SETTINGS_API_KEY_ENABLED: held('apiKeyEnabled'),
});

const complete = schema.transform((config) => ({ ...config, overrides: overridesOf(config) }));

function overridesOf(config: Record<string, unknown>): Overrides {
  const set = overridable.filter((name) => config[variableOf(name)] !== undefined);
  return Object.fromEntries(set.map((name) => [name, config[variableOf(name)]]));
}

/** The settings of the settings service. */
export type SettingsConfig = z.output<typeof complete>;

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): SettingsConfig {
  return readConfig('settings', complete, environment);
}
