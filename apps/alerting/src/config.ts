import { isNetwork } from '@lapwing/outgoing';
import { commonConfig, databaseConfig, list, readConfig, secretKeyConfig } from '@lapwing/service';
import { z } from 'zod';

const schema = commonConfig
  .extend(databaseConfig.shape)
  .extend(secretKeyConfig.shape)
  .extend({
    /**
     * Private networks in CIDR notation, separated by commas, in which receivers of messages may be, e.g. `192.168.1.0/24`. This machine must
     * be named as such, e.g. `127.0.0.1/32`.
     */
    ALERTING_PRIVATE_NETWORKS: list
      .pipe(z.array(z.string().refine(isNetwork, 'a network in CIDR notation, e.g. 192.168.1.0/24')))
      .default([]),
    /** Where people find Lapwing: messages link to it. */
    LAPWING_PUBLIC_URL: z.union([z.url({ protocol: /^https?$/ }), z.literal('')]).default(''),
  });

/** The settings of alerting. */
export type AlertingConfig = z.output<typeof schema>;

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): AlertingConfig {
  return readConfig('alerting', schema, environment);
}
