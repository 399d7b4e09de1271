import { weekdays, type Weekday } from '@lapwing/contracts';
import { isHeld, quietSpan, type QuietHours } from './quiet-hours';
import type { SignalCategory } from '../signals';
import { wallClockAt } from './zoned';

const MINUTE = 60_000;
const at = (iso: string): number => Date.parse(iso);
const on = (...days: Weekday[]): QuietHours['days'] => ({
  monday: days.includes('monday'),
  tuesday: days.includes('tuesday'),
  wednesday: days.includes('wednesday'),
  thursday: days.includes('thursday'),
  friday: days.includes('friday'),
  saturday: days.includes('saturday'),
  sunday: days.includes('sunday'),
});
const quiet = (changes: Partial<QuietHours> = {}): QuietHours => ({
  enabled: true,
  start: '22:00',
  end: '07:00',
  timezone: 'Europe/Berlin',
  days: on(...weekdays),
  suppress: { performance: false, storage: false, offline: false },
  allowCritical: true,
  ...changes,
});
const spanAt = (instant: string, changes: Partial<QuietHours>): string | null => {
  const span = quietSpan(quiet(changes), at(instant));
  const short = (one: number) => new Date(one).toISOString().slice(5, 16);
  return span && `${short(span.from)} ${short(span.to)}`;
};

/** 2026-01-09 is a Friday. */
describe('quiet hours', () => {
  const weekdaysOnly = on('monday', 'tuesday', 'wednesday', 'thursday', 'friday');
  const noon = { start: '12:00', end: '13:00', timezone: 'UTC' };
  const whole = { start: '06:00', end: '06:00', timezone: 'UTC', days: on('friday') };
  const newYork = { start: '01:00', end: '03:00', timezone: 'America/New_York' };
  const kathmandu = { start: '23:00', end: '00:15', timezone: 'Asia/Kathmandu', days: on('friday') };
  const berlin = { start: '01:30', end: '02:30' };
  it.each<[string, string, Partial<QuietHours>, string | null]>([
    ['switched off', '2026-01-09T23:00Z', { enabled: false }, null],
    ['on no day', '2026-01-09T23:00Z', { days: on() }, null],
    ['a minute early', '2026-01-09T11:59:59.999Z', noon, null],
    ['at the start', '2026-01-09T12:00Z', noon, '01-09T12:00 01-09T13:00'],
    ['before the end', '2026-01-09T12:59:59.999Z', noon, '01-09T12:00 01-09T13:00'],
    ['at the end', '2026-01-09T13:00Z', noon, null],
    ['before midnight', '2026-01-09T22:59Z', {}, '01-09T21:00 01-10T06:00'],
    ['after midnight', '2026-01-09T23:01Z', {}, '01-09T21:00 01-10T06:00'],
    ['after the last allowed day', '2026-01-10T03:00Z', { days: weekdaysOnly }, '01-09T21:00 01-10T06:00'],
    ['at the end after the last allowed day', '2026-01-10T06:00Z', { days: weekdaysOnly }, null],
    ['the evening of a day that is not allowed', '2026-01-10T22:00Z', { days: weekdaysOnly }, null],
    ['before the first allowed day', '2026-01-12T03:00Z', { days: weekdaysOnly }, null],
    ['the evening of the first allowed day', '2026-01-12T21:00Z', { days: weekdaysOnly }, '01-12T21:00 01-13T06:00'],
    ['up to midnight', '2026-01-09T23:59Z', { ...noon, end: '00:00' }, '01-09T12:00 01-10T00:00'],
    ['a whole day, its start', '2026-01-09T06:00Z', whole, '01-09T06:00 01-10T06:00'],
    ['a whole day, its end', '2026-01-10T05:59Z', whole, '01-09T06:00 01-10T06:00'],
    ['a whole day, over', '2026-01-10T06:00Z', whole, null],
    ['a whole day, before', '2026-01-09T05:59Z', whole, null],
    ['every day wholly', '2026-01-10T06:00Z', { ...whole, days: on(...weekdays) }, '01-10T06:00 01-11T06:00'],
    ['45 minutes from the hour', '2026-01-09T18:29Z', kathmandu, '01-09T17:15 01-09T18:30'],
    ['45 minutes from the hour, over', '2026-01-09T18:30Z', kathmandu, null],
    ['the night of the change to summer', '2026-03-29T00:30Z', {}, '03-28T21:00 03-29T05:00'],
    ['the night of the change to winter', '2026-10-25T00:30Z', {}, '10-24T20:00 10-25T06:00'],
    ['an end that does not exist', '2026-03-29T00:59Z', berlin, '03-29T00:30 03-29T01:00'],
    ['an end that does not exist, over', '2026-03-29T01:00Z', berlin, null],
    ['an end that comes twice', '2026-10-25T00:29Z', berlin, '10-24T23:30 10-25T00:30'],
    ['an end that comes twice, over', '2026-10-25T01:10Z', berlin, null],
    ['nothing of which exists', '2026-03-29T01:00Z', { start: '02:10', end: '02:50' }, null],
    ['a start that does not exist', '2026-03-29T01:00Z', { start: '02:10', end: '04:00' }, '03-29T01:00 03-29T02:00'],
    ['New York to summer: an hour', '2026-03-08T06:59Z', newYork, '03-08T06:00 03-08T07:00'],
    ['New York to winter: three hours', '2026-11-01T07:59Z', newYork, '11-01T05:00 11-01T08:00'],
    // Its clocks were put back at 00:01 to 23:01: Sunday had begun, and was over once more.
    [
      'a day that began twice',
      '2010-11-07T02:45Z',
      { start: '00:00', end: '06:00', timezone: 'America/St_Johns', days: on('sunday') },
      '11-07T02:30 11-07T09:30',
    ],
  ])('%s', (_, instant, changes, expected) => expect(spanAt(instant, changes)).toBe(expected));

  it('throw for a zone that is none', () =>
    expect(() => quietSpan(quiet({ timezone: 'Mars/Base' }), 0)).toThrow(RangeError));
});

