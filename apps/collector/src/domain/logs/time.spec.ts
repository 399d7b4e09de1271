import { timeOf } from './time';

const NOW = Date.UTC(2026, 10, 21, 22);
const at = Date.UTC(2026, 10, 21, 21);
const local = (...parts: [number, number, number, number, number, number, number?]) => new Date(...parts).getTime();
const localAt = local(2026, 10, 21, 21, 0, 0);

describe('the time that a line tells', () => {
  it.each([
    ['2026-11-21T21:00:00Z x', at],
    ['2026-11-21T21:00:00.123456789Z x', at + 123],
    ['[2026-11-21T22:00:00,5+01:00] x', at + 500],
    ['2026-11-21T13:30:00-0730 x', at],
    ['2026-11-21 21:00:00+00 x', at],
    ['2026-11-21 21:00:00.250 UTC [12] LOG:  x', at + 250],
    ['2026-11-21 21:00:00,123 - root - ERROR - x', localAt + 123],
    ['2026/11/21 21:00:00 [error] 12#12: x', localAt],
    ['Nov 21 21:00:00 host app: x', localAt],
    ['Nov  1 21:00:00 host app: x', local(2026, 10, 1, 21, 0, 0)],
    ['<13>Nov 21 21:00:00 host x', localAt],
    ['Dec 25 08:00:00 host x', local(2025, 11, 25, 8, 0, 0)],
    ['[Sat Nov 21 21:00:00.5 2026] [core:error] x', localAt + 500],
    ['127.0.0.1 - frank [21/Nov/2026:22:00:00 +0100] "GET / HTTP/1.1"', at],
    ['1:M 21 Nov 2026 21:00:00.123 * Ready', localAt + 123],
    ['E1121 21:00:00.123456       1 x.go:1] x', localAt + 123],
    ['E, [2026-11-21T21:00:00.1 #12] ERROR -- : x', localAt + 100],
    [`${at / 1000} x`, at],
    [`${at / 1000}.5 x`, at + 500],
    [`[${at + 7}] x`, at + 7],
    [`type=SYSCALL msg=audit(${at / 1000}.243:7): x`, at + 243],
    ['{"msg":"x","time":"2026-11-21T21:00:00Z"}', at],
    [`{"level":30,"time":${at + 1}}`, at + 1],
    [`{"ts":${at / 1000}.25}`, at + 250],
    [`{"nested":{"ts":1},"@timestamp":"2026-11-21T21:00:00.007Z"}`, at + 7],
    [`{"timestamp":"${at}000"}`, at],
    ['level=info ts=2026-11-21T21:00:00.5Z x', at + 500],
    ['time="2026-11-21T21:00:00Z" level=info', at],
    [`ts=${at / 1000}.125 level=info`, at + 125],
    ['1999-12-31T23:59:59Z x', undefined],
    ['2026-11-22T21:00:00Z x', at + 86_400_000],
    ['2026-11-23T21:00:00Z x', undefined],
    ['2026-02-30T21:00:00Z x', undefined],
    ['2026-13-01T21:00:00Z x', undefined],
    ['2026-11-21T25:00:00Z x', undefined],
    ['it was seen last on 2026-11-21T21:00:00Z', undefined],
    ['12345 bottles', undefined],
    ['Novel 21', undefined],
    ['{"time":{"time":1}}', undefined],
    ['{"time":"yesterday"}', undefined],
    [`${' '.repeat(250)}2026-11-21T21:00:00Z`, undefined],
    ['', undefined],
  ])('%j: %s', (text, time) => {
    expect(timeOf(text, NOW)).toBe(time);
  });

  it('knows the last days of February, and a year that has just ended', () => {
    expect(timeOf('2024-02-29T00:00:00Z', NOW)).toBe(Date.UTC(2024, 1, 29));
    expect(timeOf('2025-02-29T00:00:00Z', NOW)).toBeUndefined();
    expect(timeOf('Feb 29 00:00:00 x', local(2024, 2, 1, 0, 0, 0))).toBe(local(2024, 1, 29, 0, 0, 0));
    expect(timeOf('Dec 31 23:59:59 x', local(2027, 0, 1, 0, 0, 1))).toBe(local(2026, 11, 31, 23, 59, 59));
    expect(timeOf('Jan  1 00:00:01 x', local(2026, 11, 31, 23, 59, 59))).toBe(local(2027, 0, 1, 0, 0, 1));
  });

  it('comes to an end, whatever the line is', () => {
    const hostile = ['{"', '{"time":', 'ts=', '[', '1', '\\'].map((part) => part.repeat(200_000));
    expect(hostile.map((text) => timeOf(text, NOW))).toEqual(Array(6).fill(undefined));
  });
});
