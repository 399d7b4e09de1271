import type { WebhookService } from '../webhook-channel.js';

/** Source: Apprise API, "/notify/{KEY}". */
export const apprise: WebhookService = {
  service: 'apprise',
  name: 'Apprise',
  urlPattern: 'https://apprise.example.com/notify/{key}',
  method: 'POST',
  headers: {},
  contentType: 'application/json',
  payloadTemplate: String.raw`{
  "title": "{{.Title}}",
  "body": "{{.Text}}{{if .Instance}}\n\n{{.Instance}}{{end}}",
  "type": "{{if eq .Kind "test"}}info{{else if .Resolved}}success{{else if eq .Level "critical"}}failure{{else}}warning{{end}}",
  "format": "text"
}`,
  instructions: 'Set up an Apprise API server, keep your receivers in it under a key, and put that key into the URL.',
};
