import { severityBands, severityOf, toSeverityScale } from './severity.view';

describe('severities', () => {
  it('cover all scores without a gap', () => {
    expect(severityBands[0].min_score).toBe(0);
    expect(severityBands.at(-1)?.max_score).toBe(100);
    for (const [index, band] of severityBands.slice(1).entries())
      expect(band.min_score).toBe((severityBands[index]?.max_score ?? 0) + 1);
  });

  it.each([
    [0, 'low'],
    [29, 'low'],
    [30, 'medium'],
    [59, 'medium'],
    [60, 'high'],
    [84, 'high'],
    [85, 'critical'],
    [100, 'critical'],
  ])('of %s is %s', (score, severity) => expect(severityOf(score)).toBe(severity));

  it('are as documented', () =>
    expect(toSeverityScale()).toMatchObject({
      definitions: [
        { label: 'Low', color: '#22c55e', priority: 3 },
        { label: 'Medium', color: '#eab308', priority: 2 },
        { label: 'High', color: '#f97316', priority: 1 },
        { label: 'Critical', description: 'Immediate attention required', priority: 0 },
      ],
      thresholds: { low_max: 29, medium_max: 59, high_max: 84 },
    }));
});
