import { agentRoutes } from './pve-agent.js';
import { cephRoutes } from './pve-ceph.js';
import { guestRoutes } from './pve-guests.js';
import { nodeRoutes, versionOf } from './pve-nodes.js';
import { recordRoutes } from './pve-records.js';
import { clusterResources, clusterStatus, nodeList } from './pve-resources.js';
import type { Routes } from './router.js';

/** What Proxmox VE answers. Source: its API viewer and the Perl modules of pve-manager, qemu-server and pve-storage. */
export const pveRoutes: Routes = {
  '/version': versionOf,
  '/nodes': nodeList,
  '/cluster/resources': clusterResources,
  '/cluster/status': clusterStatus,
  ...nodeRoutes,
  ...guestRoutes,
  ...agentRoutes,
  ...recordRoutes,
  ...cephRoutes,
};
