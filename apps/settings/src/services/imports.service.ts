import type { Bus } from '@lapwing/bus';
import {
  AuditFact,
  LapwingError,
  auditOccurred,
  configurationOwners,
  configurationSections,
  isAway,
  ownedConfiguration,
  settingsChanged,
  type Actor,
  type ConfigurationOwner,
  type ConfigurationPart,
  type SystemSettings,
  type TunableSettings,
} from '@lapwing/contracts';
import type { Statements } from '@lapwing/postgres';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExportDocument } from '../domain/export-document.js';
import type { SettingDifferences } from '../domain/stored.js';
import type { ImportRow, ImportState, ImportStore } from '../store/import.store.js';

/** What imports are made with. */
export interface ImportsParts {
  bus: Bus;
  store: ImportStore;
  /** The settings of the system as they are in force. */
  read: () => Promise<SystemSettings>;
  /** Has these settings hold, within a transaction; returns which of them were others before. */
  replace: (statements: Statements, settings: TunableSettings) => Promise<SettingDifferences>;
}

/** Who is told of a decision last: everybody. */
const NEWS = 'news';
const LOOK_MS = 5000;
const AGAIN_MS = 500;
/** So long may the owners take until it is decided. */
const STAGING_MS = 30_000;
/** So long whoever brought the file waits for owners to apply it. */
const PATIENCE_MS = 12_000;
/** What cannot be completed in a day is no longer tried. */
const GIVE_UP_MS = 86_400_000;

/**
 * Replaces configuration over several services, of which each has a database of its own: all of them keep first, judged, what is to hold; then one
 * row here says that it holds; and then each is told, for as long as it takes. See docs/adr/0026.
 */
