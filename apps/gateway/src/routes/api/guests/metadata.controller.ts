import { Bus } from '@lapwing/bus';
import {
  guestIdOf,
  GuestMetadataChanges,
  guestmetadataDelete,
  guestmetadataGet,
  guestmetadataList,
  guestmetadataUpdate,
  type Actor,
  type GuestMetadata,
} from '@lapwing/contracts';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { itemsOf } from '../../../services/estate.js';
import { EstateService } from '../../../services/estate.service.js';

const View = z.object({
  id: z.string(),
  consoleUrl: z.string(),
  customUrl: z.string().describe('the same as consoleUrl, for older clients'),
  notes: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
});
const Changes = GuestMetadataChanges.extend({ customUrl: GuestMetadataChanges.shape.consoleUrl });
const ById = z.object({ guestId: z.string().min(1).max(300) });
const ByNode = z.object({
  node: z.string().min(1).max(200),
  vmid: z.string().regex(/^\d{1,9}$/, 'the number of a guest'),
});

const toView = (guest: GuestMetadata): z.infer<typeof View> => ({ ...guest, customUrl: guest.consoleUrl });
const fact = (action: string) => (request: FastifyRequest) => {
  const { guestId, node, vmid } = request.params as Record<string, string>;
  return { type: 'guest', action, target: guestId ?? `${node}:${vmid}` };
};

/** What people note about guests. */
@Controller('api/guests/metadata')
export class GuestMetadataController {
  constructor(
    private readonly bus: Bus,
    private readonly estate: EstateService,
  ) {}

  @Get()
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers('The notes about all guests, by id', z.record(z.string(), View))
  async list() {
    const all: [string, z.infer<typeof View>][] = [];
    for (let after: string | null = ''; after !== null;) {
      const page: { guests: GuestMetadata[]; next: string | null } = await this.bus.request(guestmetadataList, {
        after,
      });
      all.push(...page.guests.map((guest): [string, z.infer<typeof View>] => [guest.id, toView(guest)]));
      after = page.next;
    }
    return Object.fromEntries(all);
  }

  @Get(':guestId')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers('The notes about a guest; empty where there are none', View)
  get(@Param({ schema: ById }) { guestId }: z.infer<typeof ById>) {
    return this.#get(guestId);
  }

  @Put(':guestId')
  @Requires('guests:manage')
  @Audits(fact('noted'))
  @Answers('Changes what is given', View)
  update(
    @Param({ schema: ById }) { guestId }: z.infer<typeof ById>,
    @Body({ schema: Changes }) changes: z.infer<typeof Changes>,
    @By() actor: Actor,
  ) {
    return this.#update(guestId, changes, actor);
  }

  @Delete(':guestId')
  @HttpCode(204)
  @Requires('guests:manage')
  @Audits(fact('notes_removed'))
  @Answers('Removes the notes, if there are any', z.undefined(), [204])
  delete(@Param({ schema: ById }) { guestId }: z.infer<typeof ById>, @By() actor: Actor) {
    return this.#delete(guestId, actor);
  }

  @Get(':node/:vmid')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers('The notes about a guest; empty where there are none', View)
  getOf(@Param({ schema: ByNode }) { node, vmid }: z.infer<typeof ByNode>) {
    return this.#get(`${node}:${vmid}`);
  }

  @Put(':node/:vmid')
  @Requires('guests:manage')
  @Audits(fact('noted'))
  @Answers('Changes what is given', View)
  putOf(
    @Param({ schema: ByNode }) { node, vmid }: z.infer<typeof ByNode>,
    @Body({ schema: Changes }) changes: z.infer<typeof Changes>,
    @By() actor: Actor,
  ) {
    return this.#update(`${node}:${vmid}`, changes, actor);
  }

  @Post(':node/:vmid')
  @HttpCode(200)
  @Requires('guests:manage')
  @Audits(fact('noted'))
  @Answers('Changes what is given', View)
  postOf(
    @Param({ schema: ByNode }) { node, vmid }: z.infer<typeof ByNode>,
    @Body({ schema: Changes }) changes: z.infer<typeof Changes>,
    @By() actor: Actor,
  ) {
    return this.#update(`${node}:${vmid}`, changes, actor);
  }

  @Delete(':node/:vmid')
  @HttpCode(204)
  @Requires('guests:manage')
  @Audits(fact('notes_removed'))
  @Answers('Removes the notes, if there are any', z.undefined(), [204])
  deleteOf(@Param({ schema: ByNode }) { node, vmid }: z.infer<typeof ByNode>, @By() actor: Actor) {
    return this.#delete(`${node}:${vmid}`, actor);
  }

  /** The id of a guest in the state says which it is, also where names have dashes. */
  #idOf(text: string): string {
    for (const target of this.estate.targets())
      for (const guest of itemsOf(target, 'guests'))
        if (guestIdOf(target.name, guest) === text) return `${guest.node}:${guest.vmid}`;
    return text;
  }

  async #get(id: string) {
    return toView(await this.bus.request(guestmetadataGet, { id: this.#idOf(id) }));
  }

  async #update(id: string, { customUrl, ...changes }: z.infer<typeof Changes>, actor: Actor) {
    const url = changes.consoleUrl ?? customUrl;
    const all = { ...changes, ...(url !== undefined && { consoleUrl: url }) };
    return toView(await this.bus.request(guestmetadataUpdate, { actor, id: this.#idOf(id), changes: all }));
  }

  async #delete(id: string, actor: Actor): Promise<void> {
    await this.bus.request(guestmetadataDelete, { actor, id: this.#idOf(id) });
  }
}
