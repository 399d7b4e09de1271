import { catalogue, streamNames, type StreamName } from '@lapwing/contracts';
import {
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  jetstream,
  jetstreamManager,
  type JetStreamManager,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import { ensureLeases } from './lease-bucket.js';
import { isMissing } from './missing.js';

/** How much the streams may hold, and how many servers of a cluster keep a copy. */
export interface StreamLimits {
  /** Copies in a cluster: 1 alone, 3 in a cluster of three. */
  replicas: number;
  /** Bytes of samples kept at most; the oldest go first, and collectors send again what was not stored. */
  samplesMaxBytes: number;
  /** Hours that samples are kept at most. */
  samplesMaxAgeHours: number;
  /** Bytes of lines of logs kept at most; the oldest go first, and collectors send again what was not stored. */
  logsMaxBytes: number;
}

/** Limits that suit one machine. */
export const defaultStreamLimits: StreamLimits = {
  replicas: 1,
  samplesMaxBytes: 2 ** 30,
  samplesMaxAgeHours: 48,
  logsMaxBytes: 2 ** 29,
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The subjects of the events that a stream keeps. */
const subjectsOf = (stream: StreamName): string[] =>
  catalogue
    .filter((contract) => contract.kind === 'event' && contract.stream === stream)
    .map(({ name }) => `${name}.>`)
    .toSorted();

type Wanted = Pick<
  StreamConfig,
  | 'subjects'
  | 'max_bytes'
  | 'max_age'
  | 'retention'
  | 'max_msgs_per_subject'
  | 'num_replicas'
  | 'duplicate_window'
  | 'deny_delete'
  | 'deny_purge'
>;

function wantedStreams(limits: StreamLimits): Record<StreamName, Wanted> {
  // An agent chooses where the stream's "I have it" goes, and it could read like an order to delete.
  const safe = { deny_delete: true, deny_purge: true };
  const retention = RetentionPolicy.Limits as RetentionPolicy;
  const common = {
    retention,
    num_replicas: limits.replicas,
    duplicate_window: nanos(120_000),
    max_msgs_per_subject: -1,
    ...safe,
  };
  return {
    SAMPLES: {
      ...common,
      subjects: ['evt.*.sampled.>'],
      max_bytes: limits.samplesMaxBytes,
      max_age: nanos(limits.samplesMaxAgeHours * HOUR_MS),
    },
    LOGS: { ...common, subjects: subjectsOf('LOGS'), max_bytes: limits.logsMaxBytes, max_age: nanos(2 * DAY_MS) },
    EVENTS: { ...common, subjects: subjectsOf('EVENTS'), max_bytes: 2 ** 27, max_age: nanos(7 * DAY_MS) },
    STATES: {
      ...common,
      subjects: subjectsOf('STATES'),
      max_bytes: 2 ** 28,
      max_age: nanos(DAY_MS),
      max_msgs_per_subject: 1,
    },
    JOBS: {
      ...common,
      subjects: ['job.>'],
      retention: RetentionPolicy.Workqueue,
      max_bytes: 2 ** 27,
      max_age: nanos(DAY_MS),
    },
    DEAD: { ...common, subjects: ['dead.>'], max_bytes: 2 ** 27, max_age: nanos(30 * DAY_MS) },
  };
}

/**
 * Opens JetStream. `make` makes the streams that are missing and corrects those whose limits have changed; `wait` throws while one is
 * missing; `ignore` does not look.
 */
export async function findStreams(
  connection: NatsConnection,
  what: 'make' | 'wait' | 'ignore',
  limits: StreamLimits,
): Promise<JetStreamManager> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  if (what === 'wait') for (const name of streamNames) await manager.streams.info(name);
  if (what === 'make') {
    for (const [name, wanted] of Object.entries(wantedStreams(limits))) await ensureStream(manager, name, wanted);
    await ensureLeases(jetstream(connection, { checkAPI: false }), manager, limits.replicas);
  }
  return manager;
}

async function ensureStream(manager: JetStreamManager, name: string, wanted: Wanted): Promise<void> {
  try {
    const { config } = await manager.streams.info(name);
    const differs = (Object.keys(wanted) as (keyof Wanted)[]).some(
      (key) => JSON.stringify(config[key]) !== JSON.stringify(wanted[key]),
    );
    if (differs) await manager.streams.update(name, { ...config, ...wanted });
  } catch (error) {
    if (!isMissing(error)) throw error;
    await manager.streams.add({
      name,
      ...wanted,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      allow_direct: true,
    });
  }
}
