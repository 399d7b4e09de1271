import { AgentId, agentIdFromHostname } from '@lapwing/contracts';
import { Secret, commonConfig, readConfig } from '@lapwing/service';
import { hostname } from 'node:os';
import { z } from 'zod';

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];

const schema = commonConfig.extend({
  PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** Until there are users, only addresses of this machine itself. */
  HOST: z
    .string()
    .default('127.0.0.1')
    .refine((host) => LOOPBACK.includes(host), {
      error: `there are no users yet, so the gateway listens on this machine only: ${LOOPBACK.join(', ')}`,
    }),
  REDIS_URL: z
    .string()
    .default('redis://127.0.0.1:6379')
    .transform((value) => new Secret(value)),
  /** The agent of the machine on which Lapwing runs: what the APIs for one host show. */
  GATEWAY_LOCAL_AGENT: AgentId.optional(),
  COLLECTOR_AGENT_ID: AgentId.default(agentIdFromHostname(hostname())),
  /** Bytes of a request's body at most. */
  GATEWAY_BODY_LIMIT: z.coerce
    .number()
    .int()
    .min(1024)
    .default(2 ** 20),
});

/** The settings of the gateway. */
export type GatewayConfig = z.output<typeof schema>;

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): GatewayConfig {
  return readConfig('gateway', schema, environment);
}
