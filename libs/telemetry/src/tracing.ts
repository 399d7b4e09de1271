import {
  SpanStatusCode,
  context,
  propagation,
  trace,
  type Attributes,
  type Context,
  type SpanKind,
  type TextMapGetter,
  type TextMapSetter,
} from '@opentelemetry/api';

export { SpanKind } from '@opentelemetry/api';
export type { Context } from '@opentelemetry/api';

const tracer = trace.getTracer('lapwing');

/**
 * Starts to export traces by OTLP over HTTP when `OTEL_EXPORTER_OTLP_ENDPOINT` is set; without it spans cost nothing.
 * Spans are made by hand at the three doors (HTTP, bus, SQL), because patching libraries costs two thirds of the
 * throughput and half a second at the start.
 * @returns what to call at the end, so that the last spans are sent.
 */
export async function startTracing(service: string): Promise<() => Promise<void>> {
  if (!process.env['OTEL_EXPORTER_OTLP_ENDPOINT']) return async () => {};
  const [{ NodeTracerProvider }, { BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': `lapwing-${service}` }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  return () => provider.shutdown();
}

/** What a span is about. */
export interface SpanOptions {
  kind: SpanKind;
  attributes?: Attributes;
  /** The trace to continue; the current one when left out. */
  parent?: Context;
}

/** Runs `work` inside a span; an error marks the span and is thrown on. */
export function inSpan<T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T> {
  return tracer.startActiveSpan(
    name,
    { kind: options.kind, ...(options.attributes && { attributes: options.attributes }) },
    options.parent ?? context.active(),
    async (span) => {
      try {
        return await work();
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'error' });
        throw error;
      } finally {
        span.end();
      }
    },
  );
}

/** The id of the current trace, or undefined outside of one. */
export function currentTraceId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().traceId;
}

/** Writes the current trace into the headers of something that leaves (W3C trace context). */
export function injectTrace<C>(carrier: C, setter: TextMapSetter<C>): void {
  propagation.inject(context.active(), carrier, setter);
}

/** Reads the trace out of the headers of something that came. */
export function extractTrace<C>(carrier: C, getter: TextMapGetter<C>): Context {
  return propagation.extract(context.active(), carrier, getter);
}
