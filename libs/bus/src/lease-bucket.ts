import { StorageType, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { isMissing } from './missing.js';

/** The key-value bucket of the leases, and the stream that NATS keeps it in. */
export const LEASES = 'leases';
export const LEASES_STREAM = `KV_${LEASES}`;

/** After so long without being renewed a lease is over. */
const TTL_MS = 12_000;

/** Makes the bucket of the leases, if it is missing. */
export async function ensureLeases(js: JetStreamClient, manager: JetStreamManager, replicas: number): Promise<void> {
  try {
    const { config } = await manager.streams.info(LEASES_STREAM);
    if (config.num_replicas !== replicas)
      await manager.streams.update(LEASES_STREAM, { ...config, num_replicas: replicas });
  } catch (error) {
    if (!isMissing(error)) throw error;
    await new Kvm(js).create(LEASES, { ttl: TTL_MS, replicas, history: 1, storage: StorageType.Memory });
  }
}
