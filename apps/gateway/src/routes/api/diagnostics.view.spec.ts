import { requestFigures } from './diagnostics.view';

const sample = (end: string, value: number, labels: object) => ({ metricName: `seconds${end}`, value, labels });

describe('the figures of requests', () => {
  it('are nothing before the first one', () => {
    expect(requestFigures([])).toEqual({ count: 0, failed: 0, p50Ms: null, p95Ms: null });
  });

  it('are summed up over all routes, by the classes of the histogram', () => {
    const classes = (status: string, counts: number[]) => [
      ...[0.001, 0.1, 10].map((le, at) => sample('_bucket', counts[at] ?? 0, { status, le })),
      sample('_bucket', counts[3] ?? 0, { status, le: '+Inf' }),
      sample('_count', counts[3] ?? 0, { status }),
    ];
    const values = [...classes('200', [60, 80, 90, 90]), ...classes('503', [0, 5, 5, 10])];
    expect(requestFigures(values)).toEqual({ count: 100, failed: 10, p50Ms: 1, p95Ms: 10_000 });
    expect(requestFigures(classes('200', [0, 0, 0, 4]))).toEqual({ count: 4, failed: 0, p50Ms: null, p95Ms: null });
  });
});
