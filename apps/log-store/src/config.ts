import { commonConfig, databaseConfig, readConfig } from '@lapwing/service';
import { z } from 'zod';

const schema = commonConfig.extend(databaseConfig.shape).extend({
  /** Days that lines are kept. */
  LOG_STORE_DAYS: z.coerce.number().int().min(1).max(3650).default(14),
  /** Bytes that lines may take on disk, with what makes them searchable; when there are more, the oldest go first. */
  LOG_STORE_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(2 ** 26)
    .default(10 * 2 ** 30),
});

/** The settings of log-store. */
export type LogStoreConfig = z.output<typeof schema>;

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): LogStoreConfig {
  return readConfig('log-store', schema, environment);
}
