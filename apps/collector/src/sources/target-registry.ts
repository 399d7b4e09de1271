import type { NodeType } from '@lapwing/contracts';
import { ProxmoxBackupSource } from './proxmox-backup/backup.source.js';
import { ProxmoxMailSource } from './proxmox-mail/mail.source.js';
import { ProxmoxVeSource } from './proxmox-ve/ve.source.js';
import type { SourceParts, TargetSource } from './proxmox/target-source.js';

/** The list of what can be polled. */
export const targetSources: Record<NodeType, (parts: SourceParts) => TargetSource> = {
  pve: (parts) => new ProxmoxVeSource(parts),
  pbs: (parts) => new ProxmoxBackupSource(parts),
  pmg: (parts) => new ProxmoxMailSource(parts),
};
