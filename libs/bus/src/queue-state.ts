import { grants, streamNames, type ConsumerState } from '@lapwing/contracts';
import type { Bus } from './bus.js';
import { within } from './within.js';

/** How full a stream is. */
export interface StreamState {
  stream: string;
  messages: number;
  bytes: number;
  consumers: number;
  /** When its oldest and its newest message came, milliseconds since 1970; null while it is empty. */
  oldestAt: number | null;
  newestAt: number | null;
}

const instantOf = (text: string, isEmpty: boolean): number | null => (isEmpty ? null : Date.parse(text) || null);

/**
 * How full the streams of Lapwing are.
 * @returns those that are known within `waitMs`; a stream that is missing or does not tell is left out.
 * @throws LapwingError `UNAVAILABLE` while the bus is away.
 */
export async function streamStates(bus: Bus, waitMs: number): Promise<StreamState[]> {
  const { manager } = bus.connection.link();
  const found = await Promise.allSettled(
    streamNames.map(async (stream) => {
      const { state } = await within(manager.streams.info(stream), waitMs, stream);
      const isEmpty = state.messages === 0;
      return {
        stream,
        messages: state.messages,
        bytes: state.bytes,
        consumers: state.consumer_count,
        oldestAt: instantOf(state.first_ts, isEmpty),
        newestAt: instantOf(state.last_ts, isEmpty),
      };
    }),
  );
  return found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

/**
 * How far the durable consumers of the service that asks have come: NATS tells a service of its own only. Of those that do not tell within
 * `waitMs` nothing is said.
 * @throws LapwingError `UNAVAILABLE` while the bus is away.
 */
export async function ownConsumers(bus: Bus, waitMs: number): Promise<ConsumerState[]> {
  const { manager } = bus.connection.link();
  const own = Object.entries(grants).find(([name]) => name === bus.options.service)?.[1].consumes ?? [];
  const found = await Promise.allSettled(
    own.map(async ({ contract, durable }) => {
      const stream = contract.stream ?? '';
      const info = await within(manager.consumers.info(stream, durable), waitMs, durable);
      const { num_pending: pending, num_ack_pending: unacknowledged, num_redelivered: redelivered } = info;
      return { stream, consumer: durable, pending, unacknowledged, redelivered };
    }),
  );
  return found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}
