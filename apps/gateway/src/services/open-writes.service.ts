import type { Bus } from '@lapwing/bus';
import { settingsChanged, settingsGet, type SystemSettings } from '@lapwing/contracts';
import { createLogger } from '@lapwing/telemetry';
import type { OnApplicationBootstrap } from '@nestjs/common';

/** What was heard counts for so long, should the news of a change be lost. */
const FRESH_MS = 1500;

/** Knows whether the writing routes of the home-security API want a credential. */
export class OpenWritesService implements OnApplicationBootstrap {
  readonly #log = createLogger('gateway', 'open-writes');
  #known: { answer: Promise<boolean>; until: number } | undefined;
  #wasOpen = false;

  constructor(private readonly bus: Bus) {}

  onApplicationBootstrap(): void {
    this.bus.listen(settingsChanged, '*', (settings) => {
      this.#known = undefined;
      this.#note(settings);
    });
    this.bus.connection.whenLinked(() => void this.areOpen());
  }

  /** Whether no credential is wanted, as of a second ago; false when nobody can tell. */
  async areOpen(): Promise<boolean> {
    if (!this.#known || this.#known.until <= Date.now()) {
      const answer = this.bus.request(settingsGet, {}).then((settings) => this.#note(settings));
      const known = { answer, until: Date.now() + FRESH_MS };
      this.#known = known;
      answer.catch(() => this.#known === known && (this.#known = undefined));
    }
    return this.#known.answer.catch(() => false);
  }

  #note({ apiKeyEnabled }: SystemSettings): boolean {
    if (!apiKeyEnabled && !this.#wasOpen)
      this.#log.warn(
        'API keys are switched off: anybody who reaches this server may change its settings and delete data',
      );
    this.#wasOpen = !apiKeyEnabled;
    return !apiKeyEnabled;
  }
}
