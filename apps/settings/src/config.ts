import { commonConfig, databaseConfig, readConfig } from '@lapwing/service';
import type { z } from 'zod';

const schema = commonConfig.extend(databaseConfig.shape);

/** The settings of the settings service. */
export type SettingsConfig = z.output<typeof schema>;

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): SettingsConfig {
  return readConfig('settings', schema, environment);
}
