import { AgentId, agentIdFromHostname } from '@lapwing/contracts';
import { Secret, commonConfig, flag, readConfig, secret, secretKeyConfig } from '@lapwing/service';
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { DATA_DIR, TRIAL_SECONDS } from './launcher-settings.js';
import { Host } from './store/host.js';
import { machineId } from './store/machine.js';

const settings = commonConfig.extend({
  /** Names this host; by default its host name, with every character but letters, digits, _ and - replaced by -. */
  COLLECTOR_AGENT_ID: AgentId.optional(),
  /** The name that people see; by default the id. */
  COLLECTOR_AGENT_NAME: z.string().min(1).max(128).optional(),
  /** Where Lapwing is: there this host asks to be let in. Without it NATS_URL must let everybody in. */
  LAPWING_URL: z.url({ protocol: /^https?$/, error: 'an address that begins with https:// or http://' }).optional(),
  /** A token made by an administrator, which saves the wait for an approval. */
  LAPWING_ENROLLMENT_TOKEN: secret.optional(),
  /** Lets LAPWING_URL of another host begin with http://: whoever is on the way can then read and change what is said. */
  LAPWING_ALLOW_HTTP: flag.default(false),
  /** Seconds between samples; when it is set, the fleet's setting does not count here. */
  COLLECTOR_INTERVAL: z.coerce.number().int().min(1).max(300).optional(),
  /**
   * For an agent in a container: the folder at which the host's root is mounted, read only. All that tells of the host is then read there; other
   * settings name paths as the host sees them. Empty on the host itself.
   */
  COLLECTOR_HOST_ROOT: z
    .string()
    .default('')
    .transform((folder) => folder.replace(/\/+$/, ''))
    .refine(isFolder, 'the absolute path of a folder that is there'),
  /** Folder of the outbox. */
  COLLECTOR_DATA_DIR: z.string().default(DATA_DIR),
  /** Bytes that the outbox may take on disk; when it is full, the oldest samples go first. */
  COLLECTOR_OUTBOX_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(2 ** 20)
    .default(2 ** 28),
  /** Socket of the Docker engine, read only. */
  COLLECTOR_DOCKER_SOCKET: z.string().default('/var/run/docker.sock'),
  /** Bytes that the outbox of logs may take on disk; when it is full, reading waits. */
  COLLECTOR_LOG_OUTBOX_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(2 ** 22)
    .default(2 ** 28),
  /** Folders below which files may be read as logs, whatever the server asks for; separated by commas. */
  COLLECTOR_LOG_FOLDERS: z
    .string()
    .default('/var/log')
    .transform((text) => text.split(',').flatMap((one) => one.trim() || []))
    .pipe(z.array(z.string().startsWith('/', 'absolute paths, separated by commas'))),
  /** Lines a second of one file, unit, container or process; what is written faster is dropped and counted. */
  COLLECTOR_LOG_LINES_PER_SECOND: z.coerce.number().int().min(1).max(1_000_000).default(20_000),
  /** Where Lapwing's own services print to, as `<name>-out.log` and `<name>-err.log`. */
  COLLECTOR_SERVICE_LOG_DIR: z.string().optional(),
  /** PM2's folder: what its processes print is in `logs` there. */
  PM2_HOME: z.string().default(path.join(homedir(), '.pm2')),
  /** Seconds in which a new version of the agent must prove itself; it must have run for a quarter of them. */
  COLLECTOR_TRIAL_SECONDS: z.coerce.number().int().min(4).max(600).default(TRIAL_SECONDS),
  /** Process that started all of Lapwing on this machine: it and its descendants get no signals. */
  LAPWING_LAUNCHER_PID: z.coerce.number().int().positive().optional(),
});

const schema = settings.transform((config) => ({
  ...config,
  COLLECTOR_AGENT_ID: config.COLLECTOR_AGENT_ID ?? agentIdFromHostname(new Host(config.COLLECTOR_HOST_ROOT).name),
}));

function isFolder(folder: string): boolean {
  return (
    folder === '' || (path.isAbsolute(folder) && statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true)
  );
}

