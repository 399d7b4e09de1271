import {
  EmailDraft,
  EmailProvider,
  EmailSettings,
  LapwingError,
  Webhook,
  WebhookDraft,
  WebhookTemplate,
  covers,
  type Actor,
  type AlertConfig,
  type Delivery,
  type Trial,
} from '@lapwing/contracts';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { isoTime } from '../../http/answer.js';
import { groupingOf, isFields, toConfigView, toPatch, type Fields } from './alerts/config.view.js';

const iso = (time: number): string => new Date(time).toISOString();

/** How mail is sent; the password is never told. */
export const EmailView = EmailSettings.extend({ password: z.literal('').describe('never told; see hasPassword') });

/** See {@link EmailView}. */
export const toEmailView = (settings: EmailSettings): z.infer<typeof EmailView> => ({ ...settings, password: '' });

/** Clients of old send null for what they have not. */
const withoutNulls = (value: unknown): unknown =>
  isFields(value) ? Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null)) : value;

/** Changes of how mail is sent. */
export const EmailBody = z.preprocess(withoutNulls, EmailDraft);

/** A webhook as Pulse's clients know it. */
export const WebhookView = Webhook.extend({ template: z.string().optional().describe("its own, not the service's") });

/** See {@link WebhookView}. */
export function toWebhookView(
  { template, url, ...webhook }: Webhook,
  { permissions }: Pick<Actor, 'permissions'>,
): z.infer<typeof WebhookView> {
  // Of many services the path is the secret: only whoever may change it sees it.
  const mayKnow = covers(permissions, 'notifications:manage');
  const shown = mayKnow || !URL.canParse(url) ? (mayKnow ? url : '') : `${new URL(url).origin}/********`;
  return { ...webhook, url: shown, ...(template !== null && { template }) };
}

/** What makes a webhook; an empty template is none. */
export const WebhookBody = z.preprocess((value) => {
  const fields = withoutNulls(value);
  return isFields(fields) && fields['template'] === '' ? { ...fields, template: null } : fields;
}, WebhookDraft);

/** Changes of a webhook, in the words of its service: what is missing stays, an empty template is none. */
export function toWebhookChanges({ id: _id, hasSecret: _secret, ...changes }: Fields): Fields {
  const { headers, customFields, template } = changes;
  return {
    ...changes,
    ...(headers === null && { headers: {} }),
    ...(customFields === null && { customFields: {} }),
    ...(template === '' && { template: null }),
  };
}

/** All that says who is told of alerts, and when. */
export const NotificationsView = z.object({
  enabled: z.boolean().describe('whether anybody is told of anything'),
  email: EmailView,
  webhooks: z.array(WebhookView),
  cooldown: z.number().describe('minutes'),
  grouping: z.object({ enabled: z.boolean(), window: z.number(), byNode: z.boolean(), byGuest: z.boolean() }),
  schedule: z.record(z.string(), z.unknown()),
});
type NotificationsView = z.infer<typeof NotificationsView>;

/** See {@link NotificationsView}. */
export function toNotificationsView(
  { config, email, webhooks }: { config: AlertConfig; email: EmailSettings; webhooks: Webhook[] },
  actor: Pick<Actor, 'permissions'>,
): NotificationsView {
  return {
    enabled: config.enabled && (email.enabled || webhooks.some(({ enabled }) => enabled)),
    email: toEmailView(email),
    webhooks: webhooks.map((webhook) => toWebhookView(webhook, actor)),
    cooldown: config.schedule.cooldown,
    grouping: groupingOf(config),
    schedule: toConfigView(config).schedule,
  };
}

const fields = z.record(z.string(), z.unknown()).optional();

/** Changes of it. */
export const NotificationsBody = z.object({
  enabled: z.boolean().optional(),
  email: EmailBody.optional(),
  webhooks: z.unknown().optional(),
  cooldown: z.number().optional(),
  grouping: fields,
  schedule: fields,
  aggregation: fields,
  flapping: fields,
});

/**
 * The part of the changes that the rules of alerts hold, in their words.
 * @throws LapwingError `INVALID_INPUT` for changes that are made elsewhere; what is sent back as it was shown does no harm.
 */
