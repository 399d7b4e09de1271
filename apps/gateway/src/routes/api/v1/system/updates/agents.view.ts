import { Rollout, RolloutAgent, rolloutRings, type OutputOf, type rolloutGet } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../../../http/answer.js';
import { isoSeconds } from '../../../../../http/query.js';

/** A roll-out of the agent. */
export const RolloutView = Rollout.omit({ startedAt: true, endedAt: true }).extend({
  percent: z.int().describe('share of the fleet that the ring under way reaches, the former counted in'),
  startedAt: isoTime,
  endedAt: isoTime.nullable(),
});

/** The last roll-out, and what this server has. */
export const RolloutsView = z.object({
  available: z.string().nullable().describe('version of the agent that this server has; null without a signed one'),
  rollout: RolloutView.nullable(),
  agents: z.array(RolloutAgent).describe('the first 500, by ring'),
});

/** A roll-out, for people. */
export function toRolloutView({ startedAt, endedAt, ...rollout }: Rollout): z.infer<typeof RolloutView> {
  return {
    ...rollout,
    percent: rolloutRings[rollout.ring] ?? 100,
    startedAt: isoSeconds(startedAt),
    endedAt: endedAt === null ? null : isoSeconds(endedAt),
  };
}

/** The last roll-out, for people. */
export function toRolloutsView({
  available,
  rollout,
  agents,
}: OutputOf<typeof rolloutGet>): z.infer<typeof RolloutsView> {
  return { available, rollout: rollout && toRolloutView(rollout), agents };
}
