/** Between which times a sample may lie, as distances from now in milliseconds. */
export interface ClockWindow {
  pastMs: number;
  futureMs: number;
}

/** Why a sample is put in quarantine. */
export type Quarantine = 'clock_ahead' | 'clock_behind';

/**
 * Decides whether a sample's clock can be believed.
 * @returns why it cannot, or null when it can.
 */
export function quarantineReason(timeMs: number, nowMs: number, window: ClockWindow): Quarantine | null {
  if (timeMs > nowMs + window.futureMs) return 'clock_ahead';
  if (timeMs < nowMs - window.pastMs) return 'clock_behind';
  return null;
}
