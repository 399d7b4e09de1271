import { Bus } from '@lapwing/bus';
import { webhookCreate, webhookDelete, webhookList, webhookTest, webhookUpdate, type Actor } from '@lapwing/contracts';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { bodyText, pathText } from '../../../http/facts.js';
import {
  WebhookBody,
  WebhookTrialView,
  WebhookView,
  toWebhookChanges,
  toWebhookTrialView,
  toWebhookView,
} from '../notifications.view.js';

const ById = z.object({ id: z.string().min(1).max(64) });
type ById = z.infer<typeof ById>;
const Changes = z.record(z.string(), z.unknown()).describe('fields of a webhook');
type Changes = z.infer<typeof Changes>;
const Draft = z.looseObject({ id: z.string().max(64).nullish() });
const Deleted = z.object({ success: z.literal(true), message: z.string() });

/** By id or by name: addresses have secrets in them. */
const fact = (action: string) => (request: FastifyRequest) => ({
  type: 'webhook',
  action,
  target: pathText(request, 'id') || bodyText(request, 'id') || bodyText(request, 'name'),
});

/** Receivers of messages over HTTP. */
@Controller('api/notifications/webhooks')
export class WebhooksController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('notifications:view')
  @Answers('All webhooks, without their secrets', z.array(WebhookView))
  async list(@By() actor: Actor) {
    return (await this.bus.request(webhookList, {})).webhooks.map((webhook) => toWebhookView(webhook, actor));
  }

  @Post()
  @HttpCode(200)
  @Requires('notifications:manage')
  @Audits(fact('added'))
  @Answers('Adds a webhook', WebhookView)
  async create(@Body({ schema: WebhookBody }) draft: z.infer<typeof WebhookBody>, @By() actor: Actor) {
    return toWebhookView(await this.bus.request(webhookCreate, { actor, draft }), actor);
  }

  @Post('test')
  @HttpCode(200)
  @Requires('notifications:manage', { isTrial: true })
  @Audits(fact('tested'))
  @Answers('Tells a webhook, saved or not, of an alert that is none', WebhookTrialView)
  async test(@Body({ schema: Draft }) { id, ...draft }: z.infer<typeof Draft>, @By() actor: Actor) {
    const question = { actor, id: id || null, draft: toWebhookChanges(draft) };
    return toWebhookTrialView(await this.bus.request(webhookTest, question));
  }

  @Put(':id')
  @Requires('notifications:manage')
  @Audits(fact('updated'))
  @Answers('Changes what is given; stars keep the secret that is there', WebhookView)
  async update(@Param({ schema: ById }) { id }: ById, @Body({ schema: Changes }) changes: Changes, @By() actor: Actor) {
    const changed = await this.bus.request(webhookUpdate, { actor, id, changes: toWebhookChanges(changes) });
    return toWebhookView(changed, actor);
  }

  @Delete(':id')
  @HttpCode(200)
  @Requires('notifications:manage')
  @Audits(fact('deleted'))
  @Answers('Removes a webhook', Deleted)
  async delete(@Param({ schema: ById }) { id }: ById, @By() actor: Actor): Promise<z.infer<typeof Deleted>> {
    await this.bus.request(webhookDelete, { actor, id });
    return { success: true, message: 'the webhook is removed' };
  }
}
