import { Bus } from '@lapwing/bus';
import { AlertId, type Actor } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { bodyText, pathText } from '../../../http/facts.js';
import { actOnAlert, actOnAlerts, type AlertAction } from '../../../services/alert-actions.js';

const ById = z.object({ id: AlertId });
const Ids = z.array(AlertId).min(1).max(1000);
const One = z.object({ id: AlertId.optional(), alertId: AlertId.optional() }).transform(({ id, alertId }, context) => {
  const found = id ?? alertId;
  if (found === undefined) context.addIssue({ code: 'custom', path: ['id'], message: 'the id of an alert' });
  return { id: found ?? '' };
});
const Many = z.object({ alertIds: Ids.optional(), ids: Ids.optional() }).transform(({ alertIds, ids }, context) => {
  const found = alertIds ?? ids;
  if (!found) context.addIssue({ code: 'custom', path: ['alertIds'], message: 'the ids of alerts' });
  return { ids: found ?? [] };
});
type One = z.output<typeof One>;
type Many = z.output<typeof Many>;

const Done = z.object({ success: z.literal(true) });
const Each = z.object({
  results: z.array(z.object({ alertId: z.string(), success: z.boolean(), error: z.string().optional() })),
});

/** What is told of it to whoever looks at the audit trail; alerts are named in the path or in the body. */
const fact = (action: string) => (request: FastifyRequest) => ({
  type: 'alert',
  action,
  target:
    pathText(request, 'id') ||
    ['id', 'alertId', 'alertIds', 'ids'].map((name) => bodyText(request, name)).find((text) => text !== '') ||
    '',
});

/** What Pulse's clients do to alerts. Ids with slashes: see `withAlertId`. */
@Controller('api/alerts')
export class AlertActionsController {
  constructor(private readonly bus: Bus) {}

  @Post('bulk/acknowledge')
  @HttpCode(200)
  @Requires('alerts:acknowledge')
  @Audits(fact('acknowledged'))
  @Answers('Acknowledges alerts', Each)
  acknowledgeMany(@Body({ schema: Many }) { ids }: Many, @By() actor: Actor) {
    return this.#many('acknowledge', ids, actor);
  }

  @Post('bulk/clear')
  @HttpCode(200)
  @Requires('alerts:clear')
  @Audits(fact('cleared'))
  @Answers('Ends alerts by hand', Each)
  clearMany(@Body({ schema: Many }) { ids }: Many, @By() actor: Actor) {
    return this.#many('clear', ids, actor);
  }

  @Post('acknowledge')
  @HttpCode(200)
  @Requires('alerts:acknowledge')
  @Audits(fact('acknowledged'))
  @Answers('Acknowledges the alert that the body names', Done)
  acknowledgeNamed(@Body({ schema: One }) { id }: One, @By() actor: Actor) {
    return this.#one('acknowledge', id, actor);
  }

  @Post('unacknowledge')
  @HttpCode(200)
  @Requires('alerts:acknowledge')
  @Audits(fact('unacknowledged'))
  @Answers('Takes back that the alert was acknowledged that the body names', Done)
  unacknowledgeNamed(@Body({ schema: One }) { id }: One, @By() actor: Actor) {
    return this.#one('unacknowledge', id, actor);
  }

  @Post('clear')
  @HttpCode(200)
  @Requires('alerts:clear')
  @Audits(fact('cleared'))
  @Answers('Ends the alert that the body names', Done)
  clearNamed(@Body({ schema: One }) { id }: One, @By() actor: Actor) {
    return this.#one('clear', id, actor);
  }

  @Post(':id/acknowledge')
  @HttpCode(200)
  @Requires('alerts:acknowledge')
  @Audits(fact('acknowledged'))
  @Answers('Acknowledges an alert; again does no harm', Done)
  acknowledge(@Param({ schema: ById }) { id }: z.infer<typeof ById>, @By() actor: Actor) {
    return this.#one('acknowledge', id, actor);
  }

  @Post(':id/unacknowledge')
  @HttpCode(200)
  @Requires('alerts:acknowledge')
  @Audits(fact('unacknowledged'))
  @Answers('Takes that back', Done)
  unacknowledge(@Param({ schema: ById }) { id }: z.infer<typeof ById>, @By() actor: Actor) {
    return this.#one('unacknowledge', id, actor);
  }

  @Post(':id/clear')
  @HttpCode(200)
  @Requires('alerts:clear')
  @Audits(fact('cleared'))
  @Answers('Ends an alert by hand', Done)
  clear(@Param({ schema: ById }) { id }: z.infer<typeof ById>, @By() actor: Actor) {
    return this.#one('clear', id, actor);
  }

  async #one(action: AlertAction, id: string, actor: Actor): Promise<z.infer<typeof Done>> {
    await actOnAlert(this.bus, actor, action, id);
    return { success: true };
  }

  async #many(action: AlertAction, ids: string[], actor: Actor): Promise<z.infer<typeof Each>> {
    const results = await actOnAlerts(this.bus, actor, action, ids);
    const missing = { error: 'no such open alert' };
    return {
      results: results.map(({ id, found }) => ({ alertId: id, success: found, ...(!found && missing) })),
    };
  }
}