describe('what is held', () => {
  const inside = at('2026-01-09T23:00Z');
  const until = { until: at('2026-01-10T06:00Z') };
  const only = (category: SignalCategory): Partial<QuietHours> => ({
    suppress: { performance: false, storage: false, offline: false, [category]: true },
  });
  it.each<[string, Partial<QuietHours>, 'warning' | 'critical', SignalCategory, typeof until | null]>([
    ['a warning', {}, 'warning', 'performance', until],
    ['a warning whose category is suppressed', only('storage'), 'warning', 'storage', until],
    ['a warning where critical ones are not allowed', { allowCritical: false }, 'warning', 'offline', until],
    ['a critical one', {}, 'critical', 'performance', null],
    ['a critical one whose category is suppressed', only('storage'), 'critical', 'storage', until],
    ['a critical one of another category', only('storage'), 'critical', 'offline', null],
    ['a critical one where they are not allowed', { allowCritical: false }, 'critical', 'offline', until],
    ['a warning when switched off', { enabled: false }, 'warning', 'performance', null],
  ])('%s', (_, changes, level, category, expected) =>
    expect(isHeld(quiet(changes), inside, { level, category })).toEqual(expected),
  );
  it('is nothing outside quiet hours', () => {
    const strict = quiet({ allowCritical: false, suppress: { performance: true, storage: true, offline: true } });
    for (const level of ['warning', 'critical'] as const)
      expect(isHeld(strict, at('2026-01-09T12:00Z'), { level, category: 'storage' })).toBeNull();
  });
});

/** Numbers from 0 to 1, always the same: mulberry32. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('quiet hours at random', () => {
  const random = numbers(20_260_329);
  const below = (limit: number): number => Math.floor(random() * limit);
  const clock = (): string => `${String(below(24)).padStart(2, '0')}:${String(below(60)).padStart(2, '0')}`;
  const zones = 'UTC Europe/Berlin America/New_York Asia/Kathmandu America/St_Johns America/Havana Asia/Beirut'
    .concat(' Australia/Lord_Howe Antarctica/Troll Pacific/Apia America/Asuncion Africa/Casablanca')
    .split(' ');
  const any = (): QuietHours => {
    const start = clock();
    const days = on(...weekdays.filter(() => random() < 0.6));
    const timezone = zones[below(zones.length)] ?? 'UTC';
    return quiet({ start, end: random() < 0.2 ? start : clock(), days, timezone });
  };
  const instant = (): number => Date.UTC(2005, 0, 1) + below(25 * 365 * 1440) * MINUTE + below(MINUTE);

  it('contain the instant asked for, and are the same for each instant within', () => {
    let found = 0;
    for (let round = 0; round < 2000; round++) {
      const hours = any();
      const asked = instant();
      const span = quietSpan(hours, asked);
      if (!span) continue;
      found++;
      expect(span.from <= asked && asked < span.to).toBe(true);
      const within = [span.from, span.to - 1, span.from + below(span.to - span.from)];
      for (const one of within) expect(quietSpan(hours, one)).toEqual(span);
      for (const outside of [span.from - 1, span.to]) expect(quietSpan(hours, outside)).not.toEqual(span);
    }
    expect(found).toBeGreaterThan(400);
  });

  it('are what the clock on the wall says, where it is never put forward or back', () => {
    const wrong = Array.from({ length: 2000 }, () => ({
      hours: { ...any(), timezone: 'Asia/Kathmandu' },
      asked: instant(),
    })).filter(({ hours, asked }) => (quietSpan(hours, asked) !== null) !== saysTheWall(hours, asked));
    expect(wrong).toEqual([]);
  });
});

/** The same rule said another way: by comparing clocks as text. */
function saysTheWall({ start, end, days, timezone }: QuietHours, asked: number): boolean {
  const { weekday, minute } = wallClockAt(asked, timezone);
  const now = new Date(minute * MINUTE).toISOString().slice(11, 16);
  const yesterday = weekdays[(weekdays.indexOf(weekday) + 6) % 7] ?? 'monday';
  if (start < end) return days[weekday] && start <= now && now < end;
  return (days[weekday] && start <= now) || (days[yesterday] && now < end);
}
