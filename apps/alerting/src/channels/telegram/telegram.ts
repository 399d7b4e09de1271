import type { Webhook, WebhookService } from '../webhook-channel.js';

const CHAT_ID = /^-?\d{1,20}$/;

/** The chat of a webhook, from its custom field `chat_id` or its URL; empty when there is none. */
export function chatIdOf({ url, customFields }: Pick<Webhook, 'url' | 'customFields'>): string {
  const field = customFields.chat_id ?? '';
  if (field !== '') return field;
  return URL.canParse(url) ? (new URL(url).searchParams.get('chat_id') ?? '') : '';
}

/** Source: Telegram Bot API, "sendMessage". */
export const telegram: WebhookService = {
  service: 'telegram',
  name: 'Telegram',
  urlPattern: 'https://api.telegram.org/bot{token}/sendMessage?chat_id={chat_id}',
  method: 'POST',
  headers: {},
  contentType: 'application/json',
  // Without a parse_mode: with one, a name with an underscore would be an error.
  payloadTemplate: String.raw`{
  "chat_id": "{{.ChatID}}",
  "text": "{{.Title}}\n\n{{.Text}}{{if .Instance}}\n\n{{.Instance}}{{end}}",
  "disable_web_page_preview": true
}`,
  instructions:
    'Ask @BotFather for a bot and its token, and send the bot a message. The chat_id stands in https://api.telegram.org/bot{token}/getUpdates; groups have negative ones. Put it into the URL or the custom field chat_id.',
  check: (webhook) =>
    CHAT_ID.test(chatIdOf(webhook))
      ? []
      : ['Telegram needs a numeric chat_id, in the URL (?chat_id=…) or as the custom field "chat_id"'],
};
