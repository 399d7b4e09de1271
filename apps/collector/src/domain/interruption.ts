import type { Gap } from '@lapwing/contracts';

/** What the collector knew when it last wrote its state. */
export interface LastRun {
  /** Time of the last sample, milliseconds since 1970. */
  lastTime: number;
  stoppedCleanly: boolean;
  /** Names the run of the kernel: another one means that the host was restarted. */
  bootId: string;
}

/** Why there are no samples between the last run and now. */
export function interruption(last: LastRun, now: number, bootId: string): Gap {
  const cause = last.stoppedCleanly
    ? 'collector_stopped'
    : last.bootId === bootId
      ? 'collector_killed'
      : 'host_restarted';
  return { from: last.lastTime, to: Math.max(now, last.lastTime), cause, lost: null };
}

/**
 * Whether the numbers of the last run can be continued. After a restart of the host without a clean stop the disk may
 * have lost the last records, whose numbers were already used: then a new outbox begins.
 */
export function canContinue(last: LastRun, bootId: string): boolean {
  return last.stoppedCleanly || last.bootId === bootId;
}
