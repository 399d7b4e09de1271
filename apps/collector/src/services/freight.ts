import type { Bus } from '@lapwing/bus';
import {
  MAX_LOG_BATCHES_PER_MESSAGE,
  MAX_SAMPLES_PER_MESSAGE,
  deliveryGet,
  hostSampled,
  logCollected,
  logDeliveryGet,
  type Gap,
  type LogEntry,
  type SeqRange,
} from '@lapwing/contracts';
import type { LogPositions } from '../sources/log-reader.js';
import type { Entry, Numbered, SampleBody } from '../store/outbox.js';

/** Records of one outbox that go into one message. */
export interface Load<Body> {
  agentId: string;
  outbox: string;
  records: Numbered<Body>[];
  gaps: Gap[];
}

/** What a store knows of records that were asked about. */
export interface Whereabouts {
  stored: SeqRange[];
  handledUpTo: number;
  streamEnd: number;
}

/** What is delivered: how it is sent, and how one asks for it. */
export interface Freight<Body> {
  /** What may be in one message of back-fill: records, and bytes. */
  maxRecords: number;
  maxBytes: number;
  /** @param name the same name within two minutes is kept once. */
  send(bus: Bus, load: Load<Body>, name: string): Promise<{ position: number }>;
  /** @param doubtful of one outbox, by ascending number; at least one. */
  ask(bus: Bus, agentId: string, doubtful: Entry[]): Promise<Whereabouts>;
}

/** Lines, and where reading stands after them. */
export interface LogBody {
  entries: LogEntry[];
  positions: LogPositions;
}

function rangeOf(entries: Entry[]): { outbox: string; seqs: SeqRange } {
  const [first] = entries;
  return { outbox: first?.outbox ?? '', seqs: [first?.seq ?? 1, entries.at(-1)?.seq ?? 1] };
}

/** Samples. A message is small, and they go one at a time: what comes live from others waits in the same stream behind it. */
export const sampleFreight: Freight<SampleBody> = {
  maxRecords: MAX_SAMPLES_PER_MESSAGE,
  maxBytes: 100_000,
  send: (bus, { agentId, outbox, records: samples, gaps }, name) =>
    bus.publish(hostSampled, agentId, { agentId, outbox, samples, ...(gaps.length > 0 && { gaps }) }, name),
  ask: (bus, agentId, doubtful) => {
    const times = doubtful.map((entry) => entry.time);
    const span = { from: Math.min(...times), to: Math.max(...times) };
    return bus.inquire(deliveryGet, agentId, { ...rangeOf(doubtful), ...span });
  },
};

/** Lines of logs. Where reading stands is nobody's business but this host's. */
export const logFreight: Freight<LogBody> = {
  maxRecords: MAX_LOG_BATCHES_PER_MESSAGE,
  maxBytes: 250_000,
  send: (bus, { agentId, outbox, records }, name) => {
    const batches = records.map(({ seq, time, entries }) => ({ seq, time, entries }));
    return bus.publish(logCollected, agentId, { agentId, outbox, batches }, name);
  },
  ask: (bus, agentId, doubtful) => bus.inquire(logDeliveryGet, agentId, rangeOf(doubtful)),
};
