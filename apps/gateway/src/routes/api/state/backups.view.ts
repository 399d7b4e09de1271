import type { BackupTask, GuestSnapshot, ServerBackup, StorageBackup } from '@lapwing/contracts';
import { isoSeconds } from '../../../http/query.js';
import type { EstateTarget } from '../../../services/estate.js';

/** A run of vzdump as Pulse's clients know it. */
export function backupTaskView({ name: instance }: EstateTarget, task: BackupTask) {
  const { upid, node, guestType, vmid, status, startedAt, endedAt, size, error } = task;
  return {
    id: `${instance}-${upid}`,
    node,
    instance,
    type: guestType,
    vmid,
    status,
    startTime: isoSeconds(startedAt),
    ...(endedAt !== null && { endTime: isoSeconds(endedAt) }),
    size,
    ...(error !== '' && { error }),
  };
}

/** A backup on a storage as Pulse's clients know it. */
export function storageBackupView({ name: instance }: EstateTarget, backup: StorageBackup) {
  const { guestType, createdAt, isPbs, ...rest } = backup;
  return {
    id: `${instance}-${backup.volid}`,
    instance,
    ...rest,
    type: guestType,
    time: isoSeconds(createdAt),
    ctime: Math.floor(createdAt / 1000),
    isPBS: isPbs,
  };
}

/** A snapshot of a guest as Pulse's clients know it. */
export function snapshotView({ name: instance }: EstateTarget, snapshot: GuestSnapshot) {
  const { guestType, createdAt, withMemory, ...rest } = snapshot;
  return {
    id: `${instance}-${snapshot.node}-${snapshot.vmid}-${snapshot.name}`,
    instance,
    ...rest,
    type: guestType,
    time: isoSeconds(createdAt),
    vmstate: withMemory,
  };
}

/** A backup on a backup server as Pulse's clients know it; the number of the guest is text. */
export function serverBackupView({ name: instance }: EstateTarget, backup: ServerBackup) {
  const { type, backupId, createdAt, ...rest } = backup;
  return {
    id: `pbs-${instance}-${backup.datastore}-${backup.namespace}-${type}-${backupId}-${Math.floor(createdAt / 1000)}`,
    instance,
    ...rest,
    backupType: type,
    vmid: backupId,
    backupTime: isoSeconds(createdAt),
  };
}

type Unified = {
  id: string;
  source: 'pve' | 'pbs' | 'snapshot';
  type: 'vm' | 'ct' | 'host';
  vmid: string;
  name: string;
  node: string;
  instance: string;
  storage: string;
  datastore: string;
  time: string;
  size: number;
  verified: boolean;
  protected: boolean;
  notes: string;
};

const kinds = { qemu: 'vm', lxc: 'ct', host: 'host', unknown: 'vm' } as const;

/** Everything that can be gone back to, in one form, the newest first. */
export function unifiedView(
  pve: ReturnType<typeof storageBackupView>[],
  pbs: ReturnType<typeof serverBackupView>[],
  snapshots: ReturnType<typeof snapshotView>[],
  nameOf: (instance: string, vmid: number) => string,
): Unified[] {
  const all: Unified[] = [
    ...pve.map((backup) => ({
      ...pick(backup),
      source: 'pve' as const,
      type: kinds[backup.type],
      vmid: String(backup.vmid),
      name: nameOf(backup.instance, backup.vmid),
      storage: backup.storage,
      datastore: '',
      size: backup.size,
      verified: backup.verified,
      protected: backup.protected,
      notes: backup.notes,
    })),
    ...pbs.map((backup) => ({
      id: backup.id,
      instance: backup.instance,
      node: '',
      time: backup.backupTime,
      source: 'pbs' as const,
      type: backup.backupType,
      vmid: backup.vmid,
      name: '',
      storage: '',
      datastore: backup.datastore,
      size: backup.size,
      verified: backup.verified,
      protected: backup.protected,
      notes: backup.comment,
    })),
    ...snapshots.map((snapshot) => ({
      ...pick(snapshot),
      source: 'snapshot' as const,
      type: kinds[snapshot.type],
      vmid: String(snapshot.vmid),
      name: nameOf(snapshot.instance, snapshot.vmid),
      storage: '',
      datastore: '',
      size: 0,
      verified: false,
      protected: false,
      notes: snapshot.description,
    })),
  ];
  return all.toSorted((a, b) => (a.time < b.time ? 1 : -1));
}

const pick = ({ id, instance, node, time }: { id: string; instance: string; node: string; time: string }) => ({
  id,
  instance,
  node,
  time,
});
