import type { AgentFigures, Rollout } from '@lapwing/contracts';
import {
  assignRings,
  isSettled,
  isWatched,
  obstacle,
  progressOf,
  toleratedIn,
  worseThan,
  type Look,
  type Member,
} from '../domain/rollout.js';
import type { RolloutRow, RolloutStore } from '../store/rollout.store.js';
import { forEach, type Fleet, type OlderAgent } from './fleet.js';

/** How long things may take, milliseconds. */
export interface RolloutTimes {
  /** How long each ring is watched. */
  watchMs: number;
  /** An agent must run the new version after so long. */
  arriveMs: number;
  /** An agent that does not answer for so long is worse off. */
  silentMs: number;
  /** So long it is tried to take an agent back. */
  revertMs: number;
}

/** So many agents are under way to the new version at the same time: all fetch it from this server. */
const MAX_UPDATING = 200;
/** The ring of those that have none. */
const LAST = 3;
const UNDER_WAY = ['waiting', 'updating', 'watched', 'worse'] as const;
const CHANGED = ['updating', 'watched', 'healthy', 'worse'] as const;

/**
 * Brings a roll-out further, a step at a time. All that counts is in the database, so that another replica can go on; only since when an agent is
 * silent is not: whoever begins to listen cannot know it.
 */
export class RolloutDriver {
  readonly #silentSince = new Map<string, number>();

  constructor(
    private readonly fleet: Fleet,
    private readonly store: RolloutStore,
    private readonly times: RolloutTimes,
  ) {}

  /** Nobody could be heard for a while. */
  forgetSilence(): void {
    this.#silentSince.clear();
  }

  /**
   * Does what is to be done now.
   * @returns why the roll-out must be stopped; undefined when it need not.
   */
  async step(rollout: RolloutRow): Promise<string | undefined> {
    if (rollout.status === 'stopped') await this.#takeBack(rollout);
    else if (!rollout.isPlanned) await this.#plan(rollout);
    else return this.#advance(rollout);
    return undefined;
  }

  async #plan({ id, version }: RolloutRow): Promise<void> {
    this.forgetSilence();
    const agents = await this.fleet.olderThan(version);
    const problems = new Map<string, string | undefined>();
    await forEach(agents, async (agent) => {
      problems.set(agent.id, await this.#problemOf(agent, version));
    });
    const fit = agents.filter(({ id: agentId }) => problems.get(agentId) === undefined);
    const rings = assignRings(
      fit.map((agent) => agent.id),
      version,
    );
    const now = Date.now();
    const members = agents.map(({ id: agentId, version: versionFrom }): Member => {
      const reason = problems.get(agentId) ?? null;
      const state = reason === null ? 'waiting' : 'skipped';
      return { agentId, ring: rings.get(agentId) ?? LAST, state, versionFrom, reason, since: now, memo: {} };
    });
    await this.store.plan(id, members);
  }

