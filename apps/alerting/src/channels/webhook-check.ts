import { checkUrl, headerProblem, OutgoingError } from '@lapwing/outgoing';
import { z } from 'zod';
import { compile, TemplateError } from '../domain/template/template.js';
import { originOf } from '../domain/channel-draft.js';
import { webhookService } from './registry.js';
import { sampleMessages } from './sample.js';
import { webhookMethods, type Webhook } from './webhook-channel.js';
import { PayloadError, requestsOf } from './webhook-request.js';

const MAX_TEMPLATE_BYTES = 64 * 1024;
const MAX_URL = 2048;
const MAX_ENTRIES = 50;
const MAX_VALUE = 4096;
/** What Lapwing says itself. */
const OWN = /^(user-agent|idempotency-key|x-lapwing-.*)$/i;

const text = (what: string, most: number) =>
  z.string(`${what} must be text`).max(most, `${what} may be ${most} characters long`);
const texts = (what: string) =>
  z
    .record(z.string(), text(`each of ${what}`, MAX_VALUE), `${what} must be names with texts`)
    .refine((map) => Object.keys(map).length <= MAX_ENTRIES, `${what} may be ${MAX_ENTRIES} at most`);

const Form = z.object({
  name: text('"name"', 100).refine((name) => name.trim() !== '', '"name" must not be empty'),
  url: text('"url"', MAX_URL).refine((url) => url.trim() !== '', '"url" must not be empty'),
  method: z.enum(webhookMethods, `"method" must be one of ${webhookMethods.join(', ')}`),
  headers: texts('"headers"'),
  service: z.string('"service" must be text'),
  template: z.string('"template" must be text, or null').nullable(),
  customFields: texts('"customFields"'),
  secret: text('"secret"', 256).nullable(),
});

/** What is to be checked: not yet known to be a webhook. */
export type WebhookDraft = { [Field in keyof Webhook]?: unknown };

/**
 * What keeps a webhook from being kept, as sentences; none when it is good. It is tried with messages as they come.
 * @param networks when given, a literal address that may not be asked is a problem, too. What a name leads to shows when it is asked.
 */
export function checkWebhook(draft: WebhookDraft, networks?: readonly string[]): string[] {
  const form = Form.safeParse(draft);
  if (!form.success) return unique(form.error.issues.map(({ message }) => message));
  const webhook: Webhook = { id: '', enabled: true, ...form.data };
  const service = webhookService(webhook.service);
  if (!service) return [`"service" ${JSON.stringify(webhook.service.slice(0, 40))} is not known`];
  const problems = [
    ...originProblems(webhook.url, networks),
    ...headerProblems(webhook.headers),
    ...templateProblems('"url"', webhook.url),
    ...(webhook.template === null ? [] : templateProblems('"template"', webhook.template)),
    ...(service.check?.(webhook) ?? []),
  ];
  return problems.length > 0 ? problems : unique(trialProblems(webhook, networks));
}

const unique = (problems: string[]): string[] => [...new Set(problems)];

/** Headers and fields may hold secrets: where they go must not be for alerts to say. */
function originProblems(url: string, networks: readonly string[] | undefined): string[] {
  if (originOf(url) !== undefined) return [];
  const origin = /^(?:[a-z][a-z0-9+.-]*:\/\/)?[^/?#]*/i.exec(url)?.[0] ?? '';
  const problems = /[{}@]/.test(origin) ? [] : urlProblems(url, networks);
  if (problems.length > 0) return problems;
  return ['"url": scheme and host must stand there as they are, without {{ }} and user names'];
}

function headerProblems(headers: Record<string, string>): string[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const problem = OWN.test(name) ? `the header "${name.slice(0, 40)}" is Lapwing's own` : headerProblem(name, value);
    return problem === undefined ? [] : [problem];
  });
}

function templateProblems(what: string, source: string): string[] {
  if (Buffer.byteLength(source) > MAX_TEMPLATE_BYTES) return [`${what} may be 64 KiB long`];
  try {
    compile(source);
    return [];
  } catch (error) {
    if (error instanceof TemplateError) return [`${what}: ${error.message}`];
    throw error;
  }
}

/** What goes wrong with messages as they come. */
function trialProblems(webhook: Webhook, networks: readonly string[] | undefined): string[] {
  return sampleMessages().flatMap((message) => {
    try {
      return [...requestsOf(webhook, message)].flatMap(({ url }) => urlProblems(url, networks));
    } catch (error) {
      if (error instanceof PayloadError) return [error.message];
      throw error;
    }
  });
}

function urlProblems(url: string, networks: readonly string[] | undefined): string[] {
  if (!URL.canParse(url)) return ['"url" must be a URL, e.g. https://example.com/webhook'];
  try {
    checkUrl(new URL(url), { reach: networks ? { networks } : 'private', http: true });
    return [];
  } catch (error) {
    if (error instanceof OutgoingError) return [`"url": ${error.message}`];
    throw error;
  }
}
