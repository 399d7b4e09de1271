import { Bus } from '@lapwing/bus';
import { silenceCreate, silenceDelete, silenceList, silenceUpdate, type Actor, type Silence } from '@lapwing/contracts';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { bodyText, pathText } from '../../../http/facts.js';
import { SilenceBody, SilenceView, toSilenceDraft, toSilenceView } from './silences.view.js';

const ById = z.object({ id: z.uuid('the id of a silence') });
type ById = z.infer<typeof ById>;
type SilenceBody = z.infer<typeof SilenceBody>;
const Silences = z.object({ silences: z.array(SilenceView) });

const fact = (action: string) => (request: FastifyRequest) => ({
  type: 'silence',
  action,
  target: pathText(request, 'id') || bodyText(request, 'matchers'),
});
const view = (silence: Silence) => toSilenceView(silence, Date.now());

/** Alerts that shall raise no messages for a while. */
@Controller('api/v1/silences')
export class SilencesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('alerts:view')
  @Answers('All silences that are not over for more than a day', Silences)
  async list() {
    return { silences: (await this.bus.request(silenceList, {})).silences.map(view) };
  }

  @Post()
  @Requires('alerts:acknowledge')
  @Audits(fact('created'))
  @Answers('Begins a silence, or plans one', SilenceView, [201])
  async create(@Body({ schema: SilenceBody }) body: SilenceBody, @By() actor: Actor) {
    return view(await this.bus.request(silenceCreate, { actor, draft: toSilenceDraft(body, Date.now()) }));
  }

  @Put(':id')
  @Requires('alerts:acknowledge')
  @Audits(fact('updated'))
  @Answers('Replaces a silence', SilenceView)
  async update(
    @Param({ schema: ById }) { id }: ById,
    @Body({ schema: SilenceBody }) body: SilenceBody,
    @By() actor: Actor,
  ) {
    return view(await this.bus.request(silenceUpdate, { actor, id, draft: toSilenceDraft(body, Date.now()) }));
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('alerts:acknowledge')
  @Audits(fact('ended'))
  @Answers('Ends a silence now', z.undefined(), [204])
  async delete(@Param({ schema: ById }) { id }: ById, @By() actor: Actor): Promise<void> {
    await this.bus.request(silenceDelete, { actor, id });
  }
}
