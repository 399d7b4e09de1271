import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ContainerLogServer } from './docker-container-log.js';

/** A server that speaks the Docker engine's protocol over a socket, as far as it is read. Source: Docker Engine API v1.41. */
export class DockerEngineServer {
  /** What was asked: method and path. */
  readonly asked: string[] = [];
  /** The answers, by path without its query. Any other path is answered with 404. */
  readonly answers: Record<string, () => unknown> = {};
  /** The logs of containers, by their id. */
  readonly logs: Record<string, ContainerLogServer> = {};
  /** In the middle of the answer to this path it is gone. */
  hangUpAt: string | undefined;

  private constructor(
    private readonly folder: string,
    private readonly server: Server,
  ) {}

  /** Starts one on a socket of its own. */
  static async start(): Promise<DockerEngineServer> {
    const server = createServer();
    const engine = new DockerEngineServer(await mkdtemp(path.join(tmpdir(), 'lapwing-docker-')), server);
    server.on('request', (request, response) => {
      engine.asked.push(`${request.method} ${request.url}`);
      const log = /^\/containers\/([^/]+)\/logs\?(.*)$/.exec(request.url ?? '');
      const served = log && engine.logs[log[1] ?? ''];
      if (served) return served.answer(new URLSearchParams(log[2]), response);
      const answer = engine.answers[(request.url ?? '').split('?')[0] ?? ''];
      if (request.url === engine.hangUpAt) {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{', () => response.socket?.destroy());
        return;
      }
      response.writeHead(answer ? 200 : 404).end(JSON.stringify(answer?.() ?? { message: 'no such container' }));
    });
    server.listen(engine.socket);
    await once(server, 'listening');
    return engine;
  }

  /** Where it listens. */
  get socket(): string {
    return path.join(this.folder, 'docker.sock');
  }

  /** Hangs up on all who are connected. */
  hangUp(): void {
    this.server.closeAllConnections();
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
