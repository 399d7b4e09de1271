import type { AttemptAction, AttemptStep } from '@lapwing/contracts';

/** Where in the whole attempt each step begins and ends, in percent. */
const SPANS: Record<AttemptStep, [from: number, to: number]> = {
  checking: [0, 2],
  downloading: [2, 50],
  verifying: [50, 54],
  unpacking: [54, 68],
  testing: [68, 74],
  saving: [74, 78],
  migrating: [78, 84],
  restarting: [84, 90],
  watching: [90, 99],
  done: [100, 100],
};
/** Of a mere download the archive is all there is. */
const DOWNLOAD_SPANS: Partial<Record<AttemptStep, [from: number, to: number]>> = {
  downloading: [2, 95],
  verifying: [95, 99],
};

/**
 * How far an attempt is, in whole percent.
 * @param share of the step, 0 to 1.
 */
export function progressOf(action: AttemptAction, step: AttemptStep, share = 0): number {
  const [from, to] = (action === 'download' ? DOWNLOAD_SPANS[step] : undefined) ?? SPANS[step];
  return Math.floor(from + (to - from) * Math.min(Math.max(share, 0), 1));
}
