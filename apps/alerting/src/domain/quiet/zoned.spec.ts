import { AlertConfig, TimeZone } from '@lapwing/contracts';
import { addDays, dayOfMonth, instantOf, minuteOf, wallClockAt, weekdayOf, type CalendarDate } from './zoned';

const MINUTE = 60_000;
const isClock = (start: string): boolean => AlertConfig.safeParse({ schedule: { quietHours: { start } } }).success;
const at = (iso: string): number => Date.parse(iso);
const day = (text: string): CalendarDate => {
  const [year = 0, month = 0, date = 0] = text.split('-').map(Number);
  return { year, month, day: date };
};
const iso = (date: string, clock: string, zone: string): string =>
  new Date(instantOf(day(date), clock, zone)).toISOString().replace(':00.000Z', 'Z');

describe('a time zone', () => {
  it.each([
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Asia/Kathmandu',
    'America/Argentina/Buenos_Aires',
    'Etc/GMT+1',
  ])('%s is one', (name) => expect(TimeZone.safeParse(name).success).toBe(true));
  it.each([
    '',
    ' UTC',
    'UTC ',
    '+01:00',
    '-0500',
    'Europe',
    'Europe/Atlantis',
    'Mars/Base',
    `A${'a'.repeat(10_000)}`,
    '../UTC',
  ])('%j is none', (name) => expect(TimeZone.safeParse(name).success).toBe(false));
  it('that is none is said to be', () => expect(() => wallClockAt(0, 'Mars/Base')).toThrow(RangeError));
  it('is still known after all the others were asked for', () => {
    const before = wallClockAt(0, 'Europe/Berlin');
    for (const name of Intl.supportedValuesOf('timeZone')) expect(TimeZone.safeParse(name).success).toBe(true);
    expect(wallClockAt(0, 'Europe/Berlin')).toEqual(before);
  });
});

describe('a time of day', () => {
  it.each(['00:00', '09:05', '19:59', '23:59'])('%s is one', (text) => expect(isClock(text)).toBe(true));
  it.each(['', '24:00', '25:00', '12:60', '7:00', '07:0', '07:00:00', '07:00\n', ' 07:00', '-1:00', '٠٧:٠٠'])(
    '%j is none',
    (text) => expect(isClock(text)).toBe(false),
  );
  it.each([
    ['00:00', 0],
    ['07:30', 450],
    ['23:59', 1439],
  ])('%s is minute %d', (text, minute) => expect(minuteOf(text)).toBe(minute));
});

describe('the wall clock', () => {
  it.each<[string, string, string, string, number]>([
    ['UTC', '2024-02-29T23:59:59.999Z', '2024-02-29', 'thursday', 1439],
    ['UTC', '1970-01-01T00:00:00Z', '1970-01-01', 'thursday', 0],
    ['Europe/Berlin', '2026-01-31T23:30:00Z', '2026-02-01', 'sunday', 30],
    ['Europe/Berlin', '2026-07-05T22:00:00Z', '2026-07-06', 'monday', 0],
    ['Europe/Berlin', '2026-03-29T00:59:59Z', '2026-03-29', 'sunday', 119],
    ['Europe/Berlin', '2026-03-29T01:00:00Z', '2026-03-29', 'sunday', 180],
    ['Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25', 'sunday', 150],
    ['Europe/Berlin', '2026-10-25T01:30:00Z', '2026-10-25', 'sunday', 150],
    ['America/New_York', '2026-01-01T04:59:00Z', '2025-12-31', 'wednesday', 1439],
    ['Asia/Kathmandu', '2026-01-02T18:15:00Z', '2026-01-03', 'saturday', 0],
    ['Asia/Kathmandu', '2026-01-02T18:14:59Z', '2026-01-02', 'friday', 1439],
    // Its clock was behind by 44 minutes and 30 seconds.
    ['Africa/Monrovia', '1970-01-01T00:44:30Z', '1970-01-01', 'thursday', 0],
  ])('in %s at %s shows %s, %s, minute %d', (zone, instant, date, weekday, minute) =>
    expect(wallClockAt(at(instant), zone)).toEqual({ ...day(date), weekday, minute }),
  );
});

