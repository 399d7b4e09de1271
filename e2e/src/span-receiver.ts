import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

type Value = { stringValue?: string; intValue?: number | string };
type Attributes = { key: string; value: Value }[];

/** A span as OTLP tells it. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes: Attributes;
  status?: { code?: number };
  /** Of whoever sent it. */
  resource: Attributes;
}
interface Export {
  resourceSpans: { resource: { attributes: Attributes }; scopeSpans: { spans: ReceivedSpan[] }[] }[];
}

/** An attribute of a span or of a resource, as text. */
export function attributeOf(attributes: Attributes, name: string): string | undefined {
  const value = attributes.find(({ key }) => key === name)?.value;
  const plain = value?.stringValue ?? value?.intValue;
  return plain === undefined ? undefined : String(plain);
}

/** A receiver of OTLP over HTTP, with JSON, that keeps what it gets. */
export class SpanReceiver {
  readonly spans: ReceivedSpan[] = [];

  private constructor(private readonly server: Server) {}

  /** Starts one on a loopback port. */
  static async start(): Promise<SpanReceiver> {
    const server = createServer();
    const receiver = new SpanReceiver(server);
    server.on('request', (request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        receiver.#keep(JSON.parse(text) as Export);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  /** What makes a process send its spans here, soon. */
  get environment(): Record<string, string> {
    const { port } = this.server.address() as AddressInfo;
    return { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_BSP_SCHEDULE_DELAY: '200' };
  }

  /** The spans of a trace. */
  of(traceId: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  /** Listens no more. */
  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  #keep({ resourceSpans }: Export): void {
    for (const { resource, scopeSpans } of resourceSpans)
      for (const { spans } of scopeSpans)
        this.spans.push(...spans.map((span) => ({ ...span, resource: resource.attributes })));
  }
}
