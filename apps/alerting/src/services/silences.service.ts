import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  alertingChanged,
  type Actor,
  type MaintenanceDraft,
  type MaintenanceWindow,
  type Silence,
  type SilenceDraft,
} from '@lapwing/contracts';
import type { Schema, Transaction } from '@lapwing/postgres';
import { randomUUID } from 'node:crypto';
import { subjectOf } from '../domain/decision.js';
import { maintenanceSpan, nextMaintenance, type MaintenanceWindow as Window } from '../domain/quiet/maintenance.js';
import { matches, silenceStatus } from '../domain/quiet/silence.js';
import type { LifeStore } from '../store/life.store.js';
import type { MaintenanceRow, SilenceRow, SilenceStore } from '../store/silence.store.js';

const LOCK = 7_524_622;
const MAX_SILENCES = 200;
/** How many maintenance windows there may be. */
export const MAX_WINDOWS = 200;

/** Silences and maintenance windows: when alerts that match raise no messages. */
export class SilencesService {
  constructor(
    private readonly bus: Bus,
    private readonly schema: Schema,
    private readonly store: SilenceStore,
    private readonly alerts: LifeStore,
  ) {}

  /** All that may keep something quiet. */
  async load(): Promise<{ silences: SilenceRow[]; windows: Window[] }> {
    const [silences, windows] = await Promise.all([this.store.silences(), this.store.windows()]);
    return { silences, windows: windows.map(({ id, draft }) => ({ id, ...draft })) };
  }

  /** All silences. */
  async silences(): Promise<Silence[]> {
    const [silences, open] = await Promise.all([this.store.silences(), this.alerts.open()]);
    const now = Date.now();
    const subjects = open.map((alert) => subjectOf({ ...alert, alertId: alert.id }));
    return silences.map((silence) => {
      const isActive = silenceStatus(silence, now) === 'active';
      const alerts = isActive ? subjects.filter((subject) => matches(silence.matchers, subject)).length : 0;
      return { ...silence, alerts };
    });
  }

  /** Makes a silence. `INVALID_INPUT` when it is over already, or there are too many. */
  async createSilence(actor: Actor, draft: SilenceDraft): Promise<Silence> {
    const row: SilenceRow = { ...draft, id: randomUUID(), createdBy: actor.name, createdAt: Date.now() };
    await this.#write('silences', async (transaction) => {
      const count = (await this.store.silences(transaction)).filter(({ endsAt }) => endsAt > row.createdAt).length;
      if (count >= MAX_SILENCES)
        throw new LapwingError('INVALID_INPUT', `at most ${MAX_SILENCES} silences can be kept`);
      await this.store.putSilence(transaction, inFuture(row));
    });
    return this.#silence(row.id);
  }

  /** Changes a silence. `NOT_FOUND`, `INVALID_INPUT`. */
  async updateSilence(id: string, draft: SilenceDraft): Promise<Silence> {
    await this.#write('silences', async (transaction) => {
      const known = (await this.store.silences(transaction)).find((one) => one.id === id);
      if (!known) throw new LapwingError('NOT_FOUND', 'no such silence');
      await this.store.putSilence(transaction, inFuture({ ...known, ...draft }));
    });
    return this.#silence(id);
  }

  /** Ends a silence now. `NOT_FOUND` when there is none, or it is over. */
  async endSilence(id: string): Promise<void> {
    if (!(await this.store.endSilence(id, Date.now()))) throw new LapwingError('NOT_FOUND', 'no such silence');
    this.#tell('silences');
  }

  async #silence(id: string): Promise<Silence> {
    const found = (await this.silences()).find((one) => one.id === id);
    if (!found) throw new LapwingError('NOT_FOUND', 'no such silence');
    return found;
  }

  /** All maintenance windows. */
  async windows(): Promise<MaintenanceWindow[]> {
    const now = Date.now();
    return (await this.store.windows()).map((row) => shown(row, now));
  }

  /** The windows as they are kept. */
  kept(): Promise<MaintenanceRow[]> {
    return this.store.windows();
  }

  /** Has these windows instead of those that there are; {@link toldWindows} is for after the commit. */
  async replaceWindows(transaction: Transaction, rows: MaintenanceRow[]): Promise<void> {
    await this.schema.hold(transaction, { kind: LOCK });
    await this.store.clearWindows(transaction);
    for (const row of rows) await this.store.putWindow(transaction, row);
  }

  /** Windows that were written hold from now on, everywhere. */
  toldWindows(): void {
    this.#tell('maintenance');
  }

  /** Makes a window. `INVALID_INPUT` when there are too many. */
  async createWindow(actor: Actor, draft: MaintenanceDraft): Promise<MaintenanceWindow> {
    const row: MaintenanceRow = { id: randomUUID(), draft, createdBy: actor.name, createdAt: Date.now() };
    await this.#write('maintenance', async (transaction) => {
      if ((await this.store.windows(transaction)).length >= MAX_WINDOWS)
        throw new LapwingError('INVALID_INPUT', `at most ${MAX_WINDOWS} maintenance windows can be kept`);
      await this.store.putWindow(transaction, row);
    });
    return shown(row, row.createdAt);
  }

  /** Changes a window. `NOT_FOUND`. */
  async updateWindow(id: string, draft: MaintenanceDraft): Promise<MaintenanceWindow> {
    return this.#write('maintenance', async (transaction) => {
      const known = (await this.store.windows(transaction)).find((one) => one.id === id);
      if (!known) throw new LapwingError('NOT_FOUND', 'no such maintenance window');
      const row = { ...known, draft };
      await this.store.putWindow(transaction, row);
      return shown(row, Date.now());
    });
  }

  /** Removes a window. `NOT_FOUND`. */
  async deleteWindow(id: string): Promise<void> {
    if (!(await this.store.deleteWindow(id))) throw new LapwingError('NOT_FOUND', 'no such maintenance window');
    this.#tell('maintenance');
  }

  async #write<T>(what: 'silences' | 'maintenance', work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const result = await this.schema.exclusive(`${what}.change`, { kind: LOCK }, work);
    this.#tell(what);
    return result;
  }

  #tell(what: 'silences' | 'maintenance'): void {
    this.bus.announce(alertingChanged, what, { what });
  }
}

function inFuture(row: SilenceRow): SilenceRow {
  if (row.endsAt <= Date.now()) throw new LapwingError('INVALID_INPUT', 'the end of a silence must lie in the future');
  return row;
}

function shown({ id, draft, createdBy, createdAt }: MaintenanceRow, now: number): MaintenanceWindow {
  const window: Window = { id, ...draft };
  const activeUntil = maintenanceSpan(window, now)?.to ?? null;
  return { id, ...draft, createdBy, createdAt, activeUntil, nextAt: nextMaintenance(window, now)?.from ?? null };
}
