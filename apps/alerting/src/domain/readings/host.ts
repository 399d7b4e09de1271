import type { AlertResource, HostSample } from '@lapwing/contracts';
import type { Look, Reading } from '../reading.js';

/** What is known of a host beside its sample. */
export interface HostFacts {
  agentId: string;
  /** What it stands on, where it is a guest or a node of Proxmox. */
  parents: string[];
}

/** File systems of no disk. */
const UNREAL = new Set([
  'tmpfs',
  'devtmpfs',
  'squashfs',
  'overlay',
  'iso9660',
  'udf',
  'ramfs',
  'efivarfs',
  'fuse.lxcfs',
]);
const MAX_DISKS = 64;

/** The scope of a host's samples. */
export const hostScope = (agentId: string): string => `host:${agentId}`;

/** A host as alerts name it. */
export const hostResource = ({ agentId, parents }: HostFacts, name: string): AlertResource => ({
  id: agentId,
  name,
  type: 'host',
  node: name,
  instance: agentId,
  parents,
});

/** What a sample of a host tells. */
export function readHost(facts: HostFacts, sample: HostSample): Look {
  const { cpu, memory, temperature, disk, system, time } = sample;
  const host = hostResource(facts, system.hostname || facts.agentId);
  const used = memory.total > 0 ? ((memory.total - memory.available) / memory.total) * 100 : null;
  const hottest = temperature.sensors.reduce((most, { value }) => Math.max(most, value), 0);
  const readings: Reading[] = [
    { resource: host, signal: 'cpu', value: cpu.totalUsage },
    { resource: host, signal: 'memory', value: used },
    ...disk.mounts.slice(0, MAX_DISKS).flatMap((mount) => filesystem(host, mount)),
  ];
  if (hottest > 0) readings.push({ resource: host, signal: 'temperature', value: hottest });
  return { scope: hostScope(facts.agentId), time, readings };
}

/** A file system as a resource of its own below what it belongs to: `<owner>-disk-<mount>`. */
export function filesystemResource(owner: AlertResource, mountpoint: string): AlertResource {
  const place =
    mountpoint
      .slice(0, 200)
      .replaceAll(/[^A-Za-z0-9._]+/g, '_')
      .replaceAll(/^_|_$/g, '') || 'root';
  return {
    ...owner,
    id: `${owner.id}-disk-${place}`,
    name: `${owner.name} ${mountpoint}`.slice(0, 500),
    parents: [owner.id, ...owner.parents].slice(0, 8),
  };
}

/** How full a file system is: of what users may fill. */
export const fullness = ({ used, free }: { used: number; free: number }): number | null =>
  used + free > 0 ? (used / (used + free)) * 100 : null;

function filesystem(
  host: AlertResource,
  mount: { mountpoint: string; fstype: string; used: number; free: number },
): Reading[] {
  const value = fullness(mount);
  if (value === null || UNREAL.has(mount.fstype)) return [];
  return [{ resource: filesystemResource(host, mount.mountpoint), signal: 'disk', value }];
}
