import { Bus } from '@lapwing/bus';
import {
  maintenanceCreate,
  maintenanceDelete,
  maintenanceList,
  maintenanceUpdate,
  type Actor,
} from '@lapwing/contracts';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { bodyText, pathText } from '../../../http/facts.js';
import { WindowBody, WindowView, toWindowDraft, toWindowView } from './maintenance-windows.view.js';

const ById = z.object({ id: z.uuid('the id of a maintenance window') });
type ById = z.infer<typeof ById>;
type WindowBody = z.infer<typeof WindowBody>;
const Windows = z.object({ windows: z.array(WindowView) });

const fact = (action: string) => (request: FastifyRequest) => ({
  type: 'maintenance',
  action,
  target: pathText(request, 'id') || bodyText(request, 'name'),
});

/** Stretches of time that come again, in which nobody wants to be told. */
@Controller('api/v1/maintenance-windows')
export class MaintenanceWindowsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('alerts:view')
  @Answers('All maintenance windows', Windows)
  async list(): Promise<z.infer<typeof Windows>> {
    return { windows: (await this.bus.request(maintenanceList, {})).windows.map(toWindowView) };
  }

  @Post()
  @Requires('alerts:configure')
  @Audits(fact('created'))
  @Answers('Makes a maintenance window', WindowView, [201])
  async create(@Body({ schema: WindowBody }) body: WindowBody, @By() actor: Actor) {
    return toWindowView(await this.bus.request(maintenanceCreate, { actor, draft: toWindowDraft(body) }));
  }

  @Put(':id')
  @Requires('alerts:configure')
  @Audits(fact('updated'))
  @Answers('Replaces a maintenance window', WindowView)
  async update(
    @Param({ schema: ById }) { id }: ById,
    @Body({ schema: WindowBody }) body: WindowBody,
    @By() actor: Actor,
  ) {
    return toWindowView(await this.bus.request(maintenanceUpdate, { actor, id, draft: toWindowDraft(body) }));
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('alerts:configure')
  @Audits(fact('deleted'))
  @Answers('Removes a maintenance window', z.undefined(), [204])
  async delete(@Param({ schema: ById }) { id }: ById, @By() actor: Actor): Promise<void> {
    await this.bus.request(maintenanceDelete, { actor, id });
  }
}
