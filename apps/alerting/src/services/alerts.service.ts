import type { Bus } from '@lapwing/bus';
import {
  alertingChanged,
  type Actor,
  type Alert,
  type InputOf,
  type OutputOf,
  type alertAcknowledge,
  type alertHistory,
  type alertList,
} from '@lapwing/contracts';
import type { FollowedSettings } from '@lapwing/service';
import { alertOf, type AlertRow } from '../store/alert-row.js';
import type { LifeStore } from '../store/life.store.js';

const ROWS = 500;
const MAX_BYTES = 500_000;

/** Alerts as people see and handle them. */
export class AlertsService {
  constructor(
    private readonly bus: Bus,
    private readonly store: LifeStore,
    private readonly settings: FollowedSettings,
  ) {}

  /** Open alerts, as many as fit into a message. */
  async page(after: number | null): Promise<OutputOf<typeof alertList>> {
    const rows = await this.store.page(after, ROWS);
    const alerts = fitting(rows.map(alertOf));
    const isAll = alerts.length === rows.length && rows.length < ROWS;
    return { alerts, next: isAll ? null : (alerts.at(-1)?.occurrence ?? null) };
  }

  /** Alerts of before and of now. */
  async history(filter: InputOf<typeof alertHistory>): Promise<OutputOf<typeof alertHistory>> {
    const from = Math.max(filter.from ?? 0, this.settings.keptSince(Date.now()));
    const { alerts, total } = await this.store.history({ ...filter, from, limit: Math.min(filter.limit, ROWS) });
    return { alerts: fitting(alerts.map(alertOf)), total };
  }

  /** Forgets what is over. */
  async clearHistory(): Promise<number> {
    const deleted = await this.store.clearHistory();
    this.bus.announce(alertingChanged, 'history', { what: 'history' });
    return deleted;
  }

  /** Acknowledges open alerts, or takes that back. */
  async acknowledge(actor: Actor, ids: string[], acknowledged: boolean): Promise<OutputOf<typeof alertAcknowledge>> {
    const rows = await this.store.acknowledge(ids, acknowledged ? actor.name : null, Date.now());
    return this.#each(ids, rows);
  }

  /** Ends open alerts by hand. */
  async clear(actor: Actor, ids: string[]): Promise<OutputOf<typeof alertAcknowledge>> {
    return this.#each(ids, await this.store.clear(ids, actor.name, Date.now()));
  }

  #each(ids: string[], rows: AlertRow[]): OutputOf<typeof alertAcknowledge> {
    this.bus.announce(alertingChanged, 'alerts', { what: 'alerts' });
    const byId = new Map(rows.map((row) => [row.id, alertOf(row)]));
    let room = MAX_BYTES;
    const results = ids.map((id) => {
      const alert = byId.get(id) ?? null;
      room -= alert ? JSON.stringify(alert).length : 0;
      return { id, found: alert !== null, alert: room > 0 ? alert : null };
    });
    return { results };
  }
}

/** The first ones, as many as fit into a message; always one. */
function fitting(alerts: Alert[]): Alert[] {
  let bytes = 0;
  const end = alerts.findIndex((alert, index) => (bytes += JSON.stringify(alert).length) > MAX_BYTES && index > 0);
  return end === -1 ? alerts : alerts.slice(0, end);
}
