import { commonConfig, databaseConfig, readConfig } from '@lapwing/service';
import { z } from 'zod';

const schema = commonConfig.extend(databaseConfig.shape).extend({
  /** Folder of thumbnails, images and clips: its volume is measured, and files in it are deleted when they are past their time. */
  SETTINGS_DATA_DIR: z.string().default('data'),
});

/** The settings of the settings service. */
export type SettingsConfig = z.output<typeof schema>;

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): SettingsConfig {
  return readConfig('settings', schema, environment);
}
