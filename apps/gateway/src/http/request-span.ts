import { SpanKind, failSpan, inSpan, tracedHistogram, withSpan, type Span } from '@lapwing/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';

const requestSeconds = tracedHistogram<'method' | 'route' | 'status'>({
  name: 'lapwing_http_request_seconds',
  help: 'How long HTTP requests took; of streams and sockets, how long it took until they began',
  labelNames: ['method', 'route', 'status'],
});

/** The status of a request that was given up by whoever asked. Source: nginx, which made the number known. */
const GONE = 499;

/** A request that is being answered. */
interface Open {
  span: Span;
  route: string;
  method: string;
  begun: number;
  /** Ends the span. */
  end: () => void;
}

const open = new WeakMap<IncomingMessage, Open>();

/**
 * Gives each request its id and its span, and measures it. The trace begins here: one that a caller brings along is not
 * continued, because it would let strangers decide what is recorded, and put their requests into the traces of others.
 */
export function measureRequests(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
    reply.header('x-request-id', request.id);
    const route = request.routeOptions.url ?? '(no route)';
    const attributes = {
      'http.request.method': request.method,
      'http.route': route,
      'url.scheme': request.protocol,
      'network.protocol.version': request.raw.httpVersion,
      'lapwing.request_id': request.id,
    };
    void inSpan(`${request.method} ${route}`, { kind: SpanKind.SERVER, attributes }, (span) => {
      const { traceId } = span.spanContext();
      if (span.isRecording()) reply.header('x-trace-id', traceId);
      return new Promise<void>((end) => {
        open.set(request.raw, { span, route, method: request.method, begun: performance.now(), end });
        // Whatever happens to a request, its connection ends. Whoever has left before the answer began got none.
        reply.raw.once('close', () => endRequest(request.raw, reply.raw.headersSent ? reply.raw.statusCode : GONE));
        done();
      });
    });
  });
  // Reading a body leaves the trace: what follows comes from the connection.
  fastify.addHook('preValidation', (request: FastifyRequest, _: FastifyReply, done: (error?: Error) => void) => {
    const span = open.get(request.raw)?.span;
    if (span) withSpan(span, done);
    else done();
  });
  fastify.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    endRequest(request.raw, reply.statusCode);
    done();
  });
}

/** Ends what is measured of a request; for a stream or a socket when it begins, since it may stay open for days. */
export function endRequest(request: IncomingMessage, status: number): void {
  const known = open.get(request);
  if (!known) return;
  open.delete(request);
  const { span, method, route, begun, end } = known;
  span.setAttribute('http.response.status_code', status);
  if (status >= 500) failSpan(span, { code: String(status) });
  requestSeconds.observe({ method, route, status: String(status) }, (performance.now() - begun) / 1000, span);
  end();
}
