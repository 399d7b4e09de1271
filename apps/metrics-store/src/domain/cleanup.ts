import type { CleanupCounts } from '@lapwing/contracts';

/** A stretch of a series that holds rows of before an instant. */
export interface Piece {
  /** The series: of samples, or of a roll-up's stored part. */
  series: string;
  /** Milliseconds since 1970. */
  starts: number;
  ends: number;
}

/** Where a cleanup goes on: after the pieces of this place, or within one at a block. */
export interface Place {
  series: string;
  starts: number;
  block: number;
}

/** The name under which a place travels. */
export function placeName({ series, starts, block }: Place): string {
  return `${series} ${starts} ${block}`;
}

/** The place of a name; null for the beginning, and for what is no name of a place. */
export function placeOf(name: string | null): Place | null {
  const match = /^([a-z0-9_.]{1,150}) (-?\d{1,16}) (\d{1,12})$/.exec(name ?? '');
  return match ? { series: match[1] ?? '', starts: Number(match[2]), block: Number(match[3]) } : null;
}

/** Whether a piece comes before a place, in the order of names and times. */
export function isBefore(piece: Piece, place: Place): boolean {
  return piece.series === place.series ? piece.starts < place.starts : piece.series < place.series;
}

/** The class in which rows of a series are counted. */
export function classOf(series: string): keyof CleanupCounts {
  if (!series.endsWith('_sample')) return 'rollups';
  return series === 'metrics.gpu_sample' ? 'gpuStats' : 'samples';
}
