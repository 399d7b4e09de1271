import { MAX_LOG_BATCH, type LogEntry } from '@lapwing/contracts';

/** Bytes of JSON that the lines of one batch may have: a message with one batch stays far below what NATS takes. */
export const MAX_BATCH_BYTES = 400_000;

/** How many bytes of JSON lines have. */
export function bytesOf(entries: LogEntry[]): number {
  return Buffer.byteLength(JSON.stringify(entries));
}

/** Cuts lines into batches that fit into a message each, in their order; one when all fit. */
export function batchesOf(entries: LogEntry[]): LogEntry[][] {
  const batches: LogEntry[][] = [];
  let current: LogEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const more = bytesOf([entry]);
    if (current.length > 0 && (current.length >= MAX_LOG_BATCH || bytes + more > MAX_BATCH_BYTES)) {
      batches.push(current);
      current = [];
      bytes = 0;
    }
    current.push(entry);
    bytes += more;
  }
  if (current.length > 0) batches.push(current);
  return batches;
}
