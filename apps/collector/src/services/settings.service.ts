import type { Bus } from '@lapwing/bus';
import { AgentSettings, agentReported, agentSettingsGet } from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { JsonFile } from '../store/json-file.js';
import type { LogService } from './log.service.js';
import type { SamplerService } from './sampler.service.js';

const REPORT_EVERY_MS = 30_000;

/** What does not change while the process runs. */
export interface RunFacts {
  agentId: string;
  folder: string;
  version: string;
  hostname: string;
}

/**
 * Follows the settings that the fleet has for this agent, remembers them for a start without a server, and says what this agent really
 * runs.
 */
export class SettingsService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('collector', 'settings');
  readonly #file: JsonFile<AgentSettings>;
  readonly #instance = randomBytes(8).toString('hex');
  readonly #startedAt = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #known = '';

  constructor(
    private readonly bus: Bus,
    private readonly sampler: SamplerService,
    private readonly logs: LogService,
    private readonly facts: RunFacts,
  ) {
    this.#file = new JsonFile(path.join(facts.folder, 'settings.json'), (value) => AgentSettings.parse(value));
  }

  async onApplicationBootstrap(): Promise<void> {
    // They begin a moment after they were asked for.
    this.logs.whenFollowed(() => this.#report());
    const remembered = await this.#file.read();
    if (remembered) this.#follow(remembered);
    this.bus.connection.whenLinked(() => void this.#ask());
    this.bus.connection.whenRelinked(() => void this.#ask());
    // What was said while nobody listened is asked for.
    this.#timer = setInterval(() => void this.#ask(), REPORT_EVERY_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** Follows new settings at once. */
  async apply(settings: AgentSettings): Promise<void> {
    const text = JSON.stringify(settings);
    if (text === this.#known) return;
    this.#follow(settings);
    this.#report();
    try {
      await this.#file.write(settings);
    } catch (error) {
      // A full disk must not stop the agent; what it follows now it asks for again after its next start.
      this.#log.warn({ error: describeError(error) }, 'the settings could not be kept');
    }
  }

  #follow(settings: AgentSettings): void {
    this.#known = JSON.stringify(settings);
    this.sampler.setInterval(settings.refreshInterval);
    this.sampler.setSources(settings.sources);
    this.logs.setSources(settings.logSources);
    const { refreshInterval, sources, logSources } = settings;
    this.#log.info({ refreshInterval, sources, logSources: logSources.length }, 'new settings');
  }

  async #ask(): Promise<void> {
    try {
      if (this.bus.online) await this.apply(await this.bus.inquire(agentSettingsGet, this.facts.agentId, {}));
    } catch {
      // the fleet is away: what is known goes on, and the next question may be answered
    }
    this.#report();
  }

  #report(): void {
    const { agentId, version, hostname } = this.facts;
    this.bus.announce(agentReported, agentId, {
      agentId,
      version,
      hostname,
      instance: this.#instance,
      startedAt: this.#startedAt,
      refreshInterval: this.sampler.interval,
      sources: this.sampler.sources,
      logSources: this.logs.sources,
      unsupported: this.logs.unsupported,
    });
  }
}
