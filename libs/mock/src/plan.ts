import type { MockConfig } from '@lapwing/contracts';
import { planDocker, type DockerPlan } from './docker-plan.js';
import { planGuests, type GuestPlan } from './guests.js';
import { planNodes, type NodePlan } from './nodes.js';
import { planStorages, type StoragePlan } from './storages.js';

/** What of the made-up machines does not change with time. */
export interface Plan {
  moving: boolean;
  nodes: NodePlan[];
  guests: GuestPlan[];
  storages: StoragePlan[];
  docker: DockerPlan[];
  /** By the names of series. */
  byName: { node: Map<string, NodePlan>; guest: Map<string, GuestPlan>; storage: Map<string, StoragePlan> };
}

let last: { key: string; plan: Plan } | undefined;

/** The plan of a configuration. The last one is kept: it is asked for at every beat. */
export function planOf(config: MockConfig): Plan {
  const key = JSON.stringify(config);
  if (last?.key !== key) last = { key, plan: makePlan(config) };
  return last.plan;
}

function makePlan(config: MockConfig): Plan {
  const nodes = planNodes(config);
  const guests = planGuests(config, nodes);
  const storages = planStorages(nodes);
  return {
    moving: config.randomMetrics,
    nodes,
    guests,
    storages,
    docker: planDocker(config),
    byName: {
      node: new Map(nodes.map((node) => [node.name, node])),
      guest: new Map(guests.map((guest) => [String(guest.vmid), guest])),
      storage: new Map(storages.map((storage) => [storage.series, storage])),
    },
  };
}