describe('the instant of a wall clock', () => {
  it.each<[string, string, string, string, string]>([
    ['an ordinary time', 'Europe/Berlin', '2026-01-15', '08:00', '2026-01-15T07:00Z'],
    ['an ordinary time in summer', 'Europe/Berlin', '2026-07-15', '08:00', '2026-07-15T06:00Z'],
    ['the last minute before the gap', 'Europe/Berlin', '2026-03-29', '01:59', '2026-03-29T00:59Z'],
    ['the first that does not exist', 'Europe/Berlin', '2026-03-29', '02:00', '2026-03-29T01:00Z'],
    ['one that does not exist', 'Europe/Berlin', '2026-03-29', '02:30', '2026-03-29T01:00Z'],
    ['the first after the gap', 'Europe/Berlin', '2026-03-29', '03:00', '2026-03-29T01:00Z'],
    ['later that day', 'Europe/Berlin', '2026-03-29', '03:30', '2026-03-29T01:30Z'],
    ['the last minute that comes once', 'Europe/Berlin', '2026-10-25', '01:59', '2026-10-24T23:59Z'],
    ['the first that comes twice', 'Europe/Berlin', '2026-10-25', '02:00', '2026-10-25T00:00Z'],
    ['one that comes twice', 'Europe/Berlin', '2026-10-25', '02:30', '2026-10-25T00:30Z'],
    ['the first that comes once again', 'Europe/Berlin', '2026-10-25', '03:00', '2026-10-25T02:00Z'],
    ['one that does not exist', 'America/New_York', '2026-03-08', '02:30', '2026-03-08T07:00Z'],
    ['the midnight after it', 'America/New_York', '2026-03-09', '00:00', '2026-03-09T04:00Z'],
    ['one that comes twice', 'America/New_York', '2026-11-01', '01:30', '2026-11-01T05:30Z'],
    ['the first that comes once again', 'America/New_York', '2026-11-01', '02:00', '2026-11-01T07:00Z'],
    ['quarters of an hour', 'Asia/Kathmandu', '2026-05-01', '00:00', '2026-04-30T18:15Z'],
    ['half an hour of summer time', 'Australia/Lord_Howe', '2026-10-04', '02:15', '2026-10-03T15:30Z'],
    ['a midnight that does not exist', 'America/Havana', '2026-03-08', '00:00', '2026-03-08T05:00Z'],
    ['a day that was left out', 'Pacific/Apia', '2011-12-30', '12:00', '2011-12-30T10:00Z'],
  ])('%s in %s: %s %s', (_, zone, date, clock, expected) => expect(iso(date, clock, zone)).toBe(expected));

  it.each([
    ['Europe/Berlin', '2026-03-29'],
    ['Europe/Berlin', '2026-10-25'],
    ['America/New_York', '2026-03-08'],
    ['America/New_York', '2026-11-01'],
    ['America/St_Johns', '2010-11-06'],
    ['Antarctica/Troll', '2026-03-29'],
    ['Asia/Kathmandu', '2026-03-29'],
  ])('is the first that shows it or more: every minute in %s on %s', (zone, date) => {
    const start = Date.parse(`${date}T00:00Z`) - 15 * 60 * MINUTE;
    const shown = Array.from({ length: 60 * 60 }, (_, index) => {
      const { year, month, day: dayOf, minute } = wallClockAt(start + index * MINUTE, zone);
      return Date.UTC(year, month - 1, dayOf) + minute * MINUTE;
    });
    const wrong = Array.from({ length: 1440 }, (_, minute) => minute).filter((minute) => {
      const wall = Date.parse(`${date}T00:00Z`) + minute * MINUTE;
      const first = start + shown.findIndex((one) => one >= wall) * MINUTE;
      const clock = new Date(wall).toISOString().slice(11, 16);
      return instantOf(day(date), clock, zone) !== first;
    });
    expect(wrong).toEqual([]);
  });
});

describe('dates', () => {
  it.each([
    ['2024-02-28', 1, '2024-02-29'],
    ['2026-02-28', 1, '2026-03-01'],
    ['2026-01-01', -1, '2025-12-31'],
    ['2026-03-29', 7, '2026-04-05'],
  ])('%s and %d days is %s', (from, days, expected) => expect(addDays(day(from), days)).toEqual(day(expected)));
  it.each([
    ['2026-01-31', 0, 31, '2026-01-31'],
    ['2026-01-31', 1, 31, '2026-02-28'],
    ['2024-01-31', 1, 30, '2024-02-29'],
    ['2026-01-15', -1, 31, '2025-12-31'],
    ['2026-12-15', 1, 1, '2027-01-01'],
    ['2026-11-15', 2, 5, '2027-01-05'],
  ])('from %s, %d months on, day %d is %s', (from, months, wanted, expected) =>
    expect(dayOfMonth(day(from), months, wanted)).toEqual(day(expected)),
  );
  it.each([
    ['2026-01-05', 'monday'],
    ['2026-01-11', 'sunday'],
    ['2024-02-29', 'thursday'],
  ])('%s is a %s', (date, expected) => expect(weekdayOf(day(date))).toBe(expected));
});
