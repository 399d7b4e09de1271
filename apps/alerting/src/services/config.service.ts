import type { Bus } from '@lapwing/bus';
import { AlertConfig, LapwingError, alertingChanged, defaultAlertConfig, type Actor } from '@lapwing/contracts';
import type { Schema } from '@lapwing/postgres';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { mergeConfig } from '../domain/merge-config.js';
import type { ConfigStore } from '../store/config.store.js';

const LOCK = 7_524_620;
/** The news of a change may be lost. */
const RELOAD_MS = 15_000;

/** The rules in force, the same in all replicas a moment after a change. */
export class ConfigService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('alerting', 'config');
  readonly #listeners: ((config: AlertConfig) => void)[] = [];
  #current = defaultAlertConfig;
  #text = JSON.stringify(defaultAlertConfig);
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly schema: Schema,
    private readonly store: ConfigStore,
  ) {}

  onApplicationBootstrap(): void {
    this.bus.listen(alertingChanged, '*', ({ what }) => {
      if (what === 'config') void this.#reload();
    });
    this.#timer = setInterval(() => void this.#reload(), RELOAD_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** The rules as they were known last. */
  get current(): AlertConfig {
    return this.#current;
  }

  /** Calls `hear` after each change. */
  onChange(hear: (config: AlertConfig) => void): void {
    this.#listeners.push(hear);
  }

  /** Reads the rules anew. `UNAVAILABLE`. */
  async load(): Promise<AlertConfig> {
    this.#set(read(await this.store.read()));
    return this.#current;
  }

  /** Changes rules. `INVALID_INPUT` names each fault, and then nothing has changed. */
  async update(actor: Actor, patch: Record<string, unknown>, replace: boolean): Promise<AlertConfig> {
    const config = await this.schema.exclusive('config.update', { kind: LOCK }, async (transaction) => {
      const merged = mergeConfig(read(await this.store.read(transaction)), patch, replace);
      if ('faults' in merged) {
        const message = merged.faults.map((fault) => `${fault.field}: ${fault.message}`).join('; ');
        throw new LapwingError('INVALID_INPUT', message, { problems: merged.faults });
      }
      await this.store.write(transaction, merged.config, { name: actor.name, at: Date.now() });
      return merged.config;
    });
    this.#set(config);
    this.bus.announce(alertingChanged, 'config', { what: 'config' });
    return config;
  }

  async #reload(): Promise<void> {
    try {
      if (this.schema.ready) await this.load();
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'the rules could not be read again');
    }
  }

  #set(config: AlertConfig): void {
    const text = JSON.stringify(config);
    if (text === this.#text) return;
    this.#text = text;
    this.#current = config;
    for (const hear of this.#listeners) hear(config);
  }
}

/** What an older version wrote is read with today's defaults beside it. */
const read = (document: unknown): AlertConfig =>
  document === undefined ? defaultAlertConfig : AlertConfig.parse(document);
