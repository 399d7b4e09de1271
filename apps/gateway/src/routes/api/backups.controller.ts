import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { itemsOf, type EstateTarget } from '../../services/estate.js';
import { EstateService } from '../../services/estate.service.js';
import {
  backupTaskView,
  serverBackupView,
  snapshotView,
  storageBackupView,
  unifiedView,
} from './state/backups.view.js';
import { backupServerView } from './state/servers.view.js';

const entities = z.array(z.record(z.string(), z.unknown()));
const seconds = z.int().describe('seconds since 1970');
const Pve = z.object({ backupTasks: entities, storageBackups: entities, guestSnapshots: entities });
const Unified = z.array(
  z.object({
    id: z.string(),
    source: z.enum(['pve', 'pbs', 'snapshot']),
    type: z.enum(['vm', 'ct', 'host']),
    vmid: z.string(),
    name: z.string(),
    node: z.string(),
    instance: z.string(),
    storage: z.string(),
    datastore: z.string(),
    time: z.string(),
    size: z.number(),
    verified: z.boolean(),
    protected: z.boolean(),
    notes: z.string(),
  }),
);

const timestamp = (): number => Math.floor(Date.now() / 1000);

/** Backups and snapshots, by where they lie or all together. */
@Controller('api')
export class BackupsController {
  constructor(private readonly estate: EstateService) {}

  @Get('backups')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers(
    'All backups, by where they lie, and in one list',
    Pve.extend({ pveBackups: Pve, pbsBackups: entities, backups: Unified, timestamp: seconds }),
  )
  all() {
    const pve = this.#pve();
    return { ...pve, pveBackups: pve, pbsBackups: this.#pbs(), backups: this.#unified(), timestamp: timestamp() };
  }

  @Get('backups/unified')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers(
    'Everything that can be gone back to in one form, the newest first',
    z.object({ backups: Unified, total: z.int() }),
  )
  unified() {
    const backups = this.#unified();
    return { backups, total: backups.length };
  }

  @Get('backups/pve')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers('Backups of Proxmox VE itself', z.object({ backups: Pve, timestamp: seconds }))
  pve() {
    return { backups: this.#pve(), timestamp: timestamp() };
  }

  @Get('backups/pbs')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers(
    'Backup servers, and what they hold',
    z.object({ instances: entities, backups: entities, timestamp: seconds }),
  )
  pbs() {
    const now = Date.now();
    const instances = this.#each((target) =>
      itemsOf(target, 'backupServer').map((one) => backupServerView(target, one, now)),
    );
    return { instances, backups: this.#pbs(), timestamp: timestamp() };
  }

  @Get('snapshots')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers('Snapshots of guests', z.object({ snapshots: entities, timestamp: seconds }))
  snapshots() {
    return { snapshots: this.#snapshots(), timestamp: timestamp() };
  }

  #pve() {
    return {
      backupTasks: this.#each((target) => itemsOf(target, 'backupTasks').map((one) => backupTaskView(target, one))),
      storageBackups: this.#storageBackups(),
      guestSnapshots: this.#snapshots(),
    };
  }

  #unified() {
    const names = new Map(
      this.#each((target) =>
        itemsOf(target, 'guests').map(({ vmid, name }) => [`${target.name} ${vmid}`, name] as const),
      ),
    );
    const nameOf = (instance: string, vmid: number): string => names.get(`${instance} ${vmid}`) ?? '';
    return unifiedView(this.#storageBackups(), this.#pbs(), this.#snapshots(), nameOf);
  }

  #pbs() {
    return this.#each((target) => itemsOf(target, 'serverBackups').map((one) => serverBackupView(target, one)));
  }

  #storageBackups() {
    return this.#each((target) => itemsOf(target, 'storageBackups').map((one) => storageBackupView(target, one)));
  }

  #snapshots() {
    return this.#each((target) => itemsOf(target, 'snapshots').map((one) => snapshotView(target, one)));
  }

  #each<T>(of: (target: EstateTarget) => T[]): T[] {
    return this.estate.targets().flatMap(of);
  }
}
