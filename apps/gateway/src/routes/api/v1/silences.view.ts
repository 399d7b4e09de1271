import type { Silence, SilenceDraft } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { instant, isoSeconds } from '../../../http/query.js';
import { MatchersBody, MatchersView, toMatchersView } from './matchers.view.js';

/** A silence as somebody writes it. */
export const SilenceBody = z
  .object({
    matchers: MatchersBody,
    starts_at: instant.optional().describe('now, where it is left out'),
    ends_at: instant,
    comment: z.string().max(1000).default(''),
  })
  .refine(({ starts_at: from, ends_at: to }) => from === undefined || to > from, {
    path: ['ends_at'],
    error: 'must be after starts_at',
  });

/** A silence: alerts that match raise no messages while it is active. */
export const SilenceView = z.object({
  id: z.uuid(),
  matchers: MatchersView,
  starts_at: isoTime,
  ends_at: isoTime,
  comment: z.string(),
  created_by: z.string(),
  created_at: isoTime,
  status: z.enum(['pending', 'active', 'expired']),
  alerts: z.int().describe('open alerts that it keeps quiet'),
});

/** What somebody wrote, as a draft. */
export function toSilenceDraft(body: z.infer<typeof SilenceBody>, now: number): SilenceDraft {
  const { matchers, starts_at: startsAt = now, ends_at: endsAt, comment } = body;
  return { matchers, startsAt, endsAt, comment };
}

/** See {@link SilenceView}. */
export function toSilenceView(silence: Silence, now: number): z.infer<typeof SilenceView> {
  const { id, matchers, startsAt, endsAt, comment, createdBy, createdAt, alerts } = silence;
  return {
    id,
    matchers: toMatchersView(matchers),
    starts_at: isoSeconds(startsAt),
    ends_at: isoSeconds(endsAt),
    comment,
    created_by: createdBy,
    created_at: isoSeconds(createdAt),
    status: endsAt <= now ? 'expired' : startsAt > now ? 'pending' : 'active',
    alerts,
  };
}
