import { alertmanager } from './alertmanager/alertmanager.js';
import { apprise } from './apprise/apprise.js';
import { discord } from './discord/discord.js';
import { generic } from './generic/generic.js';
import { gotify } from './gotify/gotify.js';
import { ntfy } from './ntfy/ntfy.js';
import { pagerduty } from './pagerduty/pagerduty.js';
import { pushover } from './pushover/pushover.js';
import { slack } from './slack/slack.js';
import { teamsAdaptive } from './teams-adaptive/teams-adaptive.js';
import { teams } from './teams/teams.js';
import { telegram } from './telegram/telegram.js';
import type { WebhookService } from './webhook-channel.js';

/** The kinds of receivers, as people are offered them. */
export const webhookServices: readonly WebhookService[] = [
  generic,
  discord,
  slack,
  telegram,
  teams,
  teamsAdaptive,
  pagerduty,
  pushover,
  gotify,
  ntfy,
  apprise,
  alertmanager,
];

/** The kind of receiver of this name, if there is one. */
export function webhookService(name: string): WebhookService | undefined {
  return webhookServices.find(({ service }) => service === name);
}
