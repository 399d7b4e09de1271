import { AgentId, agentIdFromHostname } from '@lapwing/contracts';
import { commonConfig, readConfig } from '@lapwing/service';
import { hostname } from 'node:os';
import { z } from 'zod';

const schema = commonConfig.extend({
  /** Names this host; by default its host name, with every character but letters, digits, _ and - replaced by -. */
  COLLECTOR_AGENT_ID: AgentId.default(agentIdFromHostname(hostname())),
  /** Seconds between samples; when it is set, the system's setting does not count here. */
  COLLECTOR_INTERVAL: z.coerce.number().int().min(1).max(300).optional(),
  /** Folder of the outbox. */
  COLLECTOR_DATA_DIR: z.string().default('.data/collector'),
  /** Bytes that the outbox may take on disk; when it is full, the oldest samples go first. */
  COLLECTOR_OUTBOX_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(2 ** 20)
    .default(2 ** 28),
  /** Socket of the Docker engine, read only. */
  COLLECTOR_DOCKER_SOCKET: z.string().default('/var/run/docker.sock'),
  /** Process that started all of Lapwing on this machine: it and its descendants get no signals. */
  LAPWING_LAUNCHER_PID: z.coerce.number().int().positive().optional(),
});

/** The settings of the collector. */
export type CollectorConfig = z.output<typeof schema>;

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): CollectorConfig {
  return readConfig('collector', schema, environment);
}
