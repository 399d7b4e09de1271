import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { exposeMetrics } from './exposition';
import { counter, gauge, histogram, tellBuild, tracedHistogram } from './metrics';

const OPEN = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3';
const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

const spanWith = (traceFlags: number) => trace.wrapSpanContext({ traceId, spanId, traceFlags });

describe('the page of metrics', () => {
  beforeAll(() => {
    counter({ name: 'lapwing_spec_things_total', help: 'Things\nand "more"', labelNames: ['kind'] }).inc({
      kind: 'a "b" \\ \n',
    });
    gauge({ name: 'lapwing_spec_temperature', help: 'Warm' }).set(Number.POSITIVE_INFINITY);
    tellBuild('spec', '1.2.3');
  });

  it('is plain text for whoever asks for nothing else, with and without somebody who wants OpenMetrics before', async () => {
    const refused = 'application/openmetrics-text;q=0, text/plain';
    for (const accept of [undefined, OPEN, 'text/plain', '*/*', 'application/openmetrics-textual', refused]) {
      const { type, text } = await exposeMetrics(accept);
      const isOpen = accept === OPEN;
      expect(type.startsWith(isOpen ? 'application/openmetrics-text; version=1.0.0' : 'text/plain')).toBe(true);
      expect(text).toContain('lapwing_spec_things_total{kind="a \\"b\\" \\\\ \\n"} 1\n');
      expect(text).toContain(
        isOpen ? '# TYPE lapwing_spec_things counter' : '# TYPE lapwing_spec_things_total counter',
      );
      expect(text.endsWith('# EOF\n')).toBe(isOpen);
    }
  });

  it('escapes help, writes infinity, and tells the build', async () => {
    const { text } = await exposeMetrics(OPEN);
    expect(text).toContain('# HELP lapwing_spec_things Things\\nand "more"\n');
    expect(text).toContain('lapwing_spec_temperature +Inf\n');
    expect(text).toMatch(/lapwing_build_info\{service="spec",version="1\.2\.3",node="v[\d.]+"\} 1\n/);
  });

  it('names the newest sampled trace of a bucket, and no other', async () => {
    const seconds = tracedHistogram<'what'>({ name: 'lapwing_spec_seconds', help: 'Long', labelNames: ['what'] });
    seconds.observe({ what: 'x' }, 0.003);
    seconds.observe({ what: 'x' }, 0.02, spanWith(0));
    seconds.observe({ what: 'x' }, 0.2, spanWith(1));
    seconds.observe({ what: 'x' }, 20, spanWith(1));
    const { text } = await exposeMetrics(OPEN);
    const named = text.split('\n').filter((line) => line.startsWith('lapwing_spec_seconds') && line.includes(' # '));
    const ids = `# {trace_id="${traceId}",span_id="${spanId}"}`;
    expect(named.map((line) => line.replace(/ [\d.]+$/, ''))).toEqual([
      `lapwing_spec_seconds_bucket{le="0.25",what="x"} 3 ${ids} 0.2`,
      `lapwing_spec_seconds_bucket{le="+Inf",what="x"} 4 ${ids} 20`,
    ]);
    expect(text).toContain('lapwing_spec_seconds_count{what="x"} 4\n');
    expect((await exposeMetrics('text/plain')).text).not.toContain(traceId);
  });

  it('takes the trace in which it is counted', async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const seconds = tracedHistogram({ name: 'lapwing_spec_inside_seconds', help: 'Inside' });
    context.with(trace.setSpan(context.active(), spanWith(1)), () => seconds.observe({}, 0.001));
    context.disable();
    expect((await exposeMetrics(OPEN)).text).toMatch(new RegExp(`inside_seconds_bucket{le="0.001"} 1 # .*${traceId}`));
  });

  it('counts in plain histograms as before', async () => {
    histogram({ name: 'lapwing_spec_plain_seconds', help: 'Plain' }).observe(0.5);
    expect((await exposeMetrics(OPEN)).text).toContain('lapwing_spec_plain_seconds_sum 0.5\n');
  });
});
