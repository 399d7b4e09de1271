import type { AlertMessage } from '../domain/message.js';
import { compile, TemplateError } from '../domain/template/template.js';
import { originOf } from '../domain/channel-draft.js';
import { generic } from './generic/generic.js';
import { webhookService } from './registry.js';
import { chatIdOf } from './telegram/telegram.js';
import { templateData, type TemplateData } from './template-data.js';
import { mergeHeaders, type Webhook, type WebhookPart, type WebhookService } from './webhook-channel.js';

/** One request to a receiver, rendered. */
export interface WebhookRequest {
  url: string;
  /** Names in small letters. */
  headers: Record<string, string>;
  /** A GET has none. */
  body: string | undefined;
}

/** What a template makes cannot be sent. Its message is fit for users. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError';
}

/**
 * What is sent for a message: one request, or as many as the service makes of it. Each may take some milliseconds.
 * @throws PayloadError when the URL or the body cannot be made, or the body is not what its content type says, or longer than templates may render.
 */
export function* requestsOf(webhook: Webhook, message: AlertMessage): Generator<WebhookRequest> {
  const service = webhookService(webhook.service) ?? generic;
  const { headers, customFields } = webhook;
  const whole: WebhookPart = { message, headers, customFields };
  for (const part of service.prepare?.(whole) ?? [whole]) yield requestOf(webhook, service, part);
}

function requestOf(webhook: Webhook, service: WebhookService, part: WebhookPart): WebhookRequest {
  const data = templateData(part.message, part.customFields, chatIdOf(webhook));
  const url = rendered('URL', webhook.url, data, 'url');
  if (!URL.canParse(url) || new URL(url).origin !== originOf(webhook.url))
    throw new PayloadError('the URL leads elsewhere when it is rendered');
  const headers = mergeHeaders(service.headers, { 'content-type': service.contentType }, part.headers);
  if (webhook.method === 'GET') {
    const { 'content-type': _, ...bare } = headers;
    return { url, headers: bare, body: undefined };
  }
  const source = webhook.template ?? service.payloadTemplate;
  return { url, headers, body: bodyOf(source, data, headers['content-type'] ?? '') };
}

function bodyOf(source: string, data: TemplateData, contentType: string): string {
  const isJson = /[/+]json\b/i.test(contentType);
  const isForm = /x-www-form-urlencoded/i.test(contentType);
  const body = rendered('template', source, data, isJson ? 'json' : isForm ? 'url' : 'none');
  if (isJson) checkJson(body);
  return body;
}

/** Names the place, not what stands there: that may be a secret. */
function checkJson(body: string): void {
  try {
    JSON.parse(body);
  } catch (error) {
    const place = /position (\d+)/.exec((error as Error).message)?.[1];
    const line = place === undefined ? undefined : body.slice(0, Number(place)).split('\n').length;
    const where = line === undefined ? '' : `: something is wrong in line ${line} of what it makes`;
    throw new PayloadError(`the template does not make valid JSON${where}`);
  }
}

function rendered(what: string, source: string, data: TemplateData, escape: 'json' | 'url' | 'none'): string {
  try {
    return compile(source).render({ ...data }, { escape });
  } catch (error) {
    if (error instanceof TemplateError) throw new PayloadError(`the ${what} cannot be rendered: ${error.message}`);
    throw error;
  }
}
