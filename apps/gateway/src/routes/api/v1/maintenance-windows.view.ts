import { MaintenanceDraft, MaintenanceSchedule, weekdays, type MaintenanceWindow } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { instant, isoSeconds } from '../../../http/query.js';
import { isoOrNull } from './alerts.view.js';
import { MatchersBody, MatchersView, toMatchersView } from './matchers.view.js';

const start = z.string().describe('a time of day in the time zone of the window, HH:MM');
const duration_minutes = z.int();
const weekly = z.object({ kind: z.literal('weekly'), days: z.array(z.enum(weekdays)), start, duration_minutes });
const monthly = z.object({
  kind: z.literal('monthly'),
  day: z.int().describe("the month's last day where it has fewer"),
  start,
  duration_minutes,
});
const ScheduleBody = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('once'), starts_at: instant, ends_at: instant }),
  weekly,
  monthly,
]);
const ScheduleView = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('once'), starts_at: isoTime, ends_at: isoTime }),
  weekly,
  monthly,
]);

const { name, enabled, timezone } = MaintenanceDraft.shape;

/** A maintenance window as somebody writes it. */
export const WindowBody = z.object({ name, enabled, matchers: MatchersBody, timezone, schedule: ScheduleBody });

/** A stretch of time that comes again, in which alerts that match raise no messages. */
export const WindowView = z.object({
  id: z.uuid(),
  name: z.string(),
  enabled: z.boolean(),
  matchers: MatchersView,
  timezone: z.string(),
  schedule: ScheduleView,
  created_by: z.string(),
  created_at: isoTime,
  active_until: isoTime.nullable().describe('null unless it holds now'),
  next_at: isoTime.nullable().describe('when it comes next'),
});

/** What somebody wrote, as a draft; what it may hold is for the service of alerts to say. */
export function toWindowDraft({ schedule, ...rest }: z.infer<typeof WindowBody>): MaintenanceDraft {
  if (schedule.kind === 'once')
    return { ...rest, schedule: { kind: 'once', startsAt: schedule.starts_at, endsAt: schedule.ends_at } };
  const { duration_minutes: durationMinutes, ...others } = schedule;
  return { ...rest, schedule: { ...others, durationMinutes } };
}

function toScheduleView(schedule: MaintenanceSchedule): z.infer<typeof ScheduleView> {
  if (schedule.kind === 'once')
    return { kind: 'once', starts_at: isoSeconds(schedule.startsAt), ends_at: isoSeconds(schedule.endsAt) };
  const { durationMinutes, ...others } = schedule;
  return { ...others, duration_minutes: durationMinutes };
}

/** See {@link WindowView}. */
export function toWindowView(window: MaintenanceWindow): z.infer<typeof WindowView> {
  const { matchers, schedule, createdBy, createdAt, activeUntil, nextAt, ...rest } = window;
  return {
    ...rest,
    matchers: toMatchersView(matchers),
    schedule: toScheduleView(schedule),
    created_by: createdBy,
    created_at: isoSeconds(createdAt),
    active_until: isoOrNull(activeUntil),
    next_at: isoOrNull(nextAt),
  };
}
