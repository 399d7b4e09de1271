import { escapedMarkdown, escapedNames, type WebhookService } from '../webhook-channel.js';

/** Source: Discord developer documentation, "Execute Webhook". */
export const discord: WebhookService = {
  service: 'discord',
  name: 'Discord',
  urlPattern: 'https://discord.com/api/webhooks/{id}/{token}',
  method: 'POST',
  headers: {},
  contentType: 'application/json',
  // Names of hosts must not call people: allowed_mentions is empty.
  payloadTemplate: String.raw`{
  "username": "Lapwing",
  "allowed_mentions": { "parse": [] },
  "embeds": [
    {
      "title": "{{.Title}}",
      "description": "{{.Text}}",
      {{if .Instance}}"url": "{{.Instance}}",{{end}}
      "color": {{if eq .Kind "test"}}3900150{{else if .Resolved}}1483594{{else if eq .Level "critical"}}14427686{{else}}16096779{{end}},
      {{if eq .AlertCount 1}}"fields": [
        { "name": "Resource", "value": "{{or .ResourceName "-"}}", "inline": true },
        { "name": "Node", "value": "{{or .Node "-"}}", "inline": true },
        { "name": "Type", "value": "{{or .Type "-"}}", "inline": true },
        { "name": "Value", "value": "{{.ValueFormatted}}", "inline": true },
        { "name": "Threshold", "value": "{{.ThresholdFormatted}}", "inline": true },
        { "name": "Duration", "value": "{{.Duration}}", "inline": true }
      ],{{end}}
      "timestamp": "{{.Timestamp}}",
      "footer": { "text": "Lapwing" }
    }
  ]
}`,
  instructions: 'In Discord: Server Settings, Integrations, Webhooks, New Webhook. Choose a channel and copy the URL.',
  prepare: (part) => [{ ...part, message: escapedNames(part.message, escapedMarkdown) }],
};
