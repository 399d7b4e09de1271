import { escapedMarkdown, escapedNames, type WebhookService } from '../webhook-channel.js';

/** Source: Microsoft, "Create incoming webhooks with Workflows", and the schema of Adaptive Cards 1.4. */
export const teamsAdaptive: WebhookService = {
  service: 'teams-adaptive',
  name: 'Microsoft Teams (Adaptive Card)',
  urlPattern: 'https://{region}.logic.azure.com/workflows/{id}/triggers/manual/paths/invoke?{signature}',
  method: 'POST',
  headers: {},
  contentType: 'application/json',
  payloadTemplate: String.raw`{
  "type": "message",
  "attachments": [
    {
      "contentType": "application/vnd.microsoft.card.adaptive",
      "content": {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
          {
            "type": "TextBlock",
            "size": "Large",
            "weight": "Bolder",
            "wrap": true,
            "color": "{{if eq .Kind "test"}}Accent{{else if .Resolved}}Good{{else if eq .Level "critical"}}Attention{{else}}Warning{{end}}",
            "text": "{{.Title}}"
          },
          { "type": "TextBlock", "wrap": true, "text": "{{.Text}}" }{{if eq .AlertCount 1}},
          {
            "type": "FactSet",
            "facts": [
              { "title": "Resource", "value": "{{.ResourceName}}" },
              { "title": "Node", "value": "{{.Node}}" },
              { "title": "Type", "value": "{{.Type}}" },
              { "title": "Value", "value": "{{.ValueFormatted}}" },
              { "title": "Threshold", "value": "{{.ThresholdFormatted}}" },
              { "title": "Duration", "value": "{{.Duration}}" }
            ]
          }{{end}}
        ]{{if .Instance}},
        "actions": [{ "type": "Action.OpenUrl", "title": "Open Lapwing", "url": "{{.Instance}}" }]{{end}}
      }
    }
  ]
}`,
  instructions:
    'In Teams: Workflows, "Post to a channel when a webhook request is received". Choose team and channel, and copy the URL.',
  prepare: (part) => [{ ...part, message: escapedNames(part.message, escapedMarkdown) }],
};
