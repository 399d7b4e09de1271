import type { LogEntry, LogSourceKind } from '@lapwing/contracts';
import { entryOf } from './entry.js';

/** How many lines a source may bring: a token bucket without a clock of its own. It begins full. */
export class LineLimit {
  #tokens: number;

  /**
   * @param perSecond lines in the long run.
   * @param burst lines at once after a silence.
   */
  constructor(
    readonly perSecond: number,
    private readonly burst = 2 * perSecond,
  ) {
    this.#tokens = burst;
  }

  /**
   * So many milliseconds have gone by; going backwards adds nothing. A stretch that allows more lines than `burst` fills it up to that: whoever was
   * away for an hour may bring what an hour allows.
   */
  refill(ms: number): void {
    if (!(ms > 0)) return;
    const more = (this.perSecond * ms) / 1000;
    this.#tokens = Math.min(this.#tokens + more, Math.max(this.burst, more));
  }

  /** Whether one more line may pass; then it is counted. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** The line that stands for those which a limit has held back: it says how many, and above which pace (`time` in milliseconds since 1970). */
export function droppedEntry(
  count: number,
  { source, name, perSecond }: { source: LogSourceKind; name: string; perSecond: number },
  time: number,
): LogEntry {
  const text = `${count} lines dropped: more than ${perSecond} a second`;
  return entryOf({ source, name, text, time, level: 'warning', fields: { dropped: String(count) } }, time);
}
