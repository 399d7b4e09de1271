import type { HostFigures, HostPart } from '@lapwing/contracts';

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
