import type { LogEntry } from '@lapwing/contracts';

/**
 * Where the reading of logs stands: by the key of each thing that is read, whatever its reader needs to go on there, as JSON; null takes a key
 * out. Keys begin with the reader's own name, e.g. `journal` or `file:…`.
 */
export type LogPositions = Record<string, unknown>;

/** What was read, and where reading stands after it. Both are taken down together, so that nothing is read twice or missed. */
export interface LogPiece {
  entries: LogEntry[];
  positions: LogPositions;
}

/** Reads the logs of one kind of source. */
export interface LogReader {
  /** Begins, or goes on where the positions of an earlier run say. What is not there (no journal, no engine) is waited for without noise. */
  start(positions: LogPositions): Promise<void>;
  /**
   * What has come since the last call: at most so many entries, and about 512 KiB of text; null when there is nothing. While it is not called,
   * what comes stays where it is (in its file, in a pipe): that is the back-pressure.
   */
  read(max: number): Promise<LogPiece | null>;
  stop(): Promise<void>;
  /** What it cannot read, and why, a short line each; none when it is missing. */
  problems?(): string[];
}
