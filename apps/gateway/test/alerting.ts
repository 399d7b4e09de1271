import {
  AlertConfig,
  alertAcknowledge,
  alertChanged,
  alertClear,
  alertConfigGet,
  alertConfigUpdate,
  alertHistory,
  alertList,
  alerthistoryClear,
  alertingChanged,
  defaultAlertConfig,
  type Alert,
  type LapwingError,
  type PayloadOf,
  type RequestContract,
  type OutputOf,
  type InputOf,
} from '@lapwing/contracts';
import { Bus } from '@lapwing/bus';

/** When the alerts of tests began. */
export const BEGAN = Date.UTC(2026, 0, 15, 10, 0, 0, 123);

/** An alert that is open. */
export function openAlert(changes: Partial<Alert> = {}): Alert {
  const resource = {
    id: 'web-1',
    name: 'web-1',
    type: 'host' as const,
    node: 'web-1',
    instance: 'web-1',
    parents: [],
  };
  return {
    id: 'web-1-cpu',
    occurrence: 1,
    level: 'warning',
    signal: 'cpu',
    resource,
    message: 'CPU of web-1 is at 85 %',
    value: 85,
    threshold: 80,
    clearThreshold: 75,
    unit: '%',
    startedAt: BEGAN,
    lastSeenAt: BEGAN + 10_000,
    resolvedAt: null,
    resolution: null,
    acknowledgedAt: null,
    acknowledgedBy: null,
    score: 44,
    why: '80 or more for 5 s',
    samples: [[BEGAN, 85]],
    flapping: false,
    inhibitedBy: null,
    quiet: '',
    affected: [],
    affectedCount: 0,
    incidentId: 7,
    lastNotifiedAt: null,
    escalatedAt: [],
    ...changes,
  };
}

/** Of a file system, with a name that has slashes. */
export const diskAlert = openAlert({
  id: 'web-1-disk-/var/lib-disk',
  occurrence: 2,
  level: 'critical',
  signal: 'disk',
  resource: {
    id: 'web-1-disk-/var/lib',
    name: '/var/lib',
    type: 'host',
    node: 'web-1',
    instance: 'web-1',
    parents: [],
  },
  score: 90,
  acknowledgedAt: BEGAN,
  acknowledgedBy: 'ann',
});
/** Of a guest. */
export const guestAlert = openAlert({
  id: 'home-pve1-100-cpu',
  occurrence: 3,
  resource: { id: 'home-pve1-100', name: 'web', type: 'guest', node: 'pve1', instance: 'home', parents: ['home-pve1'] },
});
/** Of before. */
export const pastAlert = openAlert({ id: 'old', occurrence: 4, resolvedAt: BEGAN + 60_000, resolution: 'recovered' });

/** Plays the service of alerts: what it holds, and what it was asked. */
export class Alerting {
  open: Alert[] = [];
  past: Alert[] = [];
  config: AlertConfig = defaultAlertConfig;
  refusal: LapwingError | undefined;
  /** So many alerts fit into an answer. */
  page = 2;
  readonly asked: { name: string; input: unknown }[] = [];

  private constructor(private readonly bus: Bus) {}

  /** Answers what most tests ask. */
  static async play(bus: Bus): Promise<Alerting> {
    const alerting = new Alerting(bus);
    await alerting.#play();
    return alerting;
  }

  async #play(): Promise<void> {
    await this.answer(alertList, ({ after }) => {
      const from = after === null ? 0 : this.open.findIndex(({ occurrence }) => occurrence === after) + 1;
      const alerts = this.open.slice(from, from + this.page);
      const isLast = from + this.page >= this.open.length;
      return { alerts, next: isLast ? null : (alerts.at(-1)?.occurrence ?? null) };
    });
    await this.answer(alertHistory, ({ limit, offset, level, incidentId }) => {
      const all = [...this.open, ...this.past].filter(
        (alert) =>
          (level === null || alert.level === level) && (incidentId === null || alert.incidentId === incidentId),
      );
      return { alerts: all.slice(offset, offset + Math.min(limit, this.page)), total: all.length };
    });
    await this.answer(alerthistoryClear, () => ({ deleted: this.past.splice(0).length }));
    await this.answer(alertAcknowledge, ({ ids, actor, acknowledged }) =>
      this.#each(ids, (alert) => ({
        ...alert,
        acknowledgedAt: acknowledged ? BEGAN + 20_000 : null,
        acknowledgedBy: acknowledged ? actor.name : null,
      })),
    );
    await this.answer(alertClear, ({ ids }) =>
      this.#each(ids, (alert) => ({ ...alert, resolvedAt: BEGAN + 30_000, resolution: 'cleared' })),
    );
    await this.answer(alertConfigGet, () => this.config);
    await this.answer(
      alertConfigUpdate,
      ({ patch }) => (this.config = AlertConfig.parse(merged(this.config, patch)) satisfies AlertConfig),
    );
  }

  /** Answers a request from now on, and remembers what was asked. */
  async answer<C extends RequestContract>(contract: C, how: (input: InputOf<C>) => OutputOf<C>): Promise<void> {
    this.bus.respond(contract, async (input) => {
      this.asked.push({ name: contract.name, input });
      if (this.refusal) throw this.refusal;
      return how(input);
    });
    // NATS knows of it then, and leads questions here.
    await this.bus.connection.link().connection.flush();
  }

  /** What a request was asked last. */
  lastOf(contract: RequestContract): unknown {
    return this.asked.findLast(({ name }) => name === contract.name)?.input;
  }

  /** Says that something happened to an alert. */
  async say(change: PayloadOf<typeof alertChanged>['change'], alert: Alert): Promise<number> {
    const { position } = await this.bus.publish(alertChanged, alert.id, { change, alert, time: Date.now() });
    return position;
  }

  /** Says that open alerts must be read anew. */
  news(): void {
    this.bus.announce(alertingChanged, 'config', { what: 'config' });
  }

  #each(ids: string[], change: (alert: Alert) => Alert) {
    const results = ids.map((id) => {
      const index = this.open.findIndex((alert) => alert.id === id);
      const alert = this.open[index];
      if (!alert) return { id, found: false, alert: null };
      const changed = change(alert);
      if (changed.resolvedAt === null) this.open[index] = changed;
      else this.open.splice(index, 1);
      return { id, found: true, alert: changed };
    });
    return { results };
  }
}

function merged(before: unknown, patch: unknown): unknown {
  if (typeof before !== 'object' || before === null || typeof patch !== 'object' || patch === null) return patch;
  if (Array.isArray(patch)) return patch;
  const entries = Object.entries(patch).map(([name, one]) => [
    name,
    merged((before as Record<string, unknown>)[name], one),
  ]);
  return { ...before, ...(Object.fromEntries(entries) as object) };
}
