import type { SectionItem, SectionName } from '@lapwing/contracts';
import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { LongList, jsonPieces, sendPieces } from '../../http/pieces.js';
import { itemsOf, type EstateTarget } from '../../services/estate.js';
import { EstateService } from '../../services/estate.service.js';
import {
  backupKey,
  backupTaskView,
  restorableView,
  serverBackupView,
  snapshotView,
  storageBackupView,
  type Restorable,
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

/** Backups and snapshots, by where they lie or all together. Written piece by piece: there can be tens of thousands. */
@Controller('api')
export class BackupsController {
  constructor(private readonly estate: EstateService) {}

  @Get('backups')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers(
    'All backups, by where they lie, and in one list',
    Pve.extend({ pveBackups: Pve, pbsBackups: entities, backups: Unified, timestamp: seconds }),
  )
  async all(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const pve = this.#pve();
    const fields = {
      ...pve,
      pveBackups: pve,
      pbsBackups: this.#pbs(),
      backups: this.#unified(),
      timestamp: timestamp(),
    };
    await sendPieces(request, reply, jsonPieces(fields));
  }

  @Get('backups/unified')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers(
    'Everything that can be gone back to in one form, the newest first',
    z.object({ backups: Unified, total: z.int() }),
  )
  async unified(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const backups = this.#unified();
    await sendPieces(request, reply, jsonPieces({ backups, total: backups.items.length }));
  }

  @Get('backups/pve')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers('Backups of Proxmox VE itself', z.object({ backups: Pve, timestamp: seconds }))
  async pve(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await sendPieces(request, reply, jsonPieces({ backups: this.#pve(), timestamp: timestamp() }));
  }

  @Get('backups/pbs')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers(
    'Backup servers, and what they hold',
    z.object({ instances: entities, backups: entities, timestamp: seconds }),
  )
  async pbs(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const now = Date.now();
    const instances = this.#each('backupServer', (target, one) => backupServerView(target, one, now));
    await sendPieces(request, reply, jsonPieces({ instances, backups: this.#pbs(), timestamp: timestamp() }));
  }

  @Get('snapshots')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers('Snapshots of guests', z.object({ snapshots: entities, timestamp: seconds }))
  async snapshots(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await sendPieces(request, reply, jsonPieces({ snapshots: this.#snapshots(), timestamp: timestamp() }));
  }

  #pve() {
    return {
      backupTasks: this.#each('backupTasks', backupTaskView),
      storageBackups: this.#each('storageBackups', storageBackupView),
      guestSnapshots: this.#snapshots(),
    };
  }

  #pbs() {
    return this.#each('serverBackups', serverBackupView);
  }

  #snapshots() {
    return this.#each('snapshots', snapshotView);
  }

  /** What an installation sees of a backup server that is watched itself stands here once, as the server tells it. */
  #unified(): LongList<Restorable> {
    const all = this.estate
      .targets()
      .flatMap((target): Restorable[] => [
        ...itemsOf(target, 'serverBackups').map((item) => ({ source: 'pbs' as const, target, item })),
        ...itemsOf(target, 'storageBackups').map((item) => ({ source: 'pve' as const, target, item })),
        ...itemsOf(target, 'snapshots').map((item) => ({ source: 'snapshot' as const, target, item })),
      ]);
    const onServers = new Set(all.filter(({ source }) => source === 'pbs').map(backupKey));
    const once = all.filter((one) => one.source !== 'pve' || !one.item.isPbs || !onServers.has(backupKey(one)));
    const nameOf = this.#names();
    return new LongList(
      once.toSorted((a, b) => b.item.createdAt - a.item.createdAt),
      (one) => restorableView(one, nameOf(one)),
    );
  }

  /** The names of guests; those of a backup server's, where one installation alone has a guest of the number. */
  #names(): (one: Restorable) => string {
    const names = new Map<string, string>();
    const alone = new Map<string, string>();
    for (const target of this.estate.targets())
      for (const { type, vmid, name } of itemsOf(target, 'guests')) {
        names.set(`${target.id} ${vmid}`, name);
        const key = `${type === 'qemu' ? 'vm' : 'ct'} ${vmid}`;
        alone.set(key, alone.has(key) ? '' : name);
      }
    return (one) =>
      (one.source === 'pbs'
        ? alone.get(`${one.item.type} ${one.item.backupId}`)
        : names.get(`${one.target.id} ${one.item.vmid}`)) ?? '';
  }

  /** The things of one section of all targets. */
  #each<S extends SectionName>(section: S, view: (target: EstateTarget, item: SectionItem<S>) => unknown) {
    const all = this.estate.targets().flatMap((target) => itemsOf(target, section).map((item) => ({ target, item })));
    return new LongList(all, ({ target, item }) => view(target, item));
  }
}
