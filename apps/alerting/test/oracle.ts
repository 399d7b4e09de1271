/** A rule, with everything turned so that large is bad. */
export interface Asked {
  trigger: number;
  clear: number;
  critical: number | null;
  delayMs: number;
  confirmations: number;
}

/** What happened to one signal: only what counts, in order. */
export type Happened =
  /** A look; `bad` is how bad it was, null when that was not known. */
  | { what: 'sample'; time: number; bad: number | null }
  /** A look that did not find the thing. */
  | { what: 'gone'; time: number }
  | { what: 'rules'; asked: Asked | null }
  | { what: 'cleared'; until: number };

export interface Standing {
  is: 'fine' | 'waiting' | 'open' | 'cleared';
  level: 'warning' | 'critical' | null;
  since: number | null;
  /** Why it is fine. */
  because: 'recovered' | 'removed' | 'disabled' | null;
}

const FIVE_MINUTES = 300_000;

/**
 * How a signal stands after all that happened, read off from the beginning each time: slow, and as the contract has it (A21, A22, C9). It shares
 * nothing with what it checks.
 */
export function standingAfter(story: readonly Happened[]): Standing {
  let now: Standing = { is: 'fine', level: null, since: null, because: null };
  let until = 0;
  /** Nothing before this counts any more. */
  let floor = 0;
  const fine = (because: Standing['because'], next: number): void => {
    now = { is: 'fine', level: null, since: null, because };
    floor = next;
  };
  const rules = rulesAt(story);
  for (const [index, event] of story.entries()) {
    const asked = rules[index] ?? null;
    if (event.what === 'gone') fine('removed', index + 1);
    else if (event.what === 'cleared') {
      if (now.is !== 'open') continue;
      now = { is: 'cleared', level: null, since: null, because: null };
      until = event.until;
    } else if (event.what === 'rules') {
      if (asked === null) fine('disabled', index + 1);
      else if (now.is === 'open') {
        const bad = lastBad(story, index);
        if (sameFigures(rules[index - 1] ?? null, asked)) continue;
        if (bad < asked.trigger) fine('recovered', index + 1);
        else now = { ...now, level: asked.critical !== null && bad >= asked.critical ? 'critical' : 'warning' };
      } else if (now.is === 'waiting') now = waiting(runUpTo(story, rules, index, floor));
    } else if (event.bad !== null && asked !== null) {
      const { bad, time } = event;
      if (now.is === 'open') {
        if (bad <= asked.clear) fine('recovered', index + 1);
        else now = { ...now, level: levelOf(now.level, bad, asked) };
        continue;
      }
      if (now.is === 'cleared') {
        if (bad <= asked.clear) fine('recovered', index + 1);
        if (bad <= asked.clear || time < until) continue;
        fine(null, index);
      }
      const run = runUpTo(story, rules, index, floor);
      const first = run[0];
      const isDue = first !== undefined && time - first >= asked.delayMs && run.length >= asked.confirmations;
      now = isDue ? { is: 'open', level: levelOf(null, bad, asked), since: first, because: null } : waiting(run);
    }
  }
  return now;
}

function waiting(run: number[]): Standing {
  return { is: run.length > 0 ? 'waiting' : 'fine', level: null, since: run[0] ?? null, because: null };
}

/** The rules in force after each event. */
function rulesAt(story: readonly Happened[]): (Asked | null)[] {
  let asked: Asked | null = null;
  return story.map((event) => (asked = event.what === 'rules' ? event.asked : asked));
}

function sameFigures(one: Asked | null, other: Asked): boolean {
  return (
    one !== null &&
    JSON.stringify([one.trigger, one.clear, one.critical]) ===
      JSON.stringify([other.trigger, other.clear, other.critical])
  );
}

function lastBad(story: readonly Happened[], index: number): number {
  for (let at = index; at >= 0; at--) {
    const event = story[at];
    if (event?.what === 'sample' && event.bad !== null) return event.bad;
  }
  throw new Error('open without a sample');
}

function levelOf(
  before: 'warning' | 'critical' | null,
  bad: number,
  { trigger, clear, critical }: Asked,
): 'warning' | 'critical' {
  if (critical === null) return 'warning';
  const gap = trigger - clear;
  return bad >= (before === 'critical' ? critical - gap : critical) ? 'critical' : 'warning';
}

interface Sample {
  index: number;
  time: number;
  bad: number;
}

/** The last sample at an event or before it. */
function sampleAt(story: readonly Happened[], from: number, floor: number): Sample | undefined {
  for (let index = from; index >= floor; index--) {
    const event = story[index];
    if (event?.what === 'sample' && event.bad !== null) return { index, time: event.time, bad: event.bad };
  }
  return undefined;
}

function isBreach({ index, bad }: Sample, rules: (Asked | null)[], till: number): boolean {
  for (let at = index; at <= till; at++) {
    const asked = rules[at];
    if (!asked || bad < asked.trigger) return false;
  }
  return true;
}

/** The times of the samples of the unbroken breach that an event ends: in breach under every rule since. */
function runUpTo(story: readonly Happened[], rules: (Asked | null)[], end: number, floor: number): number[] {
  const run: number[] = [];
  let one = sampleAt(story, end, floor);
  while (one && isBreach(one, rules, end)) {
    const before = sampleAt(story, one.index - 1, floor);
    // How long before it the one before was, where that was in breach, too.
    const gap = before && isBreach(before, rules, one.index) ? one.time - before.time : 0;
    const next = run[0];
    if (next !== undefined && next - one.time > Math.max(FIVE_MINUTES, 2 * gap)) break;
    run.unshift(one.time);
    one = before;
  }
  return run;
}
