import { z } from 'zod';
import { AgentId } from './agent.js';
import { request } from './define.js';
import { HostSample } from './host-sample.js';

/** The metrics of a host that have a history. Percent 0–100, bytes, bytes per second, °C. */
export const hostMetrics = [
  'cpu',
  'memory',
  'disk',
  'temperature',
  'load1',
  'memoryUsed',
  'swapUsed',
  'diskReadRate',
  'diskWriteRate',
  'networkRxRate',
  'networkTxRate',
  'processes',
  'connections',
] as const;
/** One of {@link hostMetrics}. */
export type HostMetric = (typeof hostMetrics)[number];

/** The most points that one question about history may ask for. */
export const MAX_HISTORY_POINTS = 10_000;

const column = z.object({
  avg: z.array(z.number().nullable()),
  min: z.array(z.number().nullable()),
  max: z.array(z.number().nullable()),
});

/**
 * History of hosts between two instants, [from, to), in steps. Without agents: the mean over all, with the least and the
 * greatest of any. Steps without a sample are left out, so that a gap stays a gap.
 */
export const historyGet = request('req.metrics-store.history.get.v1', {
  input: z.object({
    agentIds: z.array(AgentId).max(1000).nullable(),
    metrics: z.array(z.enum(hostMetrics)).min(1),
    from: z.int(),
    to: z.int(),
    /** Seconds a step; 0 asks for the samples as they were taken. */
    step: z.int().min(0).max(31_622_400),
  }),
  output: z.object({
    /** Beginning of each step, milliseconds since 1970. */
    times: z.array(z.int()),
    columns: z.partialRecord(z.enum(hostMetrics), column),
  }),
  deadlineMs: 15_000,
});

/** Readings of a host's first graphics card, oldest first; the newest `limit` of them. */
export const gpuHistoryGet = request('req.metrics-store.gpu.history.v1', {
  input: z.object({ agentId: AgentId.nullable(), since: z.int().nullable(), limit: z.int().min(1).max(5000) }),
  output: z.object({
    samples: z.array(
      z.object({
        time: z.int(),
        name: z.string(),
        utilization: z.number().nullable(),
        memoryUsed: z.number().nullable(),
        memoryTotal: z.number().nullable(),
        temperature: z.number().nullable(),
        powerWatts: z.number().nullable(),
      }),
    ),
  }),
  deadlineMs: 10_000,
});

/** The newest stored sample of a host, for when the bus no longer has it. */
export const latestSampleGet = request('req.metrics-store.sample.latest.v1', {
  input: z.object({ agentId: AgentId.nullable() }),
  output: z.object({ agentId: AgentId, sample: HostSample }).nullable(),
});
