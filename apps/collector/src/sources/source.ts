import type { HostFigures, HostPart, ProcessDetail, ProcessEntry } from '@lapwing/contracts';

/** The figures of one part of a host. */
export type PartOf<P extends HostPart> = HostFigures[P];

/** Reads one part of a host. */
export interface PartReader<P extends HostPart = HostPart> {
  part: P;
  /** Milliseconds between readings; 0 for every sample. */
  everyMs: number;
  /** Milliseconds after which a reading counts as failed. */
  limitMs: number;
  /** What stands there until the first reading has succeeded. */
  empty: PartOf<P>;
  read(): Promise<PartOf<P>>;
}

/** A reader of any part. */
export type AnyPartReader = { [P in HostPart]: PartReader<P> }[HostPart];

/** The processes of a host, as of the last scan. */
export abstract class Processes {
  /** How many there were. */
  abstract get total(): number;
  /** Reads all anew; their use of the processor is that since the last scan. */
  abstract scan(): Promise<void>;
  /** The greatest by processor or by memory, greatest first. */
  abstract top(by: 'cpu' | 'memory', limit: number): ProcessEntry[];
  /**
   * One in full, as it is now.
   * @throws LapwingError `NOT_FOUND`.
   */
  abstract detail(pid: number): Promise<ProcessDetail>;
  /** The process that started it; 0 when there is none, or none is known. */
  abstract parentOf(pid: number): number;
}
