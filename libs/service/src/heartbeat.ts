import type { Finding } from './health.js';

/**
 * Tells whether a loop still runs: the loop beats with each turn, also with one that failed, and whoever looks finds out that it has been silent for
 * too long. A loop that waits for something for ever is found so, which nothing else would notice while its process answers.
 */
export class Heartbeat {
  #beatAt: number;
  #isResting = false;

  /**
   * @param silenceMs after how long without a beat the loop counts as hung: its longest sound turn and the pause after it, with room.
   * @param clock a clock that is never set back, in milliseconds.
   */
  constructor(
    private readonly silenceMs: number,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.#beatAt = clock();
  }

  /** The loop has come round. */
  beat(): void {
    this.#isResting = false;
    this.#beatAt = this.clock();
  }

  /** The loop has ended in order, and shall be silent until its next beat: another replica does the work. */
  rest(): void {
    this.#isResting = true;
  }

  /** How long ago the last beat was, in milliseconds; 0 while it rests. */
  get silentMs(): number {
    return this.#isResting ? 0 : Math.max(this.clock() - this.#beatAt, 0);
  }

  /** Whether the loop runs, or rests. */
  get isAlive(): boolean {
    return this.silentMs <= this.silenceMs;
  }

  /** What the loop tells of itself, unless it is hung. */
  finding(told: () => Finding): Finding {
    if (this.isAlive) return told();
    return { status: 'unhealthy', message: `has done nothing for ${Math.round(this.silentMs / 1000)} s` };
  }
}
