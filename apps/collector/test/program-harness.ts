import { Bus } from '@lapwing/bus';
import {
  AGENT_STATEMENT,
  agentInspect,
  agentRevert,
  agentUpdate,
  hostSampled,
  samplesStored,
  type AgentFigures,
  type SeqRange,
} from '@lapwing/contracts';
import { makeKeys, signEnvelope } from '@lapwing/signing';
import { NatsServer, SupervisedAgent, eventually, type AgentBuild } from '@lapwing/testing';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Where a server has the agent. */
const AGENT_PATH = '/download/lapwing-agent.mjs?sha256=';

/** Whose signatures count. */
export const keys = makeKeys();

/** What a release's key says of a build. */
export function statementOf(build: Omit<AgentBuild, 'file'>, privateKey = keys.privateKey): string {
  const { version, size, sha256 } = build;
  return JSON.stringify(signEnvelope(AGENT_STATEMENT, { schema: 1, version, size, sha256 }, [privateKey]));
}

/** The server of an agent: it lets everybody in, serves one file, and stores every sample unless it is told not to. */
export class FakeServer {
  /** What is served as the agent. */
  serve: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.writeHead(404).end();
  stores = true;

  private constructor(
    readonly nats: NatsServer,
    readonly bus: Bus,
    private readonly http: Server,
  ) {}

  static async start(): Promise<FakeServer> {
    const nats = await NatsServer.start();
    const bus = new Bus({ service: 'metrics-store', servers: nats.url });
    bus.onModuleInit();
    await eventually(() => bus.online);
    const http = createServer((request, response) => server.#answer(request, response)).listen(0, '127.0.0.1');
    await once(http, 'listening');
    const server = new FakeServer(nats, bus, http);
    bus.listen(hostSampled, '*', ({ agentId, outbox, samples }) => {
      if (!server.stores) return;
      bus.announce(samplesStored, agentId, { agentId, outbox, ranges: samples.map(({ seq }): SeqRange => [seq, seq]) });
    });
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  /** Serves a file as the agent. */
  async serveFile(file: string): Promise<void> {
    const content = await readFile(file);
    this.serve = (_, response) => response.end(content);
  }

  /** An agent that reports here, with a folder of its own, and files of at most so many KiB. */
  async agent(file: string, environment: Record<string, string> = {}, fileKiB?: number): Promise<SupervisedAgent> {
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-agent-'));
    const settings = {
      LAPWING_URL: this.url,
      COLLECTOR_AGENT_ID: 'web-1',
      COLLECTOR_INTERVAL: '1',
      COLLECTOR_TRIAL_SECONDS: '8',
      COLLECTOR_DOCKER_SOCKET: path.join(folder, 'docker.sock'),
      PM2_HOME: folder,
      ...environment,
    };
    return new SupervisedAgent(file, folder, settings, fileKiB);
  }

  inspect(): Promise<AgentFigures> {
    return this.bus.command(agentInspect, 'web-1', {});
  }

  update(statement: string): Promise<{ version: string }> {
    return this.bus.command(agentUpdate, 'web-1', { statement });
  }

  revert(): Promise<{ version: string }> {
    return this.bus.command(agentRevert, 'web-1', {});
  }

  async stop(): Promise<void> {
    this.http.closeAllConnections();
    this.http.close();
    await this.bus.onApplicationShutdown();
    await this.nats.stop();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.url?.startsWith(AGENT_PATH)) return this.serve(request, response);
    const enrolled = { status: 'approved', id: 'web-1', jwt: null, expiresAt: null, servers: [this.nats.url] };
    request.resume().on('end', () => response.end(JSON.stringify(enrolled)));
  }
}
