import { weekdays, type MaintenanceSchedule } from '@lapwing/contracts';
import { inMaintenance, maintenanceSpan, nextMaintenance, type MaintenanceWindow } from './maintenance';
import type { Subject } from './silence';
import type { Span } from './zoned';

const at = (iso: string): number => Date.parse(iso);
const window = (schedule: MaintenanceSchedule, changes: Partial<MaintenanceWindow> = {}): MaintenanceWindow => ({
  id: 'w',
  name: 'updates',
  matchers: [{ name: 'node', op: '=', value: 'pve-1' }],
  enabled: true,
  timezone: 'Europe/Berlin',
  schedule,
  ...changes,
});
const short = (span: Span | null): string | null =>
  span && [span.from, span.to].map((one) => new Date(one).toISOString().slice(0, 16)).join(' ');

const once: MaintenanceSchedule = { kind: 'once', startsAt: at('2026-01-09T20:00Z'), endsAt: at('2026-01-09T22:00Z') };
/** 2026-01-09 is a Friday. */
const fridays: MaintenanceSchedule = { kind: 'weekly', days: ['friday'], start: '23:00', durationMinutes: 120 };
const sundays: MaintenanceSchedule = { kind: 'weekly', days: ['sunday'], start: '02:30', durationMinutes: 60 };
const week: MaintenanceSchedule = { kind: 'weekly', days: ['friday'], start: '12:00', durationMinutes: 10_080 };
const twoDays: MaintenanceSchedule = {
  kind: 'weekly',
  days: ['monday', 'tuesday'],
  start: '00:00',
  durationMinutes: 2880,
};
const never: MaintenanceSchedule = { kind: 'weekly', days: [], start: '00:00', durationMinutes: 60 };
const monthEnd: MaintenanceSchedule = { kind: 'monthly', day: 31, start: '23:30', durationMinutes: 60 };
const first: MaintenanceSchedule = { kind: 'monthly', day: 1, start: '00:00', durationMinutes: 10_080 };

