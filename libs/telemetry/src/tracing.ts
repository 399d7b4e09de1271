import {
  SpanStatusCode,
  TraceFlags,
  context,
  propagation,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanKind,
  type TextMapGetter,
  type TextMapSetter,
} from '@opentelemetry/api';

export { SpanKind } from '@opentelemetry/api';
export type { Context, Span } from '@opentelemetry/api';

const tracer = trace.getTracer('lapwing');

/** Whoever has a process: what its spans say of it. */
export interface TracedProcess {
  /** The service, e.g. `metrics-store`. */
  service: string;
  version?: string;
  /** Tells replicas apart. */
  instance: string;
}

/**
 * Starts to export traces by OTLP over HTTP when `OTEL_EXPORTER_OTLP_ENDPOINT` is set; without it spans cost nothing.
 * Spans are made by hand at the doors (HTTP, bus, SQL, Redis, what leaves), because patching libraries costs two thirds of the
 * throughput and half a second at the start. The standard variables for the sampler (`OTEL_TRACES_SAMPLER`) and the
 * resource (`OTEL_RESOURCE_ATTRIBUTES`) hold; what they say of the resource comes before what is known here.
 * @returns what to call at the end, so that the last spans are sent.
 */
export async function startTracing({ service, version, instance }: TracedProcess): Promise<() => Promise<void>> {
  if (!process.env['OTEL_EXPORTER_OTLP_ENDPOINT']) return async () => {};
  const [{ NodeTracerProvider }, { BatchSpanProcessor }, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const known = resources.resourceFromAttributes({
    'service.name': `lapwing-${service}`,
    'service.namespace': 'lapwing',
    'service.instance.id': instance,
    ...(version && { 'service.version': version }),
  });
  const said = resources.detectResources({ detectors: [resources.envDetector] });
  const provider = new NodeTracerProvider({
    resource: known.merge(said),
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
  /** Other traces that this work belongs to. */
  links?: Link[];
  /** Whether something thrown is a fault, and not an answer like any other; everything is where it is left out. */
  isFault?: (thrown: unknown) => boolean;
}

/** Notes in a span what was thrown: its code or its kind, and never its message, which may hold anything. */
export function failSpan(span: Span, thrown: unknown, isFault = true): void {
  const { code, name } = (thrown ?? {}) as { code?: unknown; name?: unknown };
  const type = [code, name].find((one): one is string => typeof one === 'string' && one !== '') ?? 'error';
  span.setAttribute('error.type', type);
  if (isFault) span.setStatus({ code: SpanStatusCode.ERROR, message: type });
}

/** Runs `work` inside a span; an error marks the span and is thrown on. */
export function inSpan<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  const { kind, attributes, links, parent, isFault } = options;
  return tracer.startActiveSpan(
    name,
    { kind, ...(attributes && { attributes }), ...(links && { links }) },
    parent ?? context.active(),
    async (span) => {
      try {
        return await work(span);
      } catch (error) {
        failSpan(span, error, isFault?.(error) ?? true);
        throw error;
      } finally {
        span.end();
      }
    },
  );
}

/** Runs `work` so that what it does belongs to a span again, after something has let go of it. */
export function withSpan<T>(span: Span, work: () => T): T {
  return context.with(trace.setSpan(context.active(), span), work);
}

/** The id of the current trace, or undefined outside of one. */
export function currentTraceId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().traceId;
}

/** The current span's ids when it is one that is sent away: what an exemplar may name. */
export function sampledIds(span = trace.getActiveSpan()): { trace_id: string; span_id: string } | undefined {
  const of = span?.spanContext();
  if (!of || (of.traceFlags & TraceFlags.SAMPLED) === 0) return undefined;
  return { trace_id: of.traceId, span_id: of.spanId };
}

/** A link to the trace of a context; undefined where there is none. */
export function linkTo(other: Context): Link | undefined {
  const of = trace.getSpanContext(other);
  return of && { context: of };
}

/** Writes the current trace into the headers of something that leaves (W3C trace context). */
export function injectTrace<C>(carrier: C, setter: TextMapSetter<C>): void {
  propagation.inject(context.active(), carrier, setter);
}

/** Reads the trace out of the headers of something that came. */
export function extractTrace<C>(carrier: C, getter: TextMapGetter<C>): Context {
  return propagation.extract(context.active(), carrier, getter);
}
