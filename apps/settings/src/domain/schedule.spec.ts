import { cutoff, isLate, nextDue } from './schedule';

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(`2026-01-${text}Z`);
const last = (text: string, hasFailed = false) => ({ startedAt: at(text), hasFailed });

describe('the schedule of cleanups', () => {
  it.each([
    ['set up in the night', null, at('15T02:00:00'), at('15T03:00:00')],
    ['set up at three', null, at('15T03:00:00'), at('16T03:00:00')],
    ['set up in the morning', null, at('15T09:00:00'), at('16T03:00:00')],
    ['the one of today has run', last('15T03:00:04'), at('01T00:00:00'), at('16T03:00:00')],
    ['the one of yesterday was made up for before three', last('15T01:00:00'), at('01T00:00:00'), at('15T03:00:00')],
    ['many were missed', last('03T03:00:00'), at('01T00:00:00'), at('04T03:00:00')],
    ['the last one failed', last('15T03:00:00', true), at('01T00:00:00'), at('15T03:15:00')],
  ])('is due: %s', (_, before, setUpAt, due) => {
    expect(nextDue(before, setUpAt)).toBe(due);
  });

  it('is late after two hours', () => {
    expect([isLate(0, 2 * HOUR), isLate(0, 2 * HOUR + 1)]).toEqual([false, true]);
  });

  it('draws the line at the full hour', () => {
    expect(cutoff(at('31T10:59:59.999'), 30)).toBe(at('01T10:00:00'));
    expect(cutoff(at('31T10:00:00'), 30)).toBe(at('01T10:00:00'));
  });
});
