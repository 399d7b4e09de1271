import { cephUsed, type Ceph, type CephPool } from './ceph.js';
import { nodeOf } from './pve-nodes.js';
import { ProxmoxError, type Ask, type Routes } from './router.js';
import { nowSeconds } from './units.js';

type Entry = Record<string, unknown>;
const release = 'ceph version 19.2.3 (2f03f1cd83e5d40cdf1393cb64a662a8e8bb07c6) squid (stable)';

function cephOf({ estate }: Ask): Ceph {
  if (estate.ceph) return estate.ceph;
  throw new ProxmoxError(500, 'binary not installed: /usr/bin/ceph-mon');
}

function status(ask: Ask): Entry {
  const ceph = cephOf(ask);
  const checks = ceph.checks.map(({ name, severity, message }) => [
    name,
    { severity, summary: { message, count: 1 }, muted: false },
  ]);
  const used = cephUsed(ceph);
  const [active, ...standbys] = ceph.monitors;
  return {
    fsid: ceph.fsid,
    health: { status: ceph.health, checks: Object.fromEntries(checks) as Entry, mutes: [] },
    election_epoch: 42,
    quorum: ceph.monitors.map((_, rank) => rank),
    quorum_names: ceph.monitors,
    quorum_age: 812_004,
    monmap: { epoch: 3, fsid: ceph.fsid, min_mon_release_name: 'squid', mons: monitors(ask, ceph) },
    osdmap: {
      epoch: 1207,
      num_osds: ceph.osds.length,
      num_up_osds: ceph.osds.filter(({ up }) => up).length,
      osd_up_since: nowSeconds() - 812_000,
      num_in_osds: ceph.osds.filter((osd) => osd.in).length,
      osd_in_since: nowSeconds() - 2_812_000,
      num_remapped_pgs: 0,
    },
    pgmap: {
      pgs_by_state: [
        {
          state_name: 'active+clean',
          count: ceph.placementGroups,
        },
      ],
      num_pgs: ceph.placementGroups,
      num_pools: ceph.pools.length,
      num_objects: ceph.pools.reduce((sum, { objects }) => sum + objects, 0),
      data_bytes: ceph.pools.reduce((sum, { stored }) => sum + stored, 0),
      bytes_used: used,
      bytes_avail: ceph.total - used,
      bytes_total: ceph.total,
      read_bytes_sec: ceph.reading,
      write_bytes_sec: ceph.writing,
      read_op_per_sec: Math.round(ceph.reading / 32768),
      write_op_per_sec: Math.round(ceph.writing / 16384),
    },
    fsmap: { epoch: 1, by_rank: [], 'up:standby': 0 },
    mgrmap: {
      available: true,
      active_name: active,
      standbys: standbys.map((name) => ({ name })),
      num_standbys: standbys.length,
    },
    servicemap: { epoch: 1, modified: '2025-01-01T00:00:00.000000+0000', services: {} },
    progress_events: {},
  };
}

function monitors({ estate }: Ask, ceph: Ceph): Entry[] {
  return ceph.monitors.map((name, rank) => {
    const address = `${estate.nodes.get(name)?.address ?? '10.10.0.1'}:6789/0`;
    return { rank, name, addr: address, public_addr: address, priority: 0, weight: 0 };
  });
}

function df(ask: Ask): Entry {
  const ceph = cephOf(ask);
  const used = cephUsed(ceph);
  const stats = {
    total_bytes: ceph.total,
    total_avail_bytes: ceph.total - used,
    total_used_bytes: used,
    total_used_raw_bytes: used,
    total_used_raw_ratio: used / ceph.total,
  };
  return {
    stats: { ...stats, num_osds: ceph.osds.length, num_per_pool_osds: ceph.osds.length },
    stats_by_class: { ssd: stats },
    pools: ceph.pools.map((pool) => ({ name: pool.name, id: pool.id, stats: poolStats(ceph, pool) })),
  };
}

function poolStats(ceph: Ceph, { stored, objects, replicas }: CephPool): Record<string, number> {
  const bytes = stored * replicas;
  const room = Math.floor(((ceph.total - cephUsed(ceph)) * 0.95) / replicas);
  return {
    stored,
    objects,
    kb_used: Math.ceil(bytes / 1024),
    bytes_used: bytes,
    percent_used: stored / (stored + room),
    max_avail: room,
  };
}

function pools(ask: Ask): Entry[] {
  nodeOf(ask);
  const ceph = cephOf(ask);
  return ceph.pools.map((pool) => {
    const { bytes_used, percent_used } = poolStats(ceph, pool);
    return {
      pool: pool.id,
      pool_name: pool.name,
      type: 'replicated',
      size: pool.replicas,
      min_size: 2,
      pg_num: pool.id === 1 ? 1 : 128,
      pg_autoscale_mode: 'on',
      crush_rule: 0,
      crush_rule_name: 'replicated_rule',
      bytes_used,
      percent_used,
    };
  });
}

function metadata(ask: Ask): Entry {
  const ceph = cephOf(ask);
  const version = { ceph_version: release, ceph_version_short: '19.2.3', ceph_release: 'squid' };
  const daemons = Object.fromEntries(
    ceph.monitors.map((name) => [`${name}@${name}`, { ...version, hostname: name, name, service: 1, direxists: 1 }]),
  ) as Entry;
  const node = {
    version: { str: '19.2.3', parts: ['19', '2', '3'] },
    buildcommit: '2f03f1cd83e5d40cdf1393cb64a662a8e8bb07c6',
  };
  return {
    mon: daemons,
    mgr: daemons,
    mds: {},
    osd: ceph.osds.map(({ id, node: hostname }) => ({ ...version, id, hostname, osd_objectstore: 'bluestore' })),
    node: Object.fromEntries([...ask.estate.nodes.keys()].map((name) => [name, node])) as Entry,
  };
}

/** What Ceph says through Proxmox VE. */
export const cephRoutes: Routes = {
  '/cluster/ceph/status': status,
  '/cluster/ceph/df': df,
  '/cluster/ceph/metadata': metadata,
  '/nodes/{n}/ceph/status': (ask) => (nodeOf(ask), status(ask)),
  '/nodes/{n}/ceph/pool': pools,
};
