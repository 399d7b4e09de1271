import { LapwingError, MAX_LOG_SEQ } from '@lapwing/contracts';

/** Where a line stands among all: they are sorted by these four, newest first. */
export interface EntryKey {
  /** Milliseconds since 1970, UTC. */
  time: number;
  /** See {@link entrySeq}. */
  seq: number;
  /** Its place in its batch. */
  line: number;
  streamId: number;
}

/** Outboxes that are told apart: together with the numbers of batches they fit into 53 bits. */
const OUTBOXES = 2 ** 12;

/**
 * The number under which the lines of a batch are stored. Outboxes begin anew at 1: the outbox's own number goes before, so that lines that are
 * read again into a new outbox are lines of their own.
 */
export function entrySeq(outboxId: number, seq: number): number {
  return (outboxId % OUTBOXES) * MAX_LOG_SEQ + (seq % MAX_LOG_SEQ);
}

/** The id of a line, as `LogEntryId` has it: time, stream, number and line in base 36. */
export function formatEntryId({ time, streamId, seq, line }: EntryKey): string {
  return [time, streamId, seq, line].map((part) => part.toString(36)).join('-');
}

/** The line that an id names. Throws `INVALID_INPUT` for one that names none. */
export function parseEntryId(id: string): EntryKey {
  const [time = NaN, streamId = NaN, seq = NaN, line = NaN] = id.split('-').map((part) => Number.parseInt(part, 36));
  const isSane = time <= 8.64e15 && streamId < 2 ** 31 && seq <= Number.MAX_SAFE_INTEGER && line < 2 ** 15;
  if (!isSane) throw new LapwingError('INVALID_INPUT', `no line has the id "${id}"`);
  return { time, streamId, seq, line };
}
