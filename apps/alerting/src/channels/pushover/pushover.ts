import type { WebhookService } from '../webhook-channel.js';

/** What Pushover knows the application and its reader by. */
const FIELDS = ['app_token', 'user_token'];

/** Source: Pushover, "Message API". */
export const pushover: WebhookService = {
  service: 'pushover',
  name: 'Pushover',
  urlPattern: 'https://api.pushover.net/1/messages.json',
  method: 'POST',
  headers: {},
  contentType: 'application/json',
  payloadTemplate: String.raw`{
  "token": "{{.CustomFields.app_token}}",
  "user": "{{.CustomFields.user_token}}",
  "title": "{{.Title}}",
  "message": "{{.Text}}",
  "priority": {{if .Resolved}}0{{else if eq .Level "critical"}}1{{else}}0{{end}}{{if .Instance}},
  "url": "{{.Instance}}",
  "url_title": "Open Lapwing"{{end}}
}`,
  instructions:
    'Create an application at pushover.net. Put its token into the custom field app_token, and your user key into user_token.',
  check: ({ customFields }) =>
    FIELDS.filter((field) => !customFields[field]).map((field) => `Pushover needs the custom field "${field}"`),
};
