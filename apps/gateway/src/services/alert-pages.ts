import type { Bus } from '@lapwing/bus';
import {
  alertHistory,
  alertList,
  deliveryList,
  type Alert,
  type Delivery,
  type OutputOf,
  type QuestionOf,
} from '@lapwing/contracts';

/** So many open alerts are shown, the newest ones. */
export const MAX_OPEN = 20_000;
const MAX_PAGES = 1000;
/** Deliveries name many alerts: so many of them fit into a message, however long the names are. */
const DELIVERIES = 100;

/** Open alerts, the newest first, page by page. */
export async function* openAlerts(bus: Bus): AsyncGenerator<Alert[]> {
  let after: number | null = null;
  let count = 0;
  for (let page = 0; page < MAX_PAGES && count < MAX_OPEN; page++) {
    const { alerts, next }: OutputOf<typeof alertList> = await bus.request(alertList, { after });
    yield alerts.slice(0, MAX_OPEN - count);
    if (next === null) return;
    count += alerts.length;
    after = next;
  }
}

/** Which alerts of before are wanted. */
export type PastFilter = Omit<QuestionOf<typeof alertHistory>, 'limit' | 'offset'>;

/** Alerts of before and of now, the newest first, page by page; what moved to the next page meanwhile does not come twice. */
export async function* pastAlerts(
  bus: Bus,
  filter: PastFilter,
  { limit, offset }: { limit: number; offset: number },
): AsyncGenerator<OutputOf<typeof alertHistory>> {
  const seen = new Set<string>();
  const isNew = ({ id, occurrence }: Alert): boolean => {
    const key = `${occurrence} ${id}`;
    return !seen.has(key) && seen.add(key).size > 0;
  };
  for (let at = offset; at < offset + limit;) {
    const page = await bus.request(alertHistory, { ...filter, offset: at, limit: offset + limit - at });
    yield { alerts: page.alerts.filter(isNew), total: page.total };
    at += page.alerts.length;
    if (page.alerts.length === 0 || at >= page.total) return;
  }
}

/** The same at once, for pages that are small. */
export async function allPastAlerts(
  bus: Bus,
  filter: PastFilter,
  range: { limit: number; offset: number },
): Promise<OutputOf<typeof alertHistory>> {
  const all: OutputOf<typeof alertHistory> = { alerts: [], total: 0 };
  for await (const { alerts, total } of pastAlerts(bus, filter, range)) {
    all.alerts.push(...alerts);
    all.total = total;
  }
  return all;
}

/** What was told to whom, the newest first. */
export async function deliveries(
  bus: Bus,
  { limit, offset, ...filter }: QuestionOf<typeof deliveryList> & { limit: number; offset: number },
): Promise<OutputOf<typeof deliveryList>> {
  const all = new Map<string, Delivery>();
  let total = 0;
  for (let at = offset; at < offset + limit;) {
    const question = { ...filter, offset: at, limit: Math.min(DELIVERIES, offset + limit - at) };
    const page = await bus.request(deliveryList, question);
    for (const delivery of page.deliveries) all.set(delivery.id, delivery);
    total = page.total;
    at += page.deliveries.length;
    if (page.deliveries.length === 0 || at >= total) break;
  }
  return { deliveries: [...all.values()], total };
}
