import { readCredentials, type BusService, type Credentials } from '@lapwing/bus';
import { grants } from '@lapwing/contracts';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

/** A value that prints as `***`; only `reveal()` gives it away. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '***';
  }
}

/** A setting that must never be printed. */
export const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));

/** A setting that is on or off. */
export const flag = z
  .enum(['true', 'false', '1', '0', 'yes', 'no'])
  .transform((text) => ['true', '1', 'yes'].includes(text));

/** A setting that is a list, separated by commas. */
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/** Settings that every service has. */
export const commonConfig = z.object({
  /** Addresses of NATS, separated by commas. */
  NATS_URL: z.string().default('nats://127.0.0.1:4222'),
  /** Folder with the credentials of each service, `<service>.creds`; without it NATS must let everybody in. */
  NATS_CREDENTIALS_DIR: z.string().optional(),
  /** Copies of each stream in a NATS cluster: 1 or 3. */
  LAPWING_STREAM_REPLICAS: z.coerce.number().int().min(1).max(5).default(1),
  /** Bytes of samples that NATS keeps at most. */
  LAPWING_SAMPLES_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(2 ** 20)
    .default(2 ** 30),
  /** Hours that NATS keeps samples at most. */
  LAPWING_SAMPLES_MAX_AGE_HOURS: z.coerce.number().int().min(1).default(48),
  /** Bytes of lines of logs that NATS keeps at most. */
  LAPWING_LOGS_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(2 ** 20)
    .default(2 ** 29),
  /** Port of /health, /ready and /metrics of a service that runs as a process of its own; 0 for none. */
  LAPWING_OPS_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  /** Address on which that port listens. */
  LAPWING_OPS_HOST: z.string().default('127.0.0.1'),
  /** Whether the process ends when an administrator applies the security settings, so that its supervisor starts it anew. */
  RESTART_ON_APPLY: flag.default(false),
});

/** The database, for services that own a schema. */
export const databaseConfig = z.object({
  DATABASE_URL: z
    .string()
    .default('postgres://127.0.0.1:5432/lapwing')
    .transform((value) => new Secret(value)),
  /** Whether the service brings its schema up to date itself, or waits, not ready, until `migrate.js` has done it. */
  LAPWING_MIGRATIONS: z.enum(['own', 'wait']).default('own'),
});

/** The environment does not fit what a service needs. The message lists every fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads a service's settings out of the environment. An empty variable counts as one that is not set.
 * @throws ConfigError with every fault at once, and never with a value.
 */
export function readConfig<S extends z.ZodType>(
  service: string,
  schema: S,
  environment: NodeJS.ProcessEnv,
): z.output<S> {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(set, { reportInput: false });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  throw new ConfigError(`${service} cannot start, its environment is not right:\n${faults.join('\n')}`);
}

/**
 * The part of the settings that the bus wants. Where services have credentials, those make streams that are granted to; where NATS lets
 * everybody in, all do.
 * @throws ConfigError when the credentials cannot be read.
 */
export function busConfig(service: BusService, config: z.output<typeof commonConfig>) {
  const credentials = config.NATS_CREDENTIALS_DIR && credentialsOf(service, config.NATS_CREDENTIALS_DIR);
  return {
    service,
    servers: config.NATS_URL,
    limits: {
      replicas: config.LAPWING_STREAM_REPLICAS,
      samplesMaxBytes: config.LAPWING_SAMPLES_MAX_BYTES,
      samplesMaxAgeHours: config.LAPWING_SAMPLES_MAX_AGE_HOURS,
      logsMaxBytes: config.LAPWING_LOGS_MAX_BYTES,
    },
    ...(credentials && { credentials, streams: grants[service].makesStreams ? ('make' as const) : ('wait' as const) }),
  };
}

function credentialsOf(service: BusService, folder: string): Credentials {
  const file = path.join(folder, `${service}.creds`);
  try {
    return readCredentials(readFileSync(file, 'utf8'));
  } catch {
    throw new ConfigError(`${service} cannot start: NATS_CREDENTIALS_DIR holds no credentials for it in ${file}`);
  }
}
