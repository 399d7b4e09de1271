import { z } from 'zod';
import { event, job, request } from './define.js';
import { Actor } from './identity.js';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);
const text = (max: number) => z.string().max(max);

/** How mail is sent. */
export const EmailSettings = z.object({
  enabled: z.boolean(),
  provider: text(64),
  server: text(255),
  port: z.int().min(1).max(65_535),
  username: text(255),
  from: text(320),
  to: z.array(text(320)).max(50),
  tls: z.boolean(),
  startTLS: z.boolean(),
  /** Whether a password is kept; it is never told. */
  hasPassword: z.boolean(),
});
/** See {@link EmailSettings}. */
export type EmailSettings = z.infer<typeof EmailSettings>;

/** Changes of {@link EmailSettings}; an empty password, or none, keeps the one that is there while server and user stay the same. */
export const EmailDraft = EmailSettings.omit({ hasPassword: true })
  .partial()
  .extend({ password: text(1024).optional() });
/** See {@link EmailDraft}. */
export type EmailDraft = z.infer<typeof EmailDraft>;

/** A preset for a mail provider. */
export const EmailProvider = z.object({
  name: z.string(),
  smtpHost: z.string(),
  smtpPort: z.int(),
  tls: z.boolean(),
  startTLS: z.boolean(),
  authRequired: z.boolean(),
  instructions: z.string(),
});

const Pairs = z.record(z.string().max(256), text(4096));

/** A receiver of messages over HTTP. Values of headers and own fields that are secret are shown as stars, and stars keep what is there. */
export const Webhook = z.object({
  id: z.uuid(),
  name: text(200),
  url: text(4096),
  method: text(16),
  headers: Pairs,
  enabled: z.boolean(),
  service: text(64),
  /** Null where the service's own is used. */
  template: z.string().max(65_536).nullable(),
  customFields: Pairs,
  /** Whether messages are signed; the secret is never told. */
  hasSecret: z.boolean(),
});
/** See {@link Webhook}. */
export type Webhook = z.infer<typeof Webhook>;

/** What makes or changes a webhook; what is wrong with it is said in words. */
export const WebhookDraft = z.object({
  name: text(200),
  url: text(4096),
  method: text(16).default('POST'),
  headers: Pairs.default({}),
  enabled: z.boolean().default(true),
  service: text(64).default('generic'),
  template: z
    .string()
    .max(2 ** 20)
    .nullable()
    .default(null),
  customFields: Pairs.default({}),
  /** Signs messages; left out or empty it stays as it is, null takes it away. */
  secret: text(1024).nullable().optional(),
});
/** See {@link WebhookDraft}. */
export type WebhookDraft = z.infer<typeof WebhookDraft>;

/** What a service of webhooks wants. */
export const WebhookTemplate = z.object({
  service: z.string(),
  name: z.string(),
  urlPattern: z.string(),
  method: z.string(),
  headers: Pairs,
  payloadTemplate: z.string(),
  instructions: z.string(),
});

/** How a delivery stands. `decided`: on its way to the queue; `failed`: given up. */
export const deliveryStatuses = ['decided', 'queued', 'sending', 'retrying', 'sent', 'failed'] as const;

/** One message to one channel, and what became of it. */
export const Delivery = z.object({
  /** The receiver gets it, too, and can tell by it what it has already. */
  id: z.uuid(),
  channel: z.enum(['email', 'webhook']),
  /** The webhook's; null for mail. */
  channelId: z.string().nullable(),
  name: z.string(),
  service: z.string(),
  /** Host of the receiver, or the first address: no secret parts of URLs. */
  target: z.string(),
  kind: z.enum(['firing', 'resolved', 'escalation', 'summary', 'test']),
  /** The alerts it tells of, the worst first, at most 100. */
  alertIds: z.array(z.string()).max(100),
  alerts: z.int(),
  status: z.enum(deliveryStatuses),
  attempts: z.int(),
  /** HTTP status or SMTP code of the last answer. */
  code: z.int().nullable(),
  /** What went wrong last. */
  error: z.string(),
  decidedAt: Instant,
  queuedAt: Instant.nullable(),
  /** When the last attempt began. */
  attemptedAt: Instant.nullable(),
  /** When the receiver had taken it, or it was given up. */
  endedAt: Instant.nullable(),
  nextAt: Instant.nullable(),
  size: z.int(),
});
/** See {@link Delivery}. */
export type Delivery = z.infer<typeof Delivery>;

