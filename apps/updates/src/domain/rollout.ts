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
  /** How often it was told to update. */
  orders?: number;
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
/** So many samples must have been due before their lack says anything, and so small a share of them is too little. */
const MIN_DUE = 5;
const LEAST_SHARE = 0.5;
/** An order may be lost on the way; more than this is no accident. */
const MAX_ORDERS = 3;
/** Of the later rings so many may fare worse before all is taken back: where there are many, something always happens to one. */
const TOLERATED = 0.02;
/** Rings in which nothing is tolerated. */
const STRICT_RINGS = 2;

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
  { agentId, since, memo: { orders = 1 } }: Member,
  version: string,
  { at, figures }: Look,
  withinMs: number,
): 'arrived' | 'deaf' | { worse: string } | undefined {
  const { state, version: tried, error } = figures.update;
  if (figures.version === version && state !== 'trial') return 'arrived';
  if (state === 'failed' && tried === version)
    return { worse: `${agentId} did not take version ${version}: ${error ?? 'it does not say why'}` };
  const isDeaf = figures.version !== version && state !== 'fetching' && state !== 'trial';
  const isLate = at - since > withinMs;
  if (isDeaf && (!isLate || orders < MAX_ORDERS)) return 'deaf';
  return isLate
    ? { worse: `${agentId} still runs ${figures.version} after ${Math.round(withinMs / 1000)} s` }
    : undefined;
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
  if (!isOver || due < MIN_DUE) return undefined;
  const taken = to.figures.taken - from.figures.taken;
  const expected = `about ${Math.round(due)} were due while it was watched`;
  if (taken < due * LEAST_SHARE) return `${agentId} took ${taken} samples, and ${expected}`;
  const waiting = (to.figures.waiting ?? 0) - (from.figures.waiting ?? 0);
  return waiting > Math.max(due * LEAST_SHARE, MIN_DUE)
    ? `${waiting} samples of ${agentId} wait and are not stored, and ${expected}`
    : undefined;
}

/**
 * How many agents of a ring may fare worse, and are taken back alone, before the roll-out is stopped.
 * @param size agents in the ring.
 */
export function toleratedIn(ring: number, size: number): number {
  return ring < STRICT_RINGS ? 0 : Math.max(Math.floor(size * TOLERATED), 1);
}

/**
 * Whether an agent was watched for long enough, since it was last started, too.
 * @param ms since it is watched, and since this run of it was first seen.
 */
export function isWatched({ since, run }: { since: number; run: number }, watchMs: number): boolean {
  return since >= watchMs && run >= Math.min(MIN_CPU_MS, watchMs);
}

/** By two clocks: of an agent whose own is wrong it is a guess. */
function uptimeOf({ at, figures }: Look): number {
  return Math.max(at - figures.startedAt, MIN_UPTIME_MS);
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** Whether an agent has nothing more to do in its ring. */
export function isSettled({ state, memo }: Member): boolean {
  return state === 'healthy' || state === 'skipped' || state === 'reverted' || memo.isLost === true;
}

/** How many agents are in each state. */
export function countsOf(found: Partial<Rollout['counts']>): Rollout['counts'] {
  return { waiting: 0, updating: 0, watched: 0, healthy: 0, worse: 0, reverted: 0, skipped: 0, ...found };
}
