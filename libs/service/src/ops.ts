import type { HealthStatus } from '@lapwing/contracts';
import { collectProcessMetrics, exposeMetrics } from '@lapwing/telemetry';
import { createServer, type Server } from 'node:http';

/** Whoever knows how a process is. */
export interface Reporting {
  report(): Promise<{ status: HealthStatus }>;
}

/**
 * The small HTTP listener for whoever runs a service: `/health` (the process answers), `/ready` (503 while a
 * dependency is away) and `/metrics` for Prometheus. It wants no credential: it is not for the world.
 */
export async function listenForOps(health: Reporting, port: number, host: string): Promise<Server> {
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
      exposeMetrics(request.headers.accept).then(({ type, text }) => answer(200, type, text), fail);
    else json(404, { success: false, error: 'no such resource', code: 'NOT_FOUND', details: {} });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}
