import { eventually } from '@lapwing/testing';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Lapwing } from '../src/lapwing';

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
}
interface Export {
  resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
}

/** A receiver of OTLP over HTTP, with JSON. */
async function receiver(spans: Span[]): Promise<Server> {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const { resourceSpans } = JSON.parse(text) as Export;
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe('traces', () => {
  let lapwing: Lapwing;
  let server: Server;
  const spans: Span[] = [];

  beforeAll(async () => {
    server = await receiver(spans);
    lapwing = await Lapwing.create();
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await lapwing.start(['--services'], { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_BSP_SCHEDULE_DELAY: '200' });
  }, 180_000);
  afterAll(async () => {
    await lapwing.remove();
    server.closeAllConnections();
    server.close();
  }, 60_000);

  it('lead from HTTP over the bus to SQL, across processes', async () => {
    await eventually(async () => expect((await lapwing.get('/api/v1/history')).status).toBe(200));
    await eventually(() => {
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
      const handled = spans.find(({ name }) => name === 'handle evt.host.sampled.v1');
      const published = spans.find(
        ({ traceId, name }) => traceId === handled?.traceId && name === 'publish evt.host.sampled.v1',
      );
      const stored = spans.find(({ traceId, name }) => traceId === handled?.traceId && name === 'sql samples.store');
      expect([published?.name, stored?.name]).toEqual(['publish evt.host.sampled.v1', 'sql samples.store']);
    });
  });
});
