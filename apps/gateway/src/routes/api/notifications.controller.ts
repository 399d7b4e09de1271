import { Bus } from '@lapwing/bus';
import {
  alertConfigGet,
  alertConfigUpdate,
  emailGet,
  emailUpdate,
  emailproviderList,
  notificationTest,
  webhookList,
  webhooktemplateList,
  type Actor,
} from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { By } from '../../http/caller.js';
import { bodyKeys, bodyText } from '../../http/facts.js';
import { whole } from '../../http/query.js';
import { deliveries } from '../../services/alert-pages.js';
import {
  NotificationView,
  NotificationsBody,
  NotificationsView,
  Providers,
  Templates,
  TrialBody,
  TrialsView,
  WebhookDeliveryView,
  toNotificationView,
  toNotificationsView,
  toRules,
  toTrialsView,
  toWebhookDeliveryView,
} from './notifications.view.js';

const HistoryQuery = z.object({ limit: whole(1, 1000).default(100) });
const Done = z.object({ success: z.literal(true), status: z.literal('success'), config: NotificationsView });
const SHOWN = 100;

/** Who is told of alerts, as Pulse's clients know it. */
@Controller('api/notifications')
export class NotificationsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('notifications:view')
  @Answers('Who is told of alerts, and when', NotificationsView)
  async get(@By() actor: Actor): Promise<z.infer<typeof NotificationsView>> {
    return toNotificationsView(await this.#all(), actor);
  }

  @Post()
  @HttpCode(200)
  @Requires('notifications:manage')
  @Audits((request: FastifyRequest) => ({ type: 'notifications', action: 'configured', target: bodyKeys(request) }))
  @Answers('Changes what is given; webhooks are changed one by one under their own path', Done)
  async update(@Body({ schema: NotificationsBody }) body: z.infer<typeof NotificationsBody>, @By() actor: Actor) {
    const all = await this.#all();
    const patch = toRules(body, toNotificationsView(all, actor), all.config);
    if (body.email) await this.bus.request(emailUpdate, { actor, draft: body.email });
    if (Object.keys(patch).length > 0) await this.bus.request(alertConfigUpdate, { actor, patch });
    return { success: true, status: 'success', config: await this.get(actor) };
  }

  @Get('email-providers')
  @Requires('notifications:view')
  @Answers('Presets of mail providers', Providers)
  async providers(): Promise<z.infer<typeof Providers>> {
    return (await this.bus.request(emailproviderList, {})).providers;
  }

  @Get('webhook-templates')
  @Requires('notifications:view')
  @Answers('The services of webhooks, with their payloads', Templates)
  async templates(): Promise<z.infer<typeof Templates>> {
    return (await this.bus.request(webhooktemplateList, {})).templates;
  }

  @Get('webhook-history')
  @Requires('notifications:view')
  @Answers('The last 100 messages to webhooks, the newest first', z.array(WebhookDeliveryView))
  async webhookHistory() {
    const found = await deliveries(this.bus, { channel: 'webhook', limit: SHOWN, offset: 0 });
    return found.deliveries.map(toWebhookDeliveryView);
  }

  @Get('history')
  @Requires('notifications:view')
  @Answers('Messages and what became of them, the newest first', z.array(NotificationView))
  async history(@Query({ schema: HistoryQuery }) { limit }: z.infer<typeof HistoryQuery>) {
    return (await deliveries(this.bus, { limit, offset: 0 })).deliveries.map(toNotificationView);
  }

  @Post('test')
  @HttpCode(200)
  @Requires('notifications:manage', { isTrial: true })
  @Audits((request: FastifyRequest) => ({
    type: 'notifications',
    action: 'tested',
    target: bodyText(request, 'webhookId') || bodyText(request, 'method') || bodyText(request, 'type') || 'all',
  }))
  @Answers('Sends a test message through all channels, or some', TrialsView)
  async test(@Body({ schema: TrialBody }) body: z.infer<typeof TrialBody>, @By() actor: Actor) {
    const { method, type, webhookId = null, config = null } = body;
    const question = { actor, method: method ?? type ?? null, webhookId, config };
    return toTrialsView((await this.bus.request(notificationTest, question)).results);
  }

  async #all() {
    const [config, email, { webhooks }] = await Promise.all([
      this.bus.request(alertConfigGet, {}),
      this.bus.request(emailGet, {}),
      this.bus.request(webhookList, {}),
    ]);
    return { config, email, webhooks };
  }
}
