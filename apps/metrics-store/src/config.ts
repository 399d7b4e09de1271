import { commonConfig, databaseConfig, readConfig } from '@lapwing/service';
import { z } from 'zod';

const days = (fallback: number) => z.coerce.number().int().min(2).max(3650).default(fallback);

const schema = commonConfig.extend(databaseConfig.shape).extend({
  /** Days that samples are kept as they were taken. Samples older than a day less than this are not accepted any more. */
  METRICS_STORE_RAW_DAYS: days(7),
  /** Days that each roll-up is kept. */
  METRICS_STORE_1M_DAYS: days(30),
  METRICS_STORE_5M_DAYS: days(90),
  METRICS_STORE_1H_DAYS: days(400),
  /** Seconds that a sample's clock may be ahead of the server's. */
  METRICS_STORE_CLOCK_AHEAD_SECONDS: z.coerce.number().int().min(1).default(300),
});

/** The settings of metrics-store. */
export type MetricsStoreConfig = z.output<typeof schema>;

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): MetricsStoreConfig {
  return readConfig('metrics-store', schema, environment);
}
