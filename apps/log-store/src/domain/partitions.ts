/** A partition of lines. */
export interface Partition {
  name: string;
  /** Milliseconds since 1970; plus infinity while it is open, minus infinity for the first. */
  starts: number;
  ends: number;
  openedAt: number;
  /** On disk, with all indexes. */
  bytes: number;
  /** Lines that were ever written into it, as far as the database's statistics know. */
  inserted: number;
  isEmpty: boolean;
  /** Text indexes that it lacks. */
  missing: TextIndex[];
}

/** The indexes that make text searchable: of words, and of trigrams for parts of words. */
export type TextIndex = 'words' | 'trigrams';

/** What partitions may become. */
export interface PartitionLimits {
  /** Bytes of a partition with its text indexes. */
  partitionBytes: number;
  maxBytes: number;
  keepMs: number;
}

/** What is to be done with a partition. */
export type PartitionStep = { step: 'close' | 'drop' | 'strip'; name: string };

const DAY_MS = 86_400_000;
/** More lines a second than this make text indexes too dear to be kept up line by line; fewer than half of it are calm again. */
export const FLOOD = 2000;
/** So long after a partition's end lines may still come for it, from clocks that are behind. */
const SETTLED_MS = 10_000;
const MIN_PARTITION = 2 ** 26;
const MAX_PARTITION = 2 ** 30;

/** The limits that follow from the settings: about 40 partitions, none so small that there are many or so large that closing it takes long. */
export function partitionLimits(maxBytes: number, keepDays: number): PartitionLimits {
  const partitionBytes = Math.min(Math.max(maxBytes / 40, MIN_PARTITION), MAX_PARTITION);
  return { partitionBytes, maxBytes, keepMs: keepDays * DAY_MS };
}

/**
 * What is to be done next: drop the oldest partitions when all are too old or too large, close the open one when it has grown enough or is a day old,
 * strip it of text indexes in a flood. A partition without text indexes is closed at half the size, because it will get them.
 * @param partitions from the oldest to the open one.
 * @param rate lines a second that come in.
 */
export function nextSteps(
  partitions: Partition[],
  limits: PartitionLimits,
  rate: number,
  now: number,
): PartitionStep[] {
  const steps: PartitionStep[] = [];
  let bytes = partitions.reduce((sum, partition) => sum + partition.bytes, 0);
  for (const { name, ends, bytes: own } of partitions.slice(0, -1)) {
    if (ends > now - limits.keepMs && bytes <= limits.maxBytes) break;
    steps.push({ step: 'drop', name });
    bytes -= own;
  }
  const open = partitions.at(-1);
  if (!open || open.isEmpty) return steps;
  const most = open.missing.length > 0 ? limits.partitionBytes / 2 : limits.partitionBytes;
  if (open.bytes >= most || open.openedAt < now - DAY_MS) steps.push({ step: 'close', name: open.name });
  else if (rate > FLOOD && open.missing.length < 2) steps.push({ step: 'strip', name: open.name });
  return steps;
}

/**
 * The partitions that are to get text indexes now, newest first: those to which nothing comes any more, and the open one while it is calm.
 * @param isCalm whether few lines come.
 */
export function toIndex(partitions: Partition[], isCalm: boolean, now: number): Partition[] {
  return partitions
    .filter(({ ends, missing }) => missing.length > 0 && (ends === Infinity ? isCalm : ends < now - SETTLED_MS))
    .toReversed();
}
