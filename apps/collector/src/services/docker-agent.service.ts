import type { DockerReport } from '@lapwing/contracts';
import { postJson } from '@lapwing/outgoing/post';
import { createLogger, describeError } from '@lapwing/telemetry';
import { execFile } from 'node:child_process';
import { uptime } from 'node:os';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { DockerAgentConfig, DockerTarget } from '../config.js';
import { DockerEngine } from '../sources/docker/engine.js';
import { ContainerReader } from '../sources/docker/report.js';

const Taken = z.object({
  hostId: z.string(),
  commands: z.array(z.object({ id: z.string(), type: z.string() })).nullish(),
});

const DEADLINE_MS = 15_000;
/** More than this at once is a fault, or an attack. */
const MAX_COMMANDS = 20;

/** Reports the containers of this host to servers that speak Pulse's protocol, and does what they command: to stop. */
export class DockerAgentService {
  readonly #log = createLogger('collector', 'docker agent');
  readonly #containers: ContainerReader;
  #timer: NodeJS.Timeout | undefined;
  #reporting: Promise<void> = Promise.resolve();
  #stopping = false;
  #sendFaults = new Map<string, string>();

  /** @param whenStopped called when a server has told the agent to stop. */
  constructor(
    private readonly config: DockerAgentConfig,
    private readonly version: string,
    private readonly whenStopped: () => void,
  ) {
    this.#containers = new ContainerReader(new DockerEngine(config.COLLECTOR_DOCKER_SOCKET));
  }

  /** Reports now, and from now on. */
  start(): void {
    this.#reporting = this.#round();
  }

  /** Finishes the report that is under way, and ends. */
  async close(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#reporting;
  }

  async #round(): Promise<void> {
    const startedAt = performance.now();
    try {
      const report = await this.#read();
      await Promise.all(this.config.targets.map((target) => this.#report(target, report)));
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'the Docker engine cannot be read');
    }
    if (this.#stopping) return;
    const next = Math.max(this.config.PULSE_INTERVAL * 1000 - (performance.now() - startedAt), 1000);
    this.#timer = setTimeout(() => this.start(), next);
  }

  async #read(): Promise<DockerReport> {
    const { info, containers } = await this.#containers.read();
    const { PULSE_AGENT_ID: id, PULSE_HOSTNAME: name, PULSE_INTERVAL: intervalSeconds } = this.config;
    const { machineId } = this.config;
    return {
      agent: { id: id ?? (machineId || name), version: this.version, intervalSeconds },
      host: {
        hostname: name,
        name: info.Name ?? name,
        machineId: machineId || undefined,
        os: info.OperatingSystem ?? process.platform,
        kernelVersion: info.KernelVersion ?? '',
        architecture: info.Architecture ?? process.arch,
        dockerVersion: info.ServerVersion ?? '',
        totalCpu: info.NCPU ?? 0,
        totalMemoryBytes: info.MemTotal ?? 0,
        uptimeSeconds: Math.floor(uptime()),
      },
      containers,
      timestamp: new Date().toISOString(),
    };
  }

  async #report(target: DockerTarget, report: DockerReport): Promise<void> {
    try {
      const { hostId, commands } = Taken.parse(await this.#post(target, '/api/agents/docker/report', report));
      if (this.#sendFaults.delete(target.url)) this.#log.info({ url: target.url }, 'reports are taken again');
      for (const command of (commands ?? []).slice(0, MAX_COMMANDS)) await this.#obey(target, hostId, command);
    } catch (error) {
      const { message } = describeError(error);
      if (this.#sendFaults.get(target.url) !== message)
        this.#log.warn({ url: target.url, reason: message }, 'not reported');
      this.#sendFaults.set(target.url, message);
    }
  }

  async #obey(target: DockerTarget, hostId: string, command: { id: string; type: string }): Promise<void> {
    const say = (status: string, message: string): Promise<unknown> =>
      this.#post(target, `/api/agents/docker/commands/${encodeURIComponent(command.id)}/ack`, {
        hostId,
        status,
        message,
      });
    if (command.type !== 'stop') {
      await say('failed', `this agent does not know the command "${command.type.slice(0, 40)}"`);
      return;
    }
    await say('acknowledged', 'stopping');
    await this.#disable();
    await say('completed', 'stopped');
    this.#log.warn({ url: target.url }, 'told to stop');
    this.#stopping = true;
    this.whenStopped();
  }

  /** After the next start of the machine it must not come back. */
  async #disable(): Promise<void> {
    const unit = this.config.LAPWING_UNIT;
    if (unit === undefined) return;
    try {
      await promisify(execFile)('systemctl', ['disable', unit], { timeout: 10_000 });
    } catch (error) {
      this.#log.warn({ error: describeError(error), unit }, 'systemd would start this agent again');
    }
  }

  async #post({ url, token, insecure }: DockerTarget, path: string, body: unknown): Promise<unknown> {
    const { status, text } = await postJson(url.replace(/\/+$/, '') + path, body, {
      reach: 'private',
      deadlineMs: DEADLINE_MS,
      maxBytes: 2 ** 20,
      http: true,
      insecure,
      headers: {
        'x-api-token': token.reveal(),
        authorization: `Bearer ${token.reveal()}`,
        'user-agent': `lapwing-docker-agent/${this.version}`,
      },
    });
    if (status < 200 || status > 299) throw new Error(`the server answers ${status}: ${text.slice(0, 200)}`);
    return JSON.parse(text) as unknown;
  }
}
