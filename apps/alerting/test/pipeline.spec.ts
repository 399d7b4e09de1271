import {
  hostSampled,
  pipelineMeasures,
  pipelineSampled,
  queuesGet,
  silenceCreate,
  silenceDelete,
  type PayloadOf,
  type PipelineMeasure,
} from '@lapwing/contracts';
import { WebhookReceiver, eventually, hostFigures, hostSample } from '@lapwing/testing';
import { Alerting, actor, atOnce } from './harness';

type Report = PayloadOf<typeof pipelineSampled>;

describe('the way of samples through alerting', () => {
  let alerting: Alerting;
  let reports: Report[];
  let seq: number;

  beforeEach(async () => {
    alerting = await Alerting.start();
    await alerting.configure(atOnce);
    reports = [];
    seq = 0;
    alerting.bus.listen(pipelineSampled, '*', (report) => reports.push(report));
  }, 60_000);
  afterEach(() => alerting.stop());

  const send = (
    agentId: string,
    totalUsage: number,
    { time = Date.now(), collectMs = 12.5 }: { time?: number; collectMs?: number | null } = {},
  ) => {
    const { system, cpu } = hostFigures();
    const changes = { system: { ...system, hostname: agentId }, cpu: { ...cpu, totalUsage } };
    const sample = { ...hostSample(++seq, time, changes), ...(collectMs !== null && { collectMs }) };
    return alerting.bus.publish(hostSampled, agentId, { agentId, outbox: '0a1b2c3d4e5f', samples: [sample] });
  };

  /** All that was measured of a measure, out of the last report of each minute. */
  function measured(measure: PipelineMeasure): { count: number; min: number; max: number } {
    const last = new Map(reports.map((report) => [`${report.process} ${report.minute}`, report]));
    const all = [...last.values()].flatMap(({ measures }) => measures[measure] ?? []);
    return {
      count: all.flatMap(({ counts }) => counts).reduce((sum, count) => sum + count, 0),
      min: Math.min(...all.map(({ min }) => min)),
      max: Math.max(...all.map(({ max }) => max)),
    };
  }
  const counts = (): Record<string, number> =>
    Object.fromEntries(pipelineMeasures.map((measure) => [measure, measured(measure).count]));
  /** Waits until what was measured was said; that is done every ten seconds, and when the process ends. */
  const until = (wanted: Partial<Record<PipelineMeasure, number>>) =>
    eventually(() => expect(counts()).toMatchObject(wanted), 25_000);
  const told = (count: number) => eventually(() => expect(alerting.receiver.requests).toHaveLength(count), 20_000);

  it('is measured from the sample to the hand-over', async () => {
    await alerting.webhook();
    const time = Date.now();
    await send('web-1', 20, { time: time - 1000, collectMs: null });
    await send('web-1', 99, { time });
    await told(1);
    await until({ watch: 1, detect: 2, watchToDetect: 2 });
    await until({ batch: 1, analyze: 1, detectToBatch: 1, batchToAnalyze: 1, total: 1 });
    expect(measured('watch')).toEqual({ count: 1, min: 12.5, max: 12.5 });
    for (const measure of ['detect', 'batch', 'analyze'] as const) expect(measured(measure).min).toBeGreaterThan(0);
    // The whole is no shorter than its parts, which lie one behind the other.
    const parts = measured('detectToBatch').min + measured('batchToAnalyze').min;
    expect(measured('total').min).toBeGreaterThanOrEqual(parts);
    expect(measured('total').max).toBeLessThanOrEqual(Date.now() - time);
    const [{ id } = { id: '' }] = await alerting.open();
    expect(id).toBe('web-1-cpu');
  }, 60_000);

  it('counts a sample once, and none that came late; a clock that is ahead makes nothing negative', async () => {
    await alerting.webhook();
    const now = Date.now();
    await send('web-1', 99, { time: now - 120_000 });
    await alerting.until(['web-1-cpu']);
    await told(1);
    await send('web-2', 99, { time: now + 30_000 });
    await told(2);
    for (let again = 0; again < 3; again++) await send('web-2', 99, { time: now + 30_000 });
    await send('web-3', 10);
    await until({ watch: 2, detect: 2, batch: 1, analyze: 1, total: 1 });
    expect(measured('watchToDetect').min).toBe(0);
    expect(measured('total')).toEqual({ count: 1, min: 0, max: 0 });
  }, 60_000);

  it('leaves out what was held, and ends with the decision where nobody is to be told', async () => {
    await send('web-9', 99);
    await until({ batch: 1, analyze: 1, total: 1 });
    await alerting.webhook();
    const matchers = [{ name: 'resourceId' as const, value: 'web-1' }];
    const now = Date.now();
    const draft = { matchers, startsAt: now - 1000, endsAt: now + 600_000 };
    const { id } = await alerting.bus.request(silenceCreate, { actor, draft });
    await send('web-1', 99);
    await eventually(async () =>
      expect((await alerting.open()).map(({ quiet }) => quiet)).toContain('silenced by admin'),
    );
    await alerting.bus.request(silenceDelete, { actor, id });
    await told(1);
    await send('web-2', 99);
    await told(2);
    await until({ batch: 3, detectToBatch: 3, analyze: 2, total: 2 });
  }, 60_000);

  it('is said to the last when the process ends', async () => {
    await send('web-1', 20);
    await alerting.judged('host:web-1');
    await alerting.apps.pop()?.close();
    await until({ detect: 1 });
    expect(new Set(reports.map(({ process }) => process)).size).toBe(1);
  }, 60_000);

  it('knows what waits before the stages, whichever process is asked', async () => {
    await alerting.serve();
    const queues = () => alerting.bus.request(queuesGet, {});
    await send('web-1', 20);
    await alerting.judged('host:web-1');
    await eventually(async () => expect(await queues()).toEqual({ detection: 0, analysis: 0 }));
    const hanging = await WebhookReceiver.start();
    hanging.answer = { hang: 'answer' };
    await alerting.webhook({ url: `${hanging.url}/x` });
    await send('web-1', 99, { time: Date.now() + 10 });
    await eventually(() => expect(hanging.requests).toHaveLength(1), 20_000);
    for (let ask = 0; ask < 4; ask++) expect(await queues()).toEqual({ detection: 0, analysis: 1 });
    hanging.stop();
  }, 90_000);
});
