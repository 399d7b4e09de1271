import { collectProcessMetrics, registry } from '@lapwing/telemetry';
import { createServer, type Server } from 'node:http';
import type { Health } from './health.js';

/**
 * The small HTTP listener of a service that has no other: `/health` (the process answers), `/ready` (503 while a
 * dependency is away) and `/metrics` for Prometheus.
 */
export async function listenForOps(health: Health, port: number, host: string): Promise<Server> {
  collectProcessMetrics();
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    const json = (status: number, body: unknown) => answer(status, 'application/json', JSON.stringify(body));
    const fail = () => json(500, { success: false, error: 'internal error', code: 'INTERNAL', details: {} });
    if (request.url === '/health') json(200, { status: 'alive' });
    else if (request.url === '/ready')
      health.report().then((report) => json(report.status === 'unhealthy' ? 503 : 200, report), fail);
    else if (request.url === '/metrics')
      registry.metrics().then((text) => answer(200, registry.contentType, text), fail);
    else json(404, { success: false, error: 'no such resource', code: 'NOT_FOUND', details: {} });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}
