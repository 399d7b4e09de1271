import type { WebhookService } from '../webhook-channel.js';

/** Source: Microsoft, "Legacy actionable message card reference". */
export const teams: WebhookService = {
  service: 'teams',
  name: 'Microsoft Teams',
  urlPattern: 'https://{tenant}.webhook.office.com/webhookb2/{path}',
  method: 'POST',
  headers: {},
  contentType: 'application/json',
  payloadTemplate: String.raw`{
  "@type": "MessageCard",
  "@context": "https://schema.org/extensions",
  "themeColor": "{{slice .Color 1}}",
  "summary": "{{.Title}}",
  "title": "{{.Title}}",
  "sections": [
    {
      "markdown": false,
      "text": "{{.Text}}"{{if eq .AlertCount 1}},
      "facts": [
        { "name": "Resource", "value": "{{.ResourceName}}" },
        { "name": "Node", "value": "{{.Node}}" },
        { "name": "Type", "value": "{{.Type}}" },
        { "name": "Value", "value": "{{.ValueFormatted}}" },
        { "name": "Threshold", "value": "{{.ThresholdFormatted}}" },
        { "name": "Duration", "value": "{{.Duration}}" }
      ]{{end}}
    }
  ]{{if .Instance}},
  "potentialAction": [
    { "@type": "OpenUri", "name": "Open Lapwing", "targets": [{ "os": "default", "uri": "{{.Instance}}" }] }
  ]{{end}}
}`,
  instructions: 'In the Teams channel: Connectors, Incoming Webhook, Configure. Name it and copy the URL.',
};
