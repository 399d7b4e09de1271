import { Bus } from '@lapwing/bus';
import { alertConfigGet, alertConfigUpdate, type Actor } from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Post, Put } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { By } from '../../http/caller.js';
import { bodyKeys } from '../../http/facts.js';
import { AlertsService } from '../../services/alerts.service.js';
import { ConfigAndStatus, ConfigView, toConfigView, toPatch } from './alerts/config.view.js';

const Changes = z.record(z.string(), z.unknown()).describe('what shall be otherwise, in the form that GET answers');
type Changes = z.infer<typeof Changes>;
const Done = z.object({ success: z.literal(true), status: z.literal('success'), config: ConfigView });

const summary = 'Changes what is given, or nothing when something of it is wrong; holds at once';
const fact = (request: FastifyRequest) => ({ type: 'alerts', action: 'configured', target: bodyKeys(request) });

/** Pulse's rules of alerts. */
@Controller('api/alerts')
export class AlertConfigController {
  constructor(
    private readonly bus: Bus,
    private readonly alerts: AlertsService,
  ) {}

  @Get()
  @Requires('alerts:view', { inApiOnlyMode: true })
  @Answers('What raises alerts, and how many are open', ConfigAndStatus)
  get() {
    return this.#get();
  }

  @Get('config')
  @Requires('alerts:view', { inApiOnlyMode: true })
  @Answers('The same under the name that older clients know', ConfigAndStatus)
  getConfig() {
    return this.#get();
  }

  @Post()
  @HttpCode(200)
  @Requires('alerts:configure')
  @Audits(fact)
  @Answers(summary, Done)
  post(@Body({ schema: Changes }) changes: Changes, @By() actor: Actor) {
    return this.#update(changes, actor);
  }

  @Put()
  @Requires('alerts:configure')
  @Audits(fact)
  @Answers(summary, Done)
  put(@Body({ schema: Changes }) changes: Changes, @By() actor: Actor) {
    return this.#update(changes, actor, true);
  }

  @Post('config')
  @HttpCode(200)
  @Requires('alerts:configure')
  @Audits(fact)
  @Answers(summary, Done)
  postConfig(@Body({ schema: Changes }) changes: Changes, @By() actor: Actor) {
    return this.#update(changes, actor);
  }

  @Put('config')
  @Requires('alerts:configure')
  @Audits(fact)
  @Answers(summary, Done)
  putConfig(@Body({ schema: Changes }) changes: Changes, @By() actor: Actor) {
    return this.#update(changes, actor, true);
  }

  async #get() {
    return { ...toConfigView(await this.bus.request(alertConfigGet, {})), status: this.alerts.counts() };
  }

  /** @param replace whether overrides are exactly those that were sent, as in Pulse, whose clients put all of it. */
  async #update(changes: Changes, actor: Actor, replace = false) {
    const patch = toPatch(changes, await this.bus.request(alertConfigGet, {}));
    const config = toConfigView(await this.bus.request(alertConfigUpdate, { actor, patch, replace }));
    return { success: true, status: 'success', config };
  }
}
