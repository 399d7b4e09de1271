import { Bus } from '@lapwing/bus';
import { alertConfigGet, covers, emailGet, nodeList, settingsGet, webhookList, type Actor } from '@lapwing/contracts';
import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { By } from '../../http/caller.js';
import { EstateService } from '../../services/estate.service.js';
import { lapwingVersion } from '../../version.js';
import { ConfigView as AlertConfigView, toConfigView } from './alerts/config.view.js';
import { NodeView, toNodeView } from './config/nodes.view.js';
import { EmailView, WebhookView, toEmailView, toWebhookView } from './notifications.view.js';
import { SystemSettingsView, toSystemSettingsView } from './system/settings.view.js';

const Configuration = z.object({
  settings: SystemSettingsView,
  system: z.object({ version: z.string(), runtime: z.string(), channel: z.enum(['stable', 'rc']) }),
  nodes: z.array(NodeView).nullable().describe('null for whoever may not see nodes'),
  alerts: AlertConfigView.nullable().describe('null for whoever may not see alerts'),
  notifications: z
    .object({ email: EmailView, webhooks: z.array(WebhookView) })
    .nullable()
    .describe('null for whoever may not see notifications'),
});

/** The whole configuration at a glance, without secrets. */
@Controller('api/config')
export class ConfigController {
  constructor(
    private readonly bus: Bus,
    private readonly estate: EstateService,
  ) {}

  @Get()
  @Requires('settings:view')
  @Answers('All that is configured, as far as whoever asks may see it; never secrets', Configuration)
  async get(@By() actor: Actor): Promise<z.infer<typeof Configuration>> {
    const may = (permission: string): boolean => covers(actor.permissions, permission);
    const [settings, nodes, alerts, notifications] = await Promise.all([
      this.bus.request(settingsGet, {}),
      may('nodes:view') ? this.#nodes() : null,
      may('alerts:view') ? this.bus.request(alertConfigGet, {}).then(toConfigView) : null,
      may('notifications:view') ? this.#notifications(actor) : null,
    ]);
    const system = { version: `v${lapwingVersion}`, runtime: 'node', channel: settings.updateChannel };
    return { settings: toSystemSettingsView(settings), system, nodes, alerts, notifications };
  }

  async #nodes(): Promise<z.infer<typeof NodeView>[]> {
    const { nodes } = await this.bus.request(nodeList, {});
    return nodes.map((node) => toNodeView(node, this.estate.linkTo(node.id)));
  }

  async #notifications(actor: Actor) {
    const [email, { webhooks }] = await Promise.all([
      this.bus.request(emailGet, {}),
      this.bus.request(webhookList, {}),
    ]);
    return { email: toEmailView(email), webhooks: webhooks.map((webhook) => toWebhookView(webhook, actor)) };
  }
}
