import { AgentId } from '@lapwing/contracts';
import { commonConfig, databaseConfig, list, readConfig, secret, secretKeyConfig } from '@lapwing/service';
import { z } from 'zod';

const schema = commonConfig
  .extend(databaseConfig.shape)
  .extend(secretKeyConfig.shape)
  .extend({
    /** File with the keys that let agents onto the bus, as `npm run nats:keys` makes it; without it NATS must let everybody in. */
    FLEET_AUTHORITY_FILE: z.string().optional(),
    /** Addresses of NATS that agents are told, separated by commas; `{host}` stands for the host at which the agent asked. */
    FLEET_AGENT_NATS_URL: list
      .pipe(z.array(z.string().regex(/^(nats|tls):\/\/[^\s,]+$/, 'nats:// or tls:// and an address')))
      .optional(),
    /** Days that an agent's credentials are good for; they are renewed when half of them are over. */
    FLEET_CREDENTIAL_DAYS: z.coerce.number().min(0.01).max(3650).default(30),
    /** The agent of this very machine, which whoever started Lapwing here vouches for with the token. */
    FLEET_LOCAL_AGENT: AgentId.optional(),
    FLEET_LOCAL_ENROLLMENT_TOKEN: secret.optional(),
  });

/** The settings of fleet. */
export type FleetConfig = z.output<typeof schema>;

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): FleetConfig {
  return readConfig('fleet', schema, environment);
}
