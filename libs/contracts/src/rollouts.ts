import { z } from 'zod';
import { AgentId } from './agent.js';
import { command, request } from './define.js';
import { Actor } from './identity.js';
import { Version } from './updates.js';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);

/** The rings in which agents are updated: shares of all, in percent, the former counted in. */
export const rolloutRings = [1, 5, 25, 100] as const;

export { AGENT_STATEMENT } from './agent-statement.js';

/** What a release's key has signed about the agent's one file. */
export const AgentStatement = z.object({
  schema: z.literal(1),
  version: Version,
  /** Bytes. */
  size: z
    .int()
    .positive()
    .max(2 ** 27),
  /** SHA-256, hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
/** See {@link AgentStatement}. */
export type AgentStatement = z.infer<typeof AgentStatement>;

/** What an agent tells of its own process, and of an update of it. */
export const AgentFigures = z.object({
  version: z.string().max(64),
  /** When the process was started. */
  startedAt: Instant,
  /** Processor time of the process since then, seconds. */
  cpuSeconds: z.number().min(0),
  /** Memory of the process, bytes. */
  rssBytes: z.int().min(0),
  /** Samples that were taken since the process was started. */
  taken: z.int().min(0),
  /** Samples that the outbox gave up since then, because it was full. */
  lost: z.int().min(0),
  /** Samples that wait in the outbox: taken, and not yet stored. */
  waiting: z.int().min(0).optional(),
  /** Why this agent cannot be updated from here; null when it can. */
  problem: z.string().max(300).nullable(),
  update: z.object({
    /**
     * `fetching`: the file is on its way. `trial`: the new version runs, and has not proved itself yet. `failed`: it was given up, the old one
     * runs (again).
     */
    state: z.enum(['idle', 'fetching', 'trial', 'failed']),
    /** The version that is tried or was given up. */
    version: z.string().max(64).nullable(),
    error: z.string().max(300).nullable(),
  }),
});
/** See {@link AgentFigures}. */
export type AgentFigures = z.infer<typeof AgentFigures>;

/** Asks an agent about its own process. */
export const agentInspect = command('agent.inspect.v1', { input: z.object({}), output: AgentFigures });

/**
 * Tells an agent to fetch a version of itself from the server that it knows, to check it against what was signed, and to try it. It answers
 * before it begins. `INVALID_INPUT` for a statement that no key it trusts has signed, or of a version that is not newer;
 * `FORBIDDEN` where it cannot be updated from here.
 */
export const agentUpdate = command('agent.update.v1', {
  input: z.object({
    /** An envelope (DSSE) with an {@link AgentStatement}. */
    statement: z.string().max(8192),
  }),
  output: z.object({ version: Version }),
});

/**
 * Tells an agent to go back to the version that it ran before; `NOT_FOUND` when it knows none. While it fetches one it gives that up instead, and
 * stays what it is.
 */
export const agentRevert = command('agent.revert.v1', {
  input: z.object({}),
  output: z.object({ version: z.string() }),
});

/** How an agent fares in a roll-out. */
export const RolloutAgent = z.object({
  agentId: AgentId,
  /** The index of its ring, from 0. */
  ring: z.int().min(0).max(3),
  /**
   * `waiting` for its ring; `updating`; `watched`; `healthy` after its ring was watched; `worse`: the reason to stop; `reverted`: it runs
   * the old version again; `skipped`: it cannot be updated, or was away.
   */
  state: z.enum(['waiting', 'updating', 'watched', 'healthy', 'worse', 'reverted', 'skipped']),
  versionFrom: z.string(),
  reason: z.string().nullable(),
});
/** See {@link RolloutAgent}. */
export type RolloutAgent = z.infer<typeof RolloutAgent>;

/** A roll-out of one version of the agent over the fleet. */
export const Rollout = z.object({
  id: z.uuid(),
  version: z.string(),
  /** `stopped` by a person or because agents fared worse; `completed` when all that could be are updated. */
  status: z.enum(['running', 'completed', 'stopped']),
  /** The index of the ring that is under way, from 0. */
  ring: z.int().min(0).max(3),
  startedAt: Instant,
  endedAt: Instant.nullable(),
  startedBy: z.string(),
  /** Why it was stopped. */
  reason: z.string().nullable(),
  counts: z.record(RolloutAgent.shape.state, z.int()),
});
/** See {@link Rollout}. */
export type Rollout = z.infer<typeof Rollout>;

/** The last roll-out, and how its first 500 agents fare; null when there never was one. */
export const rolloutGet = request('req.updates.rollout.get.v1', {
  input: z.object({}),
  output: z.object({
    rollout: Rollout.nullable(),
    agents: z.array(RolloutAgent),
    /** The version that this server has for agents; null without a signed one. */
    available: z.string().nullable(),
  }),
});

/** Begins to roll out the server's version of the agent. `UPDATE_IN_PROGRESS`, `UPDATE_NOT_AVAILABLE`. */
export const rolloutStart = request('req.updates.rollout.start.v1', {
  input: z.object({ actor: Actor }),
  output: Rollout,
});

/** Stops the roll-out that runs, and takes back what it did. `NOT_FOUND`. */
export const rolloutStop = request('req.updates.rollout.stop.v1', {
  input: z.object({ actor: Actor }),
  output: Rollout,
});
