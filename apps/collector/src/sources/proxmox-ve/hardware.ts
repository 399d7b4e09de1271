import type { CephCluster, PhysicalDisk, ZfsPool } from '@lapwing/contracts';
import { amount, known, lines, record, records, text, whole, type Json } from '../proxmox/values.js';

/** The physical disks of a node, as `disks/list` tells them. */
export function parseDisks(data: unknown, node: string, checkedAt: number): PhysicalDisk[] {
  return records(data, 500).map((entry) => ({
    node,
    devPath: text(entry['devpath']),
    model: text(entry['model']),
    serial: text(entry['serial']),
    type: text(entry['type'], 32) || 'unknown',
    size: amount(entry['size']),
    health: text(entry['health'], 64).toUpperCase() || 'UNKNOWN',
    lifeLeft: lifeLeft(entry['wearout']),
    temperature: null,
    rpm: rpmOf(entry['rpm']),
    used: text(entry['used'], 64),
    checkedAt,
  }));
}

/** Percent of a disk's life that is left; Proxmox says `N/A` where the disk does not tell. */
function lifeLeft(value: unknown): number | null {
  const percent = known(value);
  return percent === undefined ? null : Math.min(percent, 100);
}

function rpmOf(value: unknown): number | null {
  const rpm = whole(value, -1);
  return rpm > 0 ? rpm : null;
}

/** The temperature of a disk in °C, out of `disks/smart`: an attribute of ATA, or a line of what an NVMe disk prints; null when it is not there. */
export function parseTemperature(data: unknown): number | null {
  const smart = record(data);
  const attributes = records(smart['attributes'], 200);
  const found = attributes.find(({ id, name }) => [190, 194].includes(whole(id)) || /^temperature/i.test(String(name)));
  const raw = /^\s*(\d{1,3})/.exec(text(found?.['raw']))?.[1];
  const printed = /^(?:Temperature|Current Drive Temperature):\s+(\d{1,3})/im.exec(lines(smart['text'], 16_384))?.[1];
  const celsius = raw ?? printed;
  return celsius === undefined ? null : Number(celsius);
}

/** The state of a ZFS pool out of `disks/zfs/{pool}`: its devices as a flat list. */
export function parseZfsPool(data: unknown, name: string): ZfsPool {
  const pool = record(data);
  const devices = flatten(records(pool['children'], 500)).map(deviceOf);
  const sum = (of: (device: ZfsPool['devices'][number]) => number): number =>
    devices.reduce((total, device) => Math.max(total, of(device)), 0);
  return {
    name: text(pool['name']) || name,
    state: text(pool['state'], 64) || text(pool['health'], 64),
    status: lines(pool['status'], 2000) || text(pool['errors'], 2000),
    scan: lines(pool['scan'], 2000),
    readErrors: sum(({ readErrors }) => readErrors),
    writeErrors: sum(({ writeErrors }) => writeErrors),
    checksumErrors: sum(({ checksumErrors }) => checksumErrors),
    devices,
  };
}

const MAX_DEVICES = 500;
const MAX_DEPTH = 8;

function flatten(devices: Json[], depth = 0): Json[] {
  if (depth > MAX_DEPTH) return [];
  return devices
    .flatMap((device) => [device, ...flatten(records(device['children'], MAX_DEVICES), depth + 1)])
    .slice(0, MAX_DEVICES);
}

function deviceOf(device: Json): ZfsPool['devices'][number] {
  const name = text(device['name']);
  return {
    name,
    type:
      text(device['type'], 64) || (device['children'] === undefined ? 'disk' : name.replace(/-\d+$/, '')).slice(0, 64),
    state: text(device['state'], 64),
    readErrors: amount(device['read']),
    writeErrors: amount(device['write']),
    checksumErrors: amount(device['cksum']),
    message: text(device['msg'], 1024),
  };
}

