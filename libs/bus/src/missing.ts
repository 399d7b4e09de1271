import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';

/** Whether the server said that there is no such stream or no such consumer. */
export function isMissing(error: unknown): boolean {
  const missing: number[] = [JetStreamApiCodes.StreamNotFound, JetStreamApiCodes.ConsumerNotFound];
  return error instanceof JetStreamApiError && missing.includes(error.code);
}
