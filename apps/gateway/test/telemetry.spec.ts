import { LapwingError, pipelineGet, pipelineMeasures, queuesGet, type MeasureStatistics } from '@lapwing/contracts';
import { Harness } from './harness';

const UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;
const statistics = (count: number): MeasureStatistics => ({
  avg: 45.123_456,
  min: 0.25,
  max: 2000.000_4,
  p50: 40,
  p95: 118,
  p99: 190,
  count,
});
const latency = (sample_count: number) => ({
  avg_ms: 45.123,
  min_ms: 0.25,
  max_ms: 2000,
  p50_ms: 40,
  p95_ms: 118,
  p99_ms: 190,
  sample_count,
});

describe('the pipeline, as the home-security API shows it', () => {
  let gateway: Harness;
  let windows: number[];
  let refusal: LapwingError | undefined;
  let measured: Partial<Record<(typeof pipelineMeasures)[number], MeasureStatistics>>;

  beforeAll(async () => {
    gateway = await Harness.start();
    await gateway.respond(pipelineGet, async ({ windowMinutes }) => {
      windows.push(windowMinutes);
      const all = pipelineMeasures.map((measure) => [measure, measured[measure] ?? null]);
      return { measures: Object.fromEntries(all) as never };
    });
  });
  afterAll(() => gateway.stop());
  beforeEach(() => {
    windows = [];
    refusal = undefined;
    measured = {};
  });

  it('hsi-telemetry is 503 while nobody can say what waits, and never a made-up nought', async () => {
    const { status, body } = await gateway.get('/api/system/telemetry');
    expect({ status, body }).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    // Whoever answers from here on.
    await gateway.respond(queuesGet, async () => {
      if (refusal) throw refusal;
      return { detection: 3, analysis: 1 };
    });
    expect((await gateway.get('/api/system/telemetry')).status).toBe(200);
    refusal = new LapwingError('UNAVAILABLE', 'not followed now');
    expect((await gateway.get('/api/system/telemetry')).status).toBe(503);
  });

  it('hsi-telemetry: queues and stages of the last hour, for everybody', async () => {
    measured = { watch: statistics(160), detect: statistics(160), total: statistics(1) };
    const answer = await gateway.get('/api/system/telemetry', {});
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      queues: { detection_queue: 3, analysis_queue: 1 },
      latencies: { watch: latency(160), detect: latency(160), batch: null, analyze: null },
      timestamp: expect.stringMatching(UTC) as string,
    });
    expect(windows).toEqual([60]);
  });

  it('hsi-pipeline-latency: what lies between the stages, an hour where nothing is said', async () => {
    measured = { watchToDetect: statistics(160), total: statistics(2), watch: statistics(3) };
    const wanted = (window_minutes: number) => ({
      watch_to_detect: latency(160),
      detect_to_batch: null,
      batch_to_analyze: null,
      total_pipeline: latency(2),
      window_minutes,
      timestamp: expect.stringMatching(UTC) as string,
    });
    expect((await gateway.get('/api/system/pipeline-latency', {})).body).toEqual(wanted(60));
    for (const minutes of [1, 1440])
      expect((await gateway.get(`/api/system/pipeline-latency?window_minutes=${minutes}`)).body).toEqual(
        wanted(minutes),
      );
    expect(windows).toEqual([60, 1, 1440]);
  });

  it.each(['0', '1441', '-5', '1.5', 'abc', '', 'null', '1e3', '60&window_minutes=5', '99999999999999999999'])(
    'hsi-pipeline-latency refuses window_minutes=%s with 422',
    async (text) => {
      const { status, body } = await gateway.get(`/api/system/pipeline-latency?window_minutes=${text}`);
      expect(status).toBe(422);
      expect(body).toMatchObject({ success: false, code: 'INVALID_INPUT', detail: expect.any(String) as string });
      expect(windows).toEqual([]);
    },
  );
});

describe('the pipeline, where home-security reads are closed', () => {
  it('wants a permission', async () => {
    const gateway = await Harness.start({ HSI_READS_REQUIRE_AUTH: 'true' });
    try {
      for (const route of ['telemetry', 'pipeline-latency'])
        expect((await gateway.get(`/api/system/${route}`, {})).status).toBe(401);
    } finally {
      await gateway.stop();
    }
  });
});
