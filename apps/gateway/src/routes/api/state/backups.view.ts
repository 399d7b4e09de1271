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

/** Something that can be gone back to, wherever it lies. */
export type Restorable =
  | { source: 'pve'; target: EstateTarget; item: StorageBackup }
  | { source: 'pbs'; target: EstateTarget; item: ServerBackup }
  | { source: 'snapshot'; target: EstateTarget; item: GuestSnapshot };

const kinds = { qemu: 'vm', lxc: 'ct', host: 'host', unknown: 'vm' } as const;

/** What tells a backup on a backup server from others, however it is seen: by the server, or by an installation that has it as a storage. */
export function backupKey({ source, item }: Restorable): string {
  const type = source === 'pbs' ? item.type : kinds[item.guestType];
  return `${type} ${source === 'pbs' ? item.backupId : item.vmid} ${Math.floor(item.createdAt / 1000)}`;
}

/** One form for all of them. @param name of the guest, as far as it is known. */
export function restorableView(one: Restorable, name: string) {
  const { source, target, item } = one;
  const common = { source, instance: target.name, name, time: isoSeconds(item.createdAt) };
  if (source === 'pbs') {
    const { id, datastore, size, verified, comment } = serverBackupView(target, item);
    const of = { type: item.type, vmid: item.backupId, node: '', storage: '', datastore };
    return { id, ...common, ...of, size, verified, protected: item.protected, notes: comment };
  }
  const of = { type: kinds[item.guestType], vmid: String(item.vmid), node: item.node, datastore: '' };
  if (source === 'snapshot') {
    const { id, description } = snapshotView(target, item);
    return { id, ...common, ...of, storage: '', size: 0, verified: false, protected: false, notes: description };
  }
  const { id, storage, size, verified, notes } = storageBackupView(target, item);
  return { id, ...common, ...of, storage, size, verified, protected: item.protected, notes };
}
