import { Bus } from '@lapwing/bus';
import { AlertId, alertConfigGet, alertConfigUpdate, type Actor } from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Param, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { bodyKeys, pathText } from '../../../http/facts.js';
import { Pages, jsonPieces, sendPieces } from '../../../http/pieces.js';
import { actOnAlert, type AlertAction } from '../../../services/alert-actions.js';
import { openAlerts } from '../../../services/alert-pages.js';
import {
  AlertDetail,
  AlertView,
  TytoChanges,
  TytoConfig,
  toAlertDetail,
  toAlertView,
  toTytoConfig,
  toTytoPatch,
} from './alerts.view.js';

const ById = z.object({ id: AlertId });
type ById = z.infer<typeof ById>;
type Changes = z.infer<typeof TytoChanges>;
const Alerts = z.object({ alerts: z.array(AlertView), config: TytoConfig });

const configure =
  'Changes the thresholds of the metrics that are given; a warning of 0 switches one off; rules on logs are replaced as a whole';
const configured = (request: FastifyRequest) => ({
  type: 'alerts',
  action: 'configured',
  target: `hostDefaults: ${bodyKeys(request)}`.slice(0, 300),
});
const fact = (action: string) => (request: FastifyRequest) => ({
  type: 'alert',
  action,
  target: pathText(request, 'id'),
});

/** Tyto's alerts. */
@Controller('api/v1/alerts')
export class TytoAlertsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('alerts:view')
  @Answers('All open alerts, the newest first, and the thresholds of hosts', Alerts)
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const config = toTytoConfig(await this.bus.request(alertConfigGet, {}));
    const alerts = new Pages(openAlerts(this.bus), toAlertView);
    await sendPieces(request, reply, jsonPieces({ alerts, config }));
  }

  @Get('config')
  @Requires('alerts:view')
  @Answers('The thresholds of hosts, and the rules on logs', TytoConfig)
  async config() {
    return toTytoConfig(await this.bus.request(alertConfigGet, {}));
  }

  @Post('config')
  @HttpCode(200)
  @Requires('alerts:configure')
  @Audits(configured)
  @Answers(configure, TytoConfig)
  postConfig(@Body({ schema: TytoChanges }) changes: Changes, @By() actor: Actor) {
    return this.#configure(changes, actor);
  }

  @Put('config')
  @Requires('alerts:configure')
  @Audits(configured)
  @Answers(configure, TytoConfig)
  putConfig(@Body({ schema: TytoChanges }) changes: Changes, @By() actor: Actor) {
    return this.#configure(changes, actor);
  }

  @Post(':id/acknowledge')
  @HttpCode(200)
  @Requires('alerts:acknowledge')
  @Audits(fact('acknowledged'))
  @Answers('Acknowledges an alert; again does no harm', AlertDetail)
  acknowledge(@Param({ schema: ById }) { id }: ById, @By() actor: Actor) {
    return this.#act('acknowledge', id, actor);
  }

  @Post(':id/unacknowledge')
  @HttpCode(200)
  @Requires('alerts:acknowledge')
  @Audits(fact('unacknowledged'))
  @Answers('Takes that back', AlertDetail)
  unacknowledge(@Param({ schema: ById }) { id }: ById, @By() actor: Actor) {
    return this.#act('unacknowledge', id, actor);
  }

  @Post(':id/clear')
  @HttpCode(200)
  @Requires('alerts:clear')
  @Audits(fact('cleared'))
  @Answers('Ends an alert by hand', AlertDetail)
  clear(@Param({ schema: ById }) { id }: ById, @By() actor: Actor) {
    return this.#act('clear', id, actor);
  }

  async #configure(changes: Changes, actor: Actor) {
    const inForce = await this.bus.request(alertConfigGet, {});
    const patch = toTytoPatch(changes, inForce);
    if (Object.keys(patch).length === 0) return toTytoConfig(inForce);
    return toTytoConfig(await this.bus.request(alertConfigUpdate, { actor, patch }));
  }

  async #act(action: AlertAction, id: string, actor: Actor) {
    return toAlertDetail(await actOnAlert(this.bus, actor, action, id));
  }
}