export class ImportsService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('settings', 'imports');
  readonly #holder = randomUUID();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(private readonly parts: ImportsParts) {}

  onApplicationBootstrap(): void {
    const look = async (): Promise<void> => {
      await this.#look();
      if (!this.#stopped) this.#timer = setTimeout(again, LOOK_MS);
    };
    const again = (): void => {
      this.#looking = look();
    };
    again();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await this.parts.store
      .release(this.#holder)
      .catch((error: unknown) => this.#log.debug({ error: describeError(error) }, 'others take over in half a minute'));
  }

  /** The import that was decided last; `IMPORT_IN_PROGRESS` while it is not complete. */
  async newest(): Promise<string | undefined> {
    const row = await this.parts.store.newestDecided();
    if (row?.state === 'decided') throw inProgress();
    return row?.id;
  }

  /**
   * Has the sections of a file hold, all of them or none. Returns the id of the import.
   * `IMPORT_IN_PROGRESS`; `INVALID_INPUT` with section and field; `UNAVAILABLE`, which tells in `details.decided` whether it will be completed.
   */
  async run(document: ExportDocument, system: TunableSettings | undefined, actor: Actor): Promise<string> {
    const { parts, counts: sections } = document;
    const owners = configurationOwners.filter((owner) => parts.some(({ section }) => ownerOf(section) === owner));
    const who = { name: actor.name, userId: actor.userId, address: actor.address };
    const id = randomUUID();
    if (!(await this.parts.store.begin(id, this.#holder, who, sections))) throw inProgress();
    const row = { id, sections, actor: who, startedAt: Date.now() };
    let changed: SettingDifferences = {};
    try {
      await this.#stage(id, owners, parts);
      changed = await this.#decide(id, owners, system);
    } catch (error) {
      await this.#giveUp({ ...row, state: 'discarding', pending: [...owners] }, error);
    }
    if (system) await this.#tellSettings(row, changed);
    await this.#complete({ ...row, state: 'decided', pending: [...owners, NEWS] });
    return id;
  }

  async #stage(importId: string, owners: readonly ConfigurationOwner[], parts: ConfigurationPart[]): Promise<void> {
    const until = performance.now() + STAGING_MS;
    for (const owner of owners) {
      const own = parts.filter(({ section }) => ownerOf(section) === owner);
      for (const [number, part] of own.entries()) {
        if (performance.now() > until) throw new LapwingError('TIMEOUT', 'the services take too long');
        await this.parts.store.touch(importId, this.#holder);
        const isLast = number === own.length - 1;
        await this.parts.bus.request(ownedConfiguration[owner].stage, { importId, number, part, isLast });
      }
    }
  }

  async #decide(
    id: string,
    owners: readonly ConfigurationOwner[],
    system: TunableSettings | undefined,
  ): Promise<SettingDifferences> {
    let changed: SettingDifferences = {};
    const decided = await this.parts.store.decide(id, this.#holder, [...owners, NEWS], async (transaction) => {
      if (system) changed = await this.parts.replace(transaction, system);
    });
    if (!decided)
      throw new LapwingError('UNAVAILABLE', 'the import took too long, and another replica has given it up');
    return changed;
  }

  /** The settings hold with the decision, however long the owners take; said again when all have applied. */
  async #tellSettings({ id, actor }: Pick<ImportRow, 'id' | 'actor'>, changed: SettingDifferences): Promise<void> {
    try {
      await this.parts.bus.publish(settingsChanged, 'system', await this.parts.read());
      const details = { ...AuditFact.shape.details.parse(changed), importId: id };
      const fact = { type: 'settings', action: 'settings_changed', target: Object.keys(changed).join(', '), details };
      const eventId = randomUUID();
      await this.parts.bus.publish(auditOccurred, 'settings', { ...fact, eventId, time: Date.now(), actor }, eventId);
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'settings that were imported could not be told yet');
    }
  }

  /** After a fault before the decision, or while it was written: then it may have been decided all the same. */
  async #giveUp(row: ImportRow, cause: unknown): Promise<void> {
    const { id } = row;
    let state: ImportState | undefined;
    try {
      state = await this.parts.store.giveUp(id, row.pending);
    } catch (error) {
      this.#log.warn({ error: describeError(error), importId: id }, 'an import could not be given up yet');
      throw new LapwingError(
        'UNAVAILABLE',
        'the database went away during the import: unless it was decided in that moment, nothing has changed, and nothing will; look when the database is back',
        { importId: id, decided: null },
      );
    }
    if (state === 'decided') return;
    // Whoever is away is told later; the file's sender need not wait for it.
    await this.#drive(row).catch((error: unknown) =>
      this.#log.info({ error: describeError(error), importId: id }, 'an import that was given up is discarded later'),
    );
    throw isAway(cause) ? awayBefore(cause, id) : cause;
  }

  /** Waits a while for all to apply what was decided; afterwards it goes on by itself. */
  async #complete(row: ImportRow): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.#drive(row);
      } catch (error) {
        if (!isAway(error)) this.#log.error({ error: describeError(error), importId: row.id }, 'an import is stuck');
        if (error instanceof LapwingError && error.details['decided'] === true) throw error;
        if (performance.now() > until || this.#stopped || !isAway(error)) {
          await this.#letGo(row.id);
          throw awayAfter(row);
        }
        await pause(AGAIN_MS);
      }
    }
  }

  /** Tells all who are still to be told, and closes the import then. */
  async #drive(row: ImportRow): Promise<void> {
    const isApplied = row.state === 'decided';
    try {
      await this.#tellAll(row, isApplied ? 'apply' : 'discard');
    } catch (error) {
      if (!isHopeless(error, row)) throw error;
      this.#log.error({ error: describeError(error), importId: row.id }, 'a decided import cannot be completed');
      await this.#audit(row, 'failed');
      await this.parts.store.end(row.id, 'failed');
      throw new LapwingError(
        'INTERNAL',
        'the import was decided, but a service had lost what was to hold: import again',
        {
          importId: row.id,
          decided: true,
        },
      );
    }
    await this.parts.store.end(row.id, isApplied ? 'applied' : 'discarded');
  }

  async #tellAll(row: ImportRow, verb: 'apply' | 'discard'): Promise<void> {
    const waiting = row.pending.slice();
    for (const who of waiting) {
      await this.parts.store.touch(row.id, this.#holder);
      const owner = configurationOwners.find((one) => one === who);
      if (owner) await this.parts.bus.request(ownedConfiguration[owner][verb], { importId: row.id });
      else await this.#news(row);
      await this.parts.store.told(row.id, who);
      row.pending.splice(row.pending.indexOf(who), 1);
    }
  }

  /** What settings itself has to say: said twice it is no harm. */
  async #news(row: ImportRow): Promise<void> {
    if (row.sections.system !== undefined)
      await this.parts.bus.publish(settingsChanged, 'system', await this.parts.read());
    await this.#audit(row, 'imported');
  }

  async #audit({ id, sections, actor }: ImportRow, action: 'imported' | 'failed'): Promise<void> {
    const fact = { type: 'configuration', action, target: 'configuration', details: { importId: id, sections } };
    const eventId = action === 'imported' ? id : randomUUID();
    await this.parts.bus.publish(auditOccurred, 'settings', { ...fact, eventId, time: Date.now(), actor }, eventId);
  }

  /** Somebody else, or this one, may go on with it at the next look. */
  async #letGo(id: string): Promise<void> {
    await this.parts.store
      .release(this.#holder, id)
      .catch((error: unknown) => this.#log.debug({ error: describeError(error) }, 'it is taken over in half a minute'));
  }

  /** Goes on with what nobody drives any more: of a process that has ended, or that waits for somebody who was away. */
  async #look(): Promise<void> {
    try {
      if (!this.parts.bus.online) return;
      const row = await this.parts.store.takeOver(this.#holder, configurationOwners);
      if (row)
        await this.#drive(row).catch((error: unknown) =>
          this.#letGo(row.id).then(() => Promise.reject(error as Error)),
        );
    } catch (error) {
      this.#log.debug({ error: describeError(error) }, 'an import is not completed yet');
    }
  }
}

const ownerOf = (section: ConfigurationPart['section']): string => configurationSections[section];

function inProgress(): LapwingError {
  return new LapwingError(
    'IMPORT_IN_PROGRESS',
    'an import of the configuration is under way: wait until it is complete',
  );
}

/** Nothing that comes later will let it be completed. */
function isHopeless(error: unknown, { state, startedAt }: ImportRow): boolean {
  if (state !== 'decided') return false;
  const isLost = error instanceof LapwingError && error.code === 'NOT_FOUND';
  return isLost || startedAt < Date.now() - GIVE_UP_MS;
}

function awayBefore(cause: unknown, importId: string): LapwingError {
  const why = cause instanceof LapwingError ? cause.message : '';
  return new LapwingError('UNAVAILABLE', `nothing was changed: ${why}`, { importId, decided: false });
}

function awayAfter({ id, pending, sections }: ImportRow): LapwingError {
  const waiting = pending.filter((who) => who !== NEWS);
  const text = `the import is decided, being completed: it holds as soon as ${waiting.join(' and ') || 'the database'} is back, without anybody's help`;
  return new LapwingError('UNAVAILABLE', text, { importId: id, decided: true, pending: waiting, sections });
}