  async #problemOf({ id, status }: OlderAgent, version: string): Promise<string | undefined> {
    if (status !== 'online') return `it was ${status} when the roll-out began`;
    const figures = await this.fleet.inspect(id);
    return figures ? obstacle(figures, version) : 'it did not answer when the roll-out began';
  }

  async #advance(rollout: RolloutRow): Promise<string | undefined> {
    const { id, ring } = rollout;
    const members = await this.store.members(id, { ring, states: UNDER_WAY });
    const updating = members.filter(({ state }) => state === 'updating').length;
    const next = members.filter(({ state }) => state === 'waiting').slice(0, MAX_UPDATING - updating);
    const turns = [...members.filter(({ state }) => state !== 'waiting'), ...next];
    const before = await this.store.counts(id, ring);
    const tolerated = toleratedIn(ring, sum(before)) - before.worse - before.reverted;
    const worse: string[] = [];
    let open = members.length - turns.length;
    await forEach(turns, async (member) => {
      // What is known to be worse ends the turn of those that are not begun yet.
      if (worse.length > tolerated && member.state === 'waiting') return;
      const changed = member.state === 'worse' ? await this.#alone(rollout, member) : await this.#look(rollout, member);
      if (changed !== member) await this.store.save(id, changed);
      if (changed.state === 'worse' && member.state !== 'worse') worse.push(changed.reason ?? changed.agentId);
      if (!isSettled(changed)) open++;
    });
    if (worse.length > tolerated) return reasonOf(worse);
    if (open === 0) await this.#pass(rollout);
    return undefined;
  }

  /** Goes on to the next ring; one in which nobody was watched has shown nothing, and gets somebody of the next. */
  async #pass({ id, ring }: RolloutRow): Promise<void> {
    const counts = await this.store.counts(id, ring);
    // Of few agents some rings have none: the ring before has shown enough.
    if (sum(counts) > 0 && counts.healthy === 0 && ring < LAST && (await this.store.pullForward(id, ring))) return;
    await this.store.passRing(id, ring, Date.now());
  }

  /** Takes one back that fares worse, while the others go on. */
  async #alone(rollout: RolloutRow, member: Member): Promise<Member> {
    if (member.memo.isLost) return member;
    const isLate = Date.now() - member.since > this.times.revertMs;
    return (await this.#return(rollout, member, isLate)) ?? member;
  }

  /** How an agent fares now; the same object where nothing has changed. */
  async #look(rollout: RolloutRow, member: Member): Promise<Member> {
    const figures = await this.fleet.inspect(member.agentId);
    if (!figures) return this.#silent(member);
    this.#silentSince.delete(member.agentId);
    const look = { at: Date.now(), figures };
    if (member.state === 'waiting') return this.#begin(rollout, member, look);
    return member.state === 'updating' ? this.#arrive(rollout, member, look) : this.#watch(rollout, member, look);
  }

  #silent(member: Member): Member {
    const now = Date.now();
    const since = this.#silentSince.get(member.agentId) ?? now;
    this.#silentSince.set(member.agentId, since);
    if (now - since < this.times.silentMs) return member;
    if (member.state === 'waiting') return into(member, 'skipped', now, 'it did not answer when its turn came');
    const seconds = Math.round(this.times.silentMs / 1000);
    return into(member, 'worse', now, `${member.agentId} has not answered for ${seconds} s`);
  }

  async #begin({ id, version, statement }: RolloutRow, member: Member, look: Look): Promise<Member> {
    const problem = obstacle(look.figures, version);
    if (problem !== undefined) return into(member, 'skipped', look.at, problem);
    const begun = { ...into(member, 'updating', look.at, null), memo: { before: look, orders: 1 } };
    // First the note, then the order: whoever goes on after a crash must know whom to take back. No note, no order: the roll-out was stopped.
    if (!(await this.store.beginAgent(id, begun))) return member;
    return this.#order(begun, statement);
  }

  async #order(member: Member, statement: string): Promise<Member> {
    const outcome = await this.fleet.update(member.agentId, statement);
    return typeof outcome === 'string' ? member : into(member, 'skipped', Date.now(), outcome.refused);
  }

  async #arrive({ version, statement }: RolloutRow, member: Member, look: Look): Promise<Member> {
    const progress = progressOf(member, version, look, this.times.arriveMs);
    if (progress === undefined) return member;
    // The order was lost on the way, or with a process that ended meanwhile.
    if (progress === 'deaf') return this.#again(member, statement, look.at);
    if (progress !== 'arrived') return into(member, 'worse', look.at, progress.worse);
    return { ...into(member, 'watched', look.at, null), memo: { ...member.memo, from: look, restarts: 0 } };
  }

  /** Tells one again that seems not to have heard; after the time for it is over, from the beginning. */
  async #again(member: Member, statement: string, now: number): Promise<Member> {
    const isLate = now - member.since > this.times.arriveMs;
    const { orders = 1 } = member.memo;
    const retold = isLate ? { ...member, since: now, memo: { ...member.memo, orders: orders + 1 } } : member;
    return this.#order(retold, statement);
  }

  async #watch({ version }: RolloutRow, member: Member, look: Look): Promise<Member> {
    const { from = look, restarts = 0 } = member.memo;
    const isNew = from.figures.startedAt !== look.figures.startedAt;
    const memo = isNew ? { ...member.memo, from: look, restarts: restarts + 1 } : member.memo;
    const seen = isNew ? { ...member, memo } : member;
    const run = look.at - (memo.from ?? look).at;
    const isOver = isWatched({ since: look.at - member.since, run }, this.times.watchMs);
    const reason = worseThan(seen, version, { from: memo.from ?? look, to: look, isOver });
    if (reason !== undefined) return into(seen, 'worse', look.at, reason);
    return isOver ? into(seen, 'healthy', look.at, null) : seen;
  }

  /** Takes back what was done, and closes the roll-out when all is done that can be. */
  async #takeBack(rollout: RolloutRow): Promise<void> {
    const members = await this.store.members(rollout.id, { states: CHANGED });
    const isLate = Date.now() - (rollout.endedAt ?? 0) > this.times.revertMs;
    let open = 0;
    await forEach(
      members.filter(({ memo }) => memo.isLost !== true),
      async (member) => {
        const changed = await this.#return(rollout, member, isLate);
        if (changed) await this.store.save(rollout.id, changed);
        else open++;
      },
    );
    if (open === 0) await this.store.close(rollout.id);
  }

  /** Undefined while it is under way. */
  async #return({ version }: RolloutRow, member: Member, isLate: boolean): Promise<Member | undefined> {
    const figures = await this.fleet.inspect(member.agentId);
    const now = Date.now();
    if (figures && !isUnderWay(figures, version)) return into(member, 'reverted', now, member.reason);
    const minutes = Math.round(this.times.revertMs / 60_000);
    if (isLate) {
      const what = figures ? `still runs ${figures.version}` : 'did not answer';
      return lost(member, `it ${what} ${minutes} minutes after the roll-out was stopped`);
    }
    if (figures?.version !== version) return undefined;
    const outcome = await this.fleet.revert(member.agentId);
    return typeof outcome === 'string' ? undefined : lost(member, `it cannot go back: ${outcome.refused}`);
  }
}

/** Whether an agent runs a version, or is about to. */
function isUnderWay({ version: own, update }: AgentFigures, version: string): boolean {
  return own === version || ((update.state === 'fetching' || update.state === 'trial') && update.version === version);
}

/** Agents in any state. */
function sum(counts: Rollout['counts']): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

function into(member: Member, state: Member['state'], now: number, reason: string | null): Member {
  return { ...member, state, since: now, reason };
}

function lost(member: Member, why: string): Member {
  const reason = member.reason === null ? why : `${member.reason}; ${why}`;
  return { ...member, reason, memo: { ...member.memo, isLost: true } };
}

function reasonOf([first = '', ...others]: string[]): string {
  return others.length === 0 ? first : `${first}, and ${others.length} more are worse off`;
}
