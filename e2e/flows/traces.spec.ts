import { eventually } from '@lapwing/testing';
import { Lapwing } from '../src/lapwing';
import { SpanReceiver } from '../src/span-receiver';

describe('traces', () => {
  let lapwing: Lapwing;
  let receiver: SpanReceiver;

  beforeAll(async () => {
    receiver = await SpanReceiver.start();
    lapwing = await Lapwing.create();
    await lapwing.start(['--services'], receiver.environment);
  }, 180_000);
  afterAll(async () => {
    await lapwing.remove();
    receiver.stop();
  }, 60_000);

  it('lead from HTTP over the bus to SQL, across processes', async () => {
    await eventually(async () => expect((await lapwing.get('/api/v1/history')).status).toBe(200));
    await eventually(() => {
      const { spans } = receiver;
      const chain = [
        'sql history.select_1m',
        'answer req.metrics-store.history.get.v1',
        'ask req.metrics-store.history.get.v1',
        'GET /api/v1/history',
      ];
      let span = spans.find(({ name }) => name === chain[0]);
      const names = [];
      while (span) {
        names.push(span.name);
        const { traceId, parentSpanId } = span;
        span = spans.find((one) => one.traceId === traceId && one.spanId === parentSpanId);
      }
      expect(names).toEqual(chain);
    });
  });

  it('lead from the collector to the row', async () => {
    await eventually(() => {
      const { spans } = receiver;
      const handled = spans.find(({ name }) => name === 'handle evt.host.sampled.v1');
      const published = spans.find(
        ({ traceId, name }) => traceId === handled?.traceId && name === 'publish evt.host.sampled.v1',
      );
      const stored = spans.find(({ traceId, name }) => traceId === handled?.traceId && name === 'sql samples.store');
      expect([published?.name, stored?.name]).toEqual(['publish evt.host.sampled.v1', 'sql samples.store']);
    });
  });
});
