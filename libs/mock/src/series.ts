import type { ChartMetric, MockConfig, OutputOf, PolledKind, chartsGet } from '@lapwing/contracts';
import { MOCK_TARGETS } from './estate.js';
import { guestFigures, type GuestPlan } from './guests.js';
import type { Clock } from './motion.js';
import { nodeFigures, type NodePlan } from './nodes.js';
import { planOf, type Plan } from './plan.js';
import { storageUsed, type StoragePlan } from './storages.js';

/** The most points of a series; of more, the newest are told. */
export const MAX_MOCK_POINTS = 2000;

/** What a resource shows as a metric at an instant. */
type Figure<T> = (thing: T, clock: Clock) => number | null;
type Figures<T> = { [M in ChartMetric]?: Figure<T> };

const percent = (used: number | null, total: number): number | null => (used === null ? null : (used / total) * 100);

const ofNode: Figures<NodePlan> = {
  cpu: nodeFigures.cpu,
  memory: (node, clock) => percent(nodeFigures.memoryUsed(node, clock), node.memoryTotal),
  disk: (node, clock) => percent(nodeFigures.diskUsed(node, clock), node.diskTotal),
  diskUsed: nodeFigures.diskUsed,
  total: (node) => node.diskTotal,
};
const ofGuest: Figures<GuestPlan> = {
  cpu: guestFigures.cpu,
  memory: (guest, clock) => percent(guestFigures.memoryUsed(guest, clock), guest.memoryTotal),
  disk: (guest, clock) => percent(guestFigures.diskUsed(guest, clock), guest.diskTotal),
  diskUsed: guestFigures.diskUsed,
  total: (guest, clock) => (guestFigures.diskUsed(guest, clock) === null ? null : guest.diskTotal),
  diskRead: (guest, clock) => guestFigures.rate(guest, 'diskRead', clock),
  diskWrite: (guest, clock) => guestFigures.rate(guest, 'diskWrite', clock),
  networkIn: (guest, clock) => guestFigures.rate(guest, 'networkIn', clock),
  networkOut: (guest, clock) => guestFigures.rate(guest, 'networkOut', clock),
};
const ofStorage: Figures<StoragePlan> = {
  disk: (storage, clock) => percent(storageUsed(storage, clock), storage.total),
  diskUsed: storageUsed,
  total: (storage) => storage.total,
};

/**
 * A series of a made-up resource, in the shape of an element of what `chartsGet` answers; undefined for a resource that is not made up.
 * The points lie on the multiples of the step from `from` to `to`, both included, and are what {@link mockEstate} shows at these instants:
 * percent, bytes, bytes per second. What a resource does not have is null throughout.
 */
export function mockSeries(
  config: MockConfig,
  question: {
    targetId: string;
    kind: PolledKind;
    /** The node's name; the guest's number; the storage's name, with its node before it and a `/` unless it is shared. */
    name: string;
    metrics: ChartMetric[];
    /** Milliseconds since 1970. */
    from: number;
    to: number;
    /** Whole seconds, at least 1. */
    step: number;
  },
): OutputOf<typeof chartsGet>['series'][number] | undefined {
  const { targetId, kind, name, metrics } = question;
  if (targetId !== MOCK_TARGETS.pve) return undefined;
  const plan = planOf(config);
  const read = reader(plan, kind, name);
  if (!read) return undefined;
  const clocks = timesOf(question).map((now) => ({ now, moving: plan.moving }));
  return {
    name,
    times: clocks.map(({ now }) => now),
    values: Object.fromEntries(metrics.map((metric) => [metric, clocks.map((clock) => read(metric, clock))])),
  };
}

type Reader = (metric: ChartMetric, clock: Clock) => number | null;

function reader(plan: Plan, kind: PolledKind, name: string): Reader | undefined {
  if (kind === 'node') return bind(plan.byName.node.get(name), ofNode);
  if (kind === 'guest') return bind(plan.byName.guest.get(name), ofGuest);
  return bind(plan.byName.storage.get(name), ofStorage);
}

function bind<T>(thing: T | undefined, figures: Figures<T>): Reader | undefined {
  return thing === undefined ? undefined : (metric, clock) => figures[metric]?.(thing, clock) ?? null;
}

function timesOf({ from, to, step }: { from: number; to: number; step: number }): number[] {
  const width = Math.max(1, step) * 1000;
  const last = Math.floor(to / width);
  const first = Math.max(Math.ceil(from / width), last - MAX_MOCK_POINTS + 1);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => (first + index) * width);
}