export function toRules(body: z.infer<typeof NotificationsBody>, now: NotificationsView, inForce: AlertConfig): Fields {
  const { webhooks, enabled, cooldown, grouping, email: _email, ...rules } = body;
  if (webhooks !== undefined && !isDeepStrictEqual(webhooks, now.webhooks))
    throw new LapwingError('INVALID_INPUT', '"webhooks" are changed under /api/notifications/webhooks, one by one');
  if (enabled !== undefined && enabled !== now.enabled)
    throw new LapwingError(
      'INVALID_INPUT',
      '"enabled" follows from channels and alerts: switch those, e.g. by PUT /api/notifications/email or /api/alerts/config',
    );
  const patch = toPatch(rules, inForce, grouping);
  if (cooldown === undefined || cooldown === inForce.schedule.cooldown) return patch;
  return { ...patch, schedule: { ...rules.schedule, ...(patch['schedule'] as Fields | undefined), cooldown } };
}

/** Which channels a trial is for. */
const method = z.preprocess((value) => value || undefined, z.enum(['email', 'webhook']).optional());
export const TrialBody = z.preprocess(
  (value) => value ?? {},
  z.object({
    method,
    type: method.describe('another name of method'),
    webhookId: z.string().max(64).nullish(),
    config: EmailBody.nullish().describe('settings of mail that are not saved'),
  }),
);

/** What became of trials. */
export const TrialsView = z.object({
  success: z.literal(true),
  message: z.string(),
  results: z.array(z.object({ channel: z.string(), name: z.string(), success: z.boolean(), error: z.string() })),
});

/** See {@link TrialsView}. Throws `INVALID_INPUT`, with all results, unless there is a channel and all of them worked. */
export function toTrialsView(trials: Trial[]): z.infer<typeof TrialsView> {
  const results = trials.map(({ channel, name, success, error }) => ({ channel, name, success, error }));
  if (results.length === 0) throw new LapwingError('INVALID_INPUT', 'no channel is configured', { results });
  const failed = results.filter(({ success }) => !success);
  if (failed.length > 0) {
    const reasons = failed.map(({ name, channel, error }) => `${name || channel}: ${error}`).join('; ');
    throw new LapwingError('INVALID_INPUT', reasons.slice(0, 1000), { results });
  }
  return { success: true, message: `sent through ${results.length} channels`, results };
}

/** What became of the trial of one webhook. */
export const WebhookTrialView = z.object({
  success: z.boolean(),
  status: z.int().describe('HTTP status of the receiver; 0 when it did not answer'),
  response: z.literal('').describe('what it answered is shown to nobody'),
  error: z.string().optional(),
});

/** See {@link WebhookTrialView}. */
export function toWebhookTrialView({ success, code, error }: Trial): z.infer<typeof WebhookTrialView> {
  return { success, status: code ?? 0, response: '', ...(!success && { error }) };
}

const timeOf = ({ endedAt, attemptedAt, decidedAt }: Delivery): string => iso(endedAt ?? attemptedAt ?? decidedAt);

/** A message to a webhook, as Pulse's clients know it. */
export const WebhookDeliveryView = z.object({
  webhookName: z.string(),
  webhookUrl: z.string().describe('the host alone'),
  service: z.string(),
  alertId: z.string(),
  timestamp: isoTime,
  statusCode: z.int(),
  success: z.boolean(),
  errorMessage: z.string(),
  retryAttempts: z.int(),
  payloadSize: z.int(),
});

/** See {@link WebhookDeliveryView}. */
export function toWebhookDeliveryView(delivery: Delivery): z.infer<typeof WebhookDeliveryView> {
  const { name, target, service, alertIds, code, status, error, attempts, size } = delivery;
  return {
    webhookName: name,
    webhookUrl: target,
    service,
    alertId: alertIds[0] ?? '',
    timestamp: timeOf(delivery),
    statusCode: code ?? 0,
    success: status === 'sent',
    errorMessage: error,
    retryAttempts: Math.max(0, attempts - 1),
    payloadSize: size,
  };
}

/** A message, as Pulse's clients know it. */
export const NotificationView = z.object({
  id: z.uuid(),
  alertId: z.string(),
  channel: z.enum(['email', 'webhook']),
  target: z.string(),
  status: z.enum(['sent', 'failed', 'suppressed', 'pending']),
  error: z.string(),
  timestamp: isoTime,
});

/** See {@link NotificationView}. */
export function toNotificationView(delivery: Delivery): z.infer<typeof NotificationView> {
  const { id, alertIds, channel, target, status, error } = delivery;
  return {
    id,
    alertId: alertIds[0] ?? '',
    channel,
    target,
    status: status === 'sent' || status === 'failed' ? status : 'pending',
    error,
    timestamp: timeOf(delivery),
  };
}

/** Presets of mail providers, and of services of webhooks. */
export const Providers = z.array(EmailProvider);
export const Templates = z.array(WebhookTemplate);
