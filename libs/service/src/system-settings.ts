import { Bus } from '@lapwing/bus';
import { settingsChanged, settingsGet, type SystemSettings } from '@lapwing/contracts';
import { setLogLevel } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy, Provider } from '@nestjs/common';

const RETRY_MS = 2000;
/** News may be lost: the settings are asked for anew this often. */
const REFRESH_MS = 60_000;

/**
 * Follows the settings of the system: asked for at the start and every minute, and taken from the news of each change. How much the process logs
 * follows them by itself, unless LOG_LEVEL is in its environment.
 */
export class FollowedSettings implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #listeners: ((settings: SystemSettings) => void)[] = [];
  #current: SystemSettings | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #wasOlder = false;

  constructor(private readonly bus: Bus) {}

  onApplicationBootstrap(): void {
    this.bus.listen(settingsChanged, '*', (settings) => {
      if (settings.revision >= (this.#current?.revision ?? 0)) this.#take(settings);
    });
    void this.#ask();
  }

  onModuleDestroy(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** The settings as they were told last; undefined until the first answer. */
  get current(): SystemSettings | undefined {
    return this.#current;
  }

  /** Calls back with the settings when they become known and whenever they have changed. */
  onChange(listener: (settings: SystemSettings) => void): void {
    this.#listeners.push(listener);
    if (this.#current) listener(this.#current);
  }

  async #ask(): Promise<void> {
    const settings = await this.bus.request(settingsGet, {}).catch(() => undefined);
    const isOlder = settings !== undefined && settings.revision < (this.#current?.revision ?? 0);
    // Older than the news: read just before them. Twice in a row: of a database that was restored.
    if (settings && (!isOlder || this.#wasOlder)) this.#take(settings);
    this.#wasOlder = isOlder && !this.#wasOlder;
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#ask(), settings && !this.#wasOlder ? REFRESH_MS : RETRY_MS);
    this.#timer.unref();
  }

  #take(settings: SystemSettings): void {
    if (this.#current && JSON.stringify(this.#current) === JSON.stringify(settings)) return;
    this.#current = settings;
    if (!process.env['LOG_LEVEL']) setLogLevel(settings.logLevel);
    for (const listener of this.#listeners) listener(settings);
  }
}

/** The provider of {@link FollowedSettings}. */
export const followedSettingsProvider: Provider = {
  provide: FollowedSettings,
  useFactory: (bus: Bus) => new FollowedSettings(bus),
  inject: [Bus],
};
