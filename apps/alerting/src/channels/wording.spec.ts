import { sampleMessages } from './sample';
import { cut, span, textOf, titleOf } from './wording';

const [firing, resolved, summary, bare] = sampleMessages();
if (!firing || !resolved || !summary || !bare) throw new Error('four samples');
const [alert] = firing.alerts;
if (!alert) throw new Error('an alert');

describe('words', () => {
  it.each([
    [0, '0s'],
    [42_000, '42s'],
    [303_000, '5m 3s'],
    [7_200_000, '2h'],
    [7_500_999, '2h 5m'],
    [3 * 86_400_000 + 4 * 3_600_000 + 1, '3d 4h'],
    [-5, '0s'],
  ])('%d ms are %s', (ms, text) => expect(span(ms)).toBe(text));

  it('are cut between characters', () => {
    expect(cut('ab😀cd', 4)).toBe('ab😀…');
    expect(cut('ab😀', 3)).toBe('ab😀');
  });
});

describe('the title', () => {
  it('says what has happened to what, on one line', () => {
    expect(titleOf(firing)).toBe('Critical: cpu of web "01"\\ <&> ä😀');
    expect(titleOf(resolved)).toMatch(/^Resolved: cpu of/);
    expect(titleOf(bare)).toMatch(/^Still critical: cpu of/);
    expect(titleOf(summary)).toBe('During quiet hours: 12 alerts');
    expect(titleOf({ ...firing, kind: 'test' })).toBe('Test message from Lapwing');
  });
  it('is never longer than 150 characters', () =>
    expect(titleOf({ ...firing, alerts: [{ ...alert, resourceName: 'x'.repeat(500) }] })).toHaveLength(150));
});

describe('the text', () => {
  it('is the sentence of the alert when there is one alone', () =>
    expect(textOf(firing)).toBe('CPU of web "01"\\ <&> ä😀 is at 95.2 %'));
  it('is never empty', () => expect(textOf(bare)).toMatch(/^cpu of web/));
  it('has a line for each alert, and counts those that are left out', () => {
    const lines = textOf(summary).split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatch(/^resolved: web/);
    expect(lines[3]).toBe('and 9 more');
  });
  it('is never longer than 1000 characters', () => {
    const alerts = Array.from({ length: 30 }, () => ({ ...alert, message: '😀'.repeat(300) }));
    const text = textOf({ ...firing, alerts, total: 30 });
    expect(Array.from(text).length).toBeLessThanOrEqual(1000);
    expect(text).toMatch(/and 26 more$/);
  });
});