/** The settings of the collector. */
export type CollectorConfig = z.output<typeof schema>;

/** Reads the settings; throws `ConfigError` with all faults at once. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): CollectorConfig {
  return readConfig('collector', schema, environment);
}

const targets = z
  .string()
  .regex(
    /^[^|;]+\|[^|;]+(\|(true|false))?(;[^|;]+\|[^|;]+(\|(true|false))?)*$/,
    'url|token or url|token|true, separated by ;',
  )
  .transform((text) =>
    text.split(';').map((one): DockerTarget => {
      const [url = '', token = '', insecure] = one.split('|').map((part) => part.trim());
      return { url, token: new Secret(token), insecure: insecure === 'true' };
    }),
  );

/** A server to which containers are reported. */
export interface DockerTarget {
  url: string;
  token: Secret;
  /** Whether its certificate is not checked. */
  insecure: boolean;
}

const dockerAgentSchema = z
  .object({
    /** The server, and an API token that may report; or several in PULSE_TARGETS. */
    PULSE_URL: z.url({ protocol: /^https?$/ }).optional(),
    PULSE_TOKEN: secret.optional(),
    PULSE_TARGETS: targets.optional(),
    /** Seconds between reports, e.g. 30 or 30s. */
    PULSE_INTERVAL: z
      .string()
      .regex(/^\d{1,5}s?$/, 'a number of seconds')
      .default('30s')
      .transform((text) => Math.max(Number.parseInt(text, 10), 1)),
    PULSE_HOSTNAME: z.string().max(255).optional(),
    PULSE_AGENT_ID: z.string().max(256).optional(),
    PULSE_INSECURE_SKIP_VERIFY: flag.default(false),
    COLLECTOR_DOCKER_SOCKET: settings.shape.COLLECTOR_DOCKER_SOCKET,
    COLLECTOR_HOST_ROOT: settings.shape.COLLECTOR_HOST_ROOT,
    /** The unit of systemd as which it runs: it is disabled when the server tells the agent to stop. */
    LAPWING_UNIT: z
      .string()
      .regex(/^[A-Za-z0-9@_.-]+\.service$/)
      .optional(),
  })
  .transform((config, context) => {
    const { PULSE_URL: url, PULSE_TOKEN: token, PULSE_TARGETS: several = [] } = config;
    const own = url && token ? [{ url, token, insecure: config.PULSE_INSECURE_SKIP_VERIFY }] : [];
    const all = [...own, ...several];
    const odd = all.find((target) => !URL.canParse(target.url) || !/^https?:/.test(target.url));
    if (odd || all.length === 0)
      context.addIssue({
        code: 'custom',
        path: ['PULSE_URL'],
        message: 'set PULSE_URL and PULSE_TOKEN, or PULSE_TARGETS, to servers',
      });
    const host = new Host(config.COLLECTOR_HOST_ROOT);
    return {
      ...config,
      targets: all,
      PULSE_HOSTNAME: config.PULSE_HOSTNAME ?? host.name,
      COLLECTOR_DOCKER_SOCKET: host.path(config.COLLECTOR_DOCKER_SOCKET),
      machineId: machineId(host),
    };
  });

/** The settings of the Docker agent. */
export type DockerAgentConfig = z.output<typeof dockerAgentSchema>;

/** Reads the settings of the Docker agent; throws `ConfigError` with all faults at once. */
export function loadDockerAgentConfig(environment: NodeJS.ProcessEnv = process.env): DockerAgentConfig {
  return readConfig('the Docker agent', dockerAgentSchema, environment);
}

const pollerSchema = commonConfig.extend(secretKeyConfig.shape);

/** The settings of the collector as a poller. */
export type PollerConfig = z.output<typeof pollerSchema>;

/** Reads the settings of a poller; throws `ConfigError` with all faults at once. */
export function loadPollerConfig(environment: NodeJS.ProcessEnv = process.env): PollerConfig {
  return readConfig('poller', pollerSchema, environment);
}