describe('maintenance', () => {
  it.each<[string, MaintenanceSchedule, string, string | null]>([
    ['once, before', once, '2026-01-09T19:59Z', null],
    ['once, at its start', once, '2026-01-09T20:00Z', '2026-01-09T20:00 2026-01-09T22:00'],
    ['once, at its end', once, '2026-01-09T22:00Z', null],
    ['weekly, before', fridays, '2026-01-09T21:59Z', null],
    ['weekly, at its start', fridays, '2026-01-09T22:00Z', '2026-01-09T22:00 2026-01-10T00:00'],
    ['weekly, after midnight', fridays, '2026-01-09T23:59Z', '2026-01-09T22:00 2026-01-10T00:00'],
    ['weekly, at its end', fridays, '2026-01-10T00:00Z', null],
    ['weekly, another day', fridays, '2026-01-08T22:30Z', null],
    ['weekly in summer', fridays, '2026-07-10T21:30Z', '2026-07-10T21:00 2026-07-10T23:00'],
    ['a start that does not exist', sundays, '2026-03-29T01:59Z', '2026-03-29T01:00 2026-03-29T02:00'],
    ['a start that comes twice', sundays, '2026-10-25T01:29Z', '2026-10-25T00:30 2026-10-25T01:30'],
    ['a start that comes twice, the second', sundays, '2026-10-25T01:30Z', null],
    ['a whole week, its last minute', week, '2026-01-16T10:59Z', '2026-01-09T11:00 2026-01-16T11:00'],
    ['a whole week, the next', week, '2026-01-16T11:00Z', '2026-01-16T11:00 2026-01-23T11:00'],
    ['a week in which clocks are put forward', week, '2026-04-03T10:30Z', '2026-04-03T10:00 2026-04-10T10:00'],
    ['two that overlap, the first alone', twoDays, '2026-01-12T12:00Z', '2026-01-11T23:00 2026-01-13T23:00'],
    ['two that overlap, both', twoDays, '2026-01-13T12:00Z', '2026-01-12T23:00 2026-01-14T23:00'],
    ['on no day', never, '2026-01-13T12:00Z', null],
    ['the last of a long month', monthEnd, '2026-01-31T22:30Z', '2026-01-31T22:30 2026-01-31T23:30'],
    ['the last of a long month, in the next', monthEnd, '2026-01-31T23:29Z', '2026-01-31T22:30 2026-01-31T23:30'],
    ['the last of February', monthEnd, '2026-02-28T22:30Z', '2026-02-28T22:30 2026-02-28T23:30'],
    ['the last of February in a leap year', monthEnd, '2024-02-29T22:30Z', '2024-02-29T22:30 2024-02-29T23:30'],
    ['not the day before it', monthEnd, '2024-02-28T22:30Z', null],
    ['the last of the year, in the next', monthEnd, '2026-12-31T23:15Z', '2026-12-31T22:30 2026-12-31T23:30'],
    ['the first week of a month', first, '2026-03-07T22:59Z', '2026-02-28T23:00 2026-03-07T23:00'],
    ['after the first week of a month', first, '2026-03-07T23:00Z', null],
  ])('%s', (_, schedule, instant, expected) =>
    expect(short(maintenanceSpan(window(schedule), at(instant)))).toBe(expected),
  );

  it.each<[string, MaintenanceSchedule, string, string | null]>([
    ['once, before', once, '2026-01-09T19:59Z', '2026-01-09T20:00 2026-01-09T22:00'],
    ['once, at its start', once, '2026-01-09T20:00Z', null],
    ['once, that ends before it starts', { ...once, endsAt: 0 }, '2026-01-01T00:00Z', null],
    ['weekly, today', fridays, '2026-01-09T21:59Z', '2026-01-09T22:00 2026-01-10T00:00'],
    ['weekly, during it', fridays, '2026-01-09T22:00Z', '2026-01-16T22:00 2026-01-17T00:00'],
    ['weekly, across the change to summer', fridays, '2026-03-28T12:00Z', '2026-04-03T21:00 2026-04-03T23:00'],
    ['weekly, during a whole week', week, '2026-01-12T00:00Z', '2026-01-16T11:00 2026-01-23T11:00'],
    ['weekly, on no day', never, '2026-01-12T00:00Z', null],
    ['monthly, this month', monthEnd, '2026-01-31T22:29Z', '2026-01-31T22:30 2026-01-31T23:30'],
    ['monthly, the next', monthEnd, '2026-01-31T22:30Z', '2026-02-28T22:30 2026-02-28T23:30'],
    ['monthly, the next year', monthEnd, '2026-12-31T22:30Z', '2027-01-31T22:30 2027-01-31T23:30'],
  ])('next: %s', (_, schedule, instant, expected) =>
    expect(short(nextMaintenance(window(schedule), at(instant)))).toBe(expected),
  );

  it('is none when switched off', () => {
    for (const schedule of [once, fridays, monthEnd]) {
      const off = window(schedule, { enabled: false });
      expect(maintenanceSpan(off, at('2026-01-09T21:00Z'))).toBeNull();
      expect(nextMaintenance(off, at('2026-01-01T00:00Z'))).toBeNull();
    }
  });

  it.each(['Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'America/St_Johns', 'Pacific/Apia'])(
    'in %s comes when it was said to come next, and nothing comes before',
    (timezone) => {
      const schedules: MaintenanceSchedule[] = [
        { kind: 'weekly', days: ['tuesday', 'sunday'], start: '00:00', durationMinutes: 90 },
        { kind: 'weekly', days: [...weekdays], start: '02:30', durationMinutes: 1440 },
        { kind: 'monthly', day: 30, start: '23:59', durationMinutes: 4000 },
      ];
      for (const schedule of schedules) {
        const one = window(schedule, { timezone });
        let now = at('2010-10-01T00:00Z');
        while (now < at('2012-06-01T00:00Z')) {
          const next = nextMaintenance(one, now);
          if (!next) throw new Error('none comes');
          const before = maintenanceSpan(one, next.from - 1);
          expect(before === null || before.from <= now).toBe(true);
          expect(maintenanceSpan(one, next.from)).toEqual(next);
          now = next.from;
        }
      }
    },
  );
});

describe('an alert in maintenance', () => {
  const alert: Subject = {
    alertId: 'a',
    type: 'cpu',
    level: 'warning',
    resourceId: 'r',
    resourceName: 'web',
    resourceType: 'vm',
    node: 'pve-1',
    instance: 'home',
  };
  const long = window({ ...once, endsAt: at('2026-01-09T23:00Z') }, { id: 'long' });
  const other = window(once, { id: 'other', matchers: [{ name: 'node', op: '=', value: 'pve-2' }] });
  const all = [other, window(once, { id: 'short' }), long, window(once, { id: 'of nothing', matchers: [] })];
  const idAt = (iso: string) => inMaintenance(all, alert, at(iso))?.window.id;
  it('is in the window that ends last', () => {
    expect(idAt('2026-01-09T20:00Z')).toBe('long');
    expect(short(inMaintenance(all, alert, at('2026-01-09T20:00Z'))?.span ?? null)).toBe(
      '2026-01-09T20:00 2026-01-09T23:00',
    );
  });
  it('is in none outside, or when none matches', () => {
    expect(idAt('2026-01-09T23:00Z')).toBeUndefined();
    expect(inMaintenance([other], alert, at('2026-01-09T20:00Z'))).toBeNull();
  });
});
