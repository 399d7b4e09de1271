import { z } from 'zod';
import { command } from './define.js';
import { ProcessEntry } from './host-sample.js';

/** The signals that may be sent, by name, with their Linux numbers (signal(7), x86 and ARM). */
export const signals = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
  SIGCONT: 18,
  SIGSTOP: 19,
} as const;
/** The name of a signal in {@link signals}. */
export type SignalName = keyof typeof signals;

/** A process in full. `startTime` in milliseconds since 1970. */
export const ProcessDetail = ProcessEntry.extend({ cmdline: z.string(), startTime: z.int() });
/** See {@link ProcessDetail}. */
export type ProcessDetail = z.infer<typeof ProcessDetail>;

/** The processes of a host, the greatest first. */
export const processList = command('process.list.v1', {
  input: z.object({ sortBy: z.enum(['cpu', 'memory']).default('cpu'), limit: z.int().min(1).max(500).default(20) }),
  output: z.object({ processes: z.array(ProcessEntry), total: z.int() }),
});

/** One process in full; `NOT_FOUND` when there is none with that pid. */
export const processGet = command('process.get.v1', {
  input: z.object({ pid: z.int().positive() }),
  output: ProcessDetail,
});

/**
 * Sends a signal to one process. `NOT_FOUND` when there is none, `FORBIDDEN` for pids below 2, for Lapwing's own
 * processes and where the kernel refuses.
 */
export const processSignal = command('process.signal.v1', {
  input: z.object({ pid: z.int32(), signal: z.enum(Object.keys(signals) as [SignalName, ...SignalName[]]) }),
  output: z.object({ pid: z.int(), signal: z.string() }),
});
