import { rolloutRings, type AgentFigures, type Rollout, type RolloutAgent } from '@lapwing/contracts';
import { createHash } from 'node:crypto';
import lt from 'semver/functions/lt.js';
import valid from 'semver/functions/valid.js';

/** What an agent said of itself, and when (milliseconds since 1970, by the server's clock). */
export interface Look {
  at: number;
  figures: AgentFigures;
}

/** What is remembered of an agent in a roll-out. */
export interface Memo {
  /** Before it was updated. */
  before?: Look;
  /** Since it is watched, or was started again then. */
  from?: Look;
  /** How often it was started again while it was watched. */
  restarts?: number;
  /** It could not be taken back. */
  isLost?: boolean;
}

/** How an agent fares. */
export interface Member extends RolloutAgent {
  /** Since when it is in its state, milliseconds since 1970. */
  since: number;
  memo: Memo;
}

/** Bounds of what is no worse: so many times its own past, or so much more, whichever is greater. */
const CPU = { factor: 1.5, more: 0.01 };
const MEMORY = { factor: 1.3, more: 32 * 2 ** 20 };
/** Processor time says little over less. */
const MIN_CPU_MS = 60_000;
/** A process that was started this instant has no share of a processor yet. */
const MIN_UPTIME_MS = 10_000;
/** So many samples must have been due before their lack says anything. */
const MIN_DUE = 5;

/**
 * Divides agents into rings: the first ring gets 1 % of all, the next so many that both are 5 %, and so on; rounded up, so that the first ring is never
 * empty. Which agent is in which ring follows from its id and the version alone, and looks like chance.
 * @returns the index of the ring of each.
 */
export function assignRings(agentIds: readonly string[], version: string): Map<string, number> {
  const rank = (id: string): string => createHash('sha256').update(`${version} ${id}`).digest('hex');
  const ordered = agentIds.map((id) => ({ id, rank: rank(id) })).toSorted((a, b) => (a.rank < b.rank ? -1 : 1));
  const ends = rolloutRings.map((percent) => Math.ceil((ordered.length * percent) / 100));
  return new Map(ordered.map(({ id }, index) => [id, ends.findIndex((end) => index < end)]));
}

/** Whether a version is older than another one; false for what is no version. */
export function isOlder(version: string, than: string): boolean {
  return valid(version) !== null && lt(version, than);
}

/** Why an agent that answers cannot be part of a roll-out of this version; undefined when it can. */
export function obstacle({ version: own, problem, update }: AgentFigures, version: string): string | undefined {
  if (problem !== null) return problem;
  if (own === version) return 'it runs this version already';
  if (!isOlder(own, version)) return `it runs ${own}, which is not older`;
  if (update.state === 'fetching' || update.state === 'trial') return 'another update of it is under way';
  return undefined;
}

/**
 * How an agent that was told to update comes along: `arrived` once the new version has proved itself to the agent, `deaf` when it seems not to
 * have heard the order, otherwise a reason for which it is worse off, or undefined while it is under way.
 */
export function progressOf(
  { agentId, since }: Member,
  version: string,
  { at, figures }: Look,
  withinMs: number,
): 'arrived' | 'deaf' | { worse: string } | undefined {
  const { state, version: tried, error } = figures.update;
  if (figures.version === version && state !== 'trial') return 'arrived';
  if (state === 'failed' && tried === version)
    return { worse: `${agentId} did not take version ${version}: ${error ?? 'it does not say why'}` };
  if (at - since > withinMs)
    return { worse: `${agentId} still runs ${figures.version} after ${Math.round(withinMs / 1000)} s` };
  return figures.version !== version && state !== 'fetching' && state !== 'trial' ? 'deaf' : undefined;
}

/**
 * Judges an agent that runs the new version against its own past.
 * @param watch since when it is watched, and how it is now; `isOver` when it is looked at for the last time.
 * @returns a sentence that says in what it is worse; undefined when it is not.
 */
export function worseThan(
  { agentId, memo: { before, restarts = 0 } }: Pick<Member, 'agentId' | 'memo'>,
  version: string,
  watch: { from: Look; to: Look; isOver: boolean },
): string | undefined {
  const { figures } = watch.to;
  if (figures.version !== version) {
    const { error } = figures.update;
    return `${agentId} runs ${figures.version} again${error === null ? '' : `: ${error}`}`;
  }
  if (restarts > 1) return `${agentId} was started again ${restarts} times while it was watched`;
  if (!before) return undefined;
  return (
    worseMemory(agentId, before.figures, figures) ??
    worseLoss(agentId, before.figures, figures) ??
    worseCpu(agentId, before, watch) ??
    worseSampling(agentId, before, watch)
  );
}

function worseMemory(agentId: string, before: AgentFigures, now: AgentFigures): string | undefined {
  const limit = Math.max(before.rssBytes * MEMORY.factor, before.rssBytes + MEMORY.more);
  if (now.rssBytes <= limit) return undefined;
  return `${agentId} takes ${mebibytes(now.rssBytes)} of memory, ${mebibytes(before.rssBytes)} before`;
}

function worseLoss(agentId: string, before: AgentFigures, now: AgentFigures): string | undefined {
  return before.lost === 0 && now.lost > 0 ? `${agentId} has lost ${now.lost} samples, none before` : undefined;
}

function worseCpu(agentId: string, before: Look, { from, to, isOver }: { from: Look; to: Look; isOver: boolean }) {
  const ms = to.at - from.at;
  if (ms <= 0 || (ms < MIN_CPU_MS && !isOver)) return undefined;
  const share = (to.figures.cpuSeconds - from.figures.cpuSeconds) / (ms / 1000);
  const past = before.figures.cpuSeconds / (uptimeOf(before) / 1000);
  if (share <= Math.max(past * CPU.factor, past + CPU.more)) return undefined;
  return `${agentId} uses ${percent(share)} of a core, ${percent(past)} before`;
}

function worseSampling(agentId: string, before: Look, { from, to, isOver }: { from: Look; to: Look; isOver: boolean }) {
  const due = (before.figures.taken / uptimeOf(before)) * (to.at - from.at);
  if (!isOver || due < MIN_DUE || to.figures.taken > from.figures.taken) return undefined;
  return `${agentId} takes no samples any more, and about ${Math.round(due)} were due while it was watched`;
}

/** By two clocks: of an agent whose own is wrong it is a guess. */
function uptimeOf({ at, figures }: Look): number {
  return Math.max(at - figures.startedAt, MIN_UPTIME_MS);
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** Whether an agent has nothing more to do in its ring. */
export function isSettled({ state }: Member): boolean {
  return state === 'healthy' || state === 'skipped';
}

/** How many agents are in each state. */
export function countsOf(found: Partial<Rollout['counts']>): Rollout['counts'] {
  return { waiting: 0, updating: 0, watched: 0, healthy: 0, worse: 0, reverted: 0, skipped: 0, ...found };
}