/** A message waits to be delivered. Key: the delivery. */
export const deliveryDue = job('job.alerting.delivery.v1', z.object({ deliveryId: z.uuid(), attempt: z.int() }));

/** A message was delivered, or given up. Key: the delivery. */
export const deliveryEnded = event(
  'evt.delivery.ended.v1',
  'EVENTS',
  z.object({ deliveryId: z.uuid(), status: z.enum(['sent', 'failed']), target: z.string(), error: z.string() }),
  ({ deliveryId }) => deliveryId,
);

/** How mail is sent. */
export const emailGet = request('req.alerting.email.get.v1', { input: z.object({}), output: EmailSettings });
/** Changes how mail is sent. `INVALID_INPUT`; `SECRET_REQUIRED` when server or user changed and no password came. */
export const emailUpdate = request('req.alerting.email.update.v1', {
  input: z.object({ actor: Actor, draft: EmailDraft }),
  output: EmailSettings,
});
/** Presets of mail providers. */
export const emailproviderList = request('req.alerting.emailprovider.list.v1', {
  input: z.object({}),
  output: z.object({ providers: z.array(EmailProvider) }),
});

/** All webhooks. */
export const webhookList = request('req.alerting.webhook.list.v1', {
  input: z.object({}),
  output: z.object({ webhooks: z.array(Webhook) }),
});
/** Makes one. `INVALID_INPUT` says all that is wrong with it, templates by line and column. */
export const webhookCreate = request('req.alerting.webhook.create.v1', {
  input: z.object({ actor: Actor, draft: WebhookDraft }),
  output: Webhook,
});
/** Changes one: what is left out stays. `NOT_FOUND`, `INVALID_INPUT`. */
export const webhookUpdate = request('req.alerting.webhook.update.v1', {
  input: z.object({ actor: Actor, id: z.string().max(64), changes: z.record(z.string(), z.unknown()) }),
  output: Webhook,
});
/** Removes one. `NOT_FOUND`. */
export const webhookDelete = request('req.alerting.webhook.delete.v1', {
  input: z.object({ actor: Actor, id: z.string().max(64) }),
  output: z.object({}),
});
/** The services of webhooks, with their payloads. */
export const webhooktemplateList = request('req.alerting.webhooktemplate.list.v1', {
  input: z.object({}),
  output: z.object({ templates: z.array(WebhookTemplate) }),
});

/** What became of a trial. */
export const Trial = z.object({
  channel: z.string(),
  name: z.string(),
  success: z.boolean(),
  /** HTTP status or SMTP code; null when there was no answer. */
  code: z.int().nullable(),
  error: z.string(),
});
/** See {@link Trial}. */
export type Trial = z.infer<typeof Trial>;

/** Tells a webhook, saved or not, of an alert that is none. `INVALID_INPUT`. */
export const webhookTest = request('req.alerting.webhook.test.v1', {
  input: z.object({ actor: Actor, id: z.string().max(64).nullable(), draft: z.record(z.string(), z.unknown()) }),
  output: Trial,
  deadlineMs: 20_000,
});
/** Tries all channels, or some: those of `method`, the webhook `webhookId`, or mail as in `config`. */
export const notificationTest = request('req.alerting.notification.test.v1', {
  input: z.object({
    actor: Actor,
    method: z.enum(['email', 'webhook']).nullable().default(null),
    webhookId: z.string().max(64).nullable().default(null),
    config: EmailDraft.nullable().default(null),
  }),
  output: z.object({ results: z.array(Trial) }),
  deadlineMs: 30_000,
});

/** What was told to whom, the newest first. */
export const deliveryList = request('req.alerting.delivery.list.v1', {
  input: z.object({
    limit: z.int().min(1).max(1000).default(100),
    offset: z.int().min(0).max(1_000_000).default(0),
    channel: z.enum(['email', 'webhook']).nullable().default(null),
    status: z.enum(deliveryStatuses).nullable().default(null),
    alertId: z.string().max(900).nullable().default(null),
  }),
  output: z.object({ deliveries: z.array(Delivery), total: z.int() }),
});
