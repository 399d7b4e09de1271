import type { WebhookService } from '../webhook-channel.js';

/** Source: Gotify, "Push messages" and "Message extras". */
export const gotify: WebhookService = {
  service: 'gotify',
  name: 'Gotify',
  urlPattern: 'https://gotify.example.com/message?token={app token}',
  method: 'POST',
  headers: {},
  contentType: 'application/json',
  payloadTemplate: String.raw`{
  "title": "{{.Title}}",
  "message": "{{.Text}}",
  "priority": {{if .Resolved}}2{{else if eq .Level "critical"}}8{{else}}5{{end}},
  "extras": {
    "client::display": { "contentType": "text/plain" }{{if .Instance}},
    "client::notification": { "click": { "url": "{{.Instance}}" } }{{end}}
  }
}`,
  instructions:
    'In Gotify: Apps, Create Application. Put its token behind ?token= in the URL, or into a header X-Gotify-Key.',
};
