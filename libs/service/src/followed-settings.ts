import { Bus } from '@lapwing/bus';
import { defaultSystemSettings, settingsChanged, settingsGet, type SystemSettings } from '@lapwing/contracts';
import { createLogger, describeError, setLogLevel } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy, Provider } from '@nestjs/common';

const AGAIN_MS = 1000;
/** Whoever missed the news of a change hears of it by then. */
const LOOK_MS = 30_000;
const DAY_MS = 86_400_000;

/**
 * The settings of the system as a service last heard of them: asked for at the start and at every new connection, and followed. How much the
 * process logs follows them by itself, unless LOG_LEVEL is in its environment.
 */
export class FollowedSettings implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log;
  #current = defaultSystemSettings;
  #timer: NodeJS.Timeout | undefined;
  #heard = 0;
  readonly #listeners: ((settings: SystemSettings) => void)[] = [];
  #isOver = false;
  #unlink: (() => void) | undefined;

  constructor(private readonly bus: Bus) {
    this.#log = createLogger(bus.options.service, 'settings');
  }

  /** The settings; the defaults until they were heard of. */
  get current(): SystemSettings {
    return this.#current;
  }

  /** What was seen before this instant is shown to nobody and accepted from nobody: milliseconds since 1970. */
  keptSince(now: number): number {
    return now - this.#current.retentionDays * DAY_MS;
  }

  /** Calls back with the settings whenever they are others than before. */
  onChange(listener: (settings: SystemSettings) => void): void {
    this.#listeners.push(listener);
  }

  onApplicationBootstrap(): void {
    this.bus.listen(settingsChanged, '*', (settings) => {
      this.#heard++;
      if (settings.revision >= this.#current.revision) this.#take(settings);
    });
    this.bus.connection.whenLinked(() => void this.#look());
    this.#unlink = this.bus.connection.whenRelinked(() => void this.#look());
  }

  onModuleDestroy(): void {
    this.#isOver = true;
    this.#unlink?.();
    clearTimeout(this.#timer);
  }

  #take(settings: SystemSettings): void {
    const isSame = JSON.stringify(settings) === JSON.stringify(this.#current);
    this.#current = settings;
    if (!process.env['LOG_LEVEL']) setLogLevel(settings.logLevel);
    if (!isSame) for (const listener of this.#listeners) listener(settings);
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    let next = LOOK_MS;
    const heard = this.#heard;
    try {
      const settings = await this.bus.request(settingsGet, {});
      // An answer from before a change may come after the news of it. Else it counts, also when the settings were restored from a backup.
      if (heard === this.#heard || settings.revision >= this.#current.revision) this.#take(settings);
    } catch (error) {
      next = AGAIN_MS;
      this.#log.debug({ error: describeError(error) }, 'the settings could not be read, trying again');
    }
    clearTimeout(this.#timer);
    if (!this.#isOver) this.#timer = setTimeout(() => void this.#look(), next).unref();
  }
}

/** The provider of {@link FollowedSettings}. */
export const followedSettingsProvider: Provider = {
  provide: FollowedSettings,
  useFactory: (bus: Bus) => new FollowedSettings(bus),
  inject: [Bus],
};