/** A Ceph cluster out of `cluster/ceph/status`, its pools and its daemons; undefined when that is no status. */
export function parseCeph(status: unknown, pools: CephCluster['pools'], metadata: unknown): CephCluster | undefined {
  const data = record(status);
  const fsid = text(data['fsid'], 64);
  if (fsid === '') return undefined;
  const health = record(data['health']);
  const usage = record(data['pgmap']);
  const osdmap = record(record(data['osdmap'])['osdmap'] ?? data['osdmap']);
  const monitors = records(record(data['monmap'])['mons']).map(({ name }) => text(name, 64));
  const inQuorum = (Array.isArray(data['quorum_names']) ? data['quorum_names'] : []).map((name) => text(name, 64));
  const manager = record(data['mgrmap']);
  const standbys = records(manager['standbys']).length || whole(manager['num_standbys']);
  const osds = whole(osdmap['num_osds']);
  const osdsUp = whole(osdmap['num_up_osds']);
  const active = text(manager['active_name'], 64) !== '' || manager['available'] === true;
  const offline = monitors.filter((name) => !inQuorum.includes(name)).map((name) => `mon.${name}`);
  return {
    fsid,
    name: 'Ceph',
    health: text(health['status'], 64),
    healthMessage: summaryOf(health),
    total: amount(usage['bytes_total']),
    used: amount(usage['bytes_used']),
    available: amount(usage['bytes_avail']),
    monitors: monitors.length,
    managers: (active ? 1 : 0) + standbys,
    osds,
    osdsUp,
    osdsIn: whole(osdmap['num_in_osds']),
    placementGroups: whole(usage['num_pgs']),
    pools: pools.slice(0, 500),
    services: [
      { type: 'mon', running: inQuorum.length, total: monitors.length, message: offlineMessage(offline) },
      managersOf(metadata, active ? 1 + standbys : standbys, text(manager['active_name'], 64)),
      { type: 'osd', running: osdsUp, total: osds, message: osds > osdsUp ? `Offline: ${osds - osdsUp} OSDs` : '' },
    ],
  };
}

const offlineMessage = (names: string[]): string =>
  names.length > 0 ? `Offline: ${names.join(', ')}`.slice(0, 1000) : '';

/** Managers by what the cluster remembers of them: one that is known and without an address is away. */
function managersOf(metadata: unknown, running: number, active: string): CephCluster['services'][number] {
  const all = Object.values(record(record(metadata)['mgr'])).map(record);
  const away = all.filter(
    (one) => one['addr'] === undefined && one['addrs'] === undefined && text(one['name']) !== active,
  );
  const names = away.map((one) => `mgr.${text(one['name'], 64)}@${text(one['hostname'], 64)}`);
  return {
    type: 'mgr',
    running,
    total: Math.max(all.length, running),
    message: all.length > running ? offlineMessage(names) : '',
  };
}

function summaryOf(health: Json): string {
  const checks = Object.values(record(health['checks'])).map((check) =>
    text(record(record(check)['summary'])['message'], 500),
  );
  return checks
    .filter((message) => message !== '')
    .join('; ')
    .slice(0, 4000);
}

/** The pools out of `cluster/ceph/df`, or out of the list of a node. */
export function parsePools(data: unknown): CephCluster['pools'] {
  const ofCluster = records(record(data)['pools'], 500);
  if (ofCluster.length > 0 || !Array.isArray(data))
    return ofCluster.map((pool) => {
      const stats = record(pool['stats']);
      return {
        id: whole(pool['id']),
        name: text(pool['name']),
        stored: amount(stats['stored'], amount(stats['bytes_used'])),
        available: amount(stats['max_avail']),
        objects: amount(stats['objects']),
        percentUsed: amount(stats['percent_used']) * 100,
      };
    });
  return records(data, 500).map((pool) => ({
    id: whole(pool['pool']),
    name: text(pool['pool_name']),
    stored: amount(pool['bytes_used']),
    available: amount(pool['max_avail']),
    objects: amount(pool['objects']),
    percentUsed: amount(pool['percent_used']) * 100,
  }));
}
