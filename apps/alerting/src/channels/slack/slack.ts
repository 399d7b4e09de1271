import { escapedNames, type WebhookService } from '../webhook-channel.js';

/** Source: Slack API documentation, "Formatting text": these three have a meaning, e.g. that of `<!channel>`. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Source: Slack API documentation, "Incoming webhooks" and "Block Kit". */
export const slack: WebhookService = {
  service: 'slack',
  name: 'Slack',
  urlPattern: 'https://hooks.slack.com/services/{team}/{channel}/{token}',
  method: 'POST',
  headers: {},
  contentType: 'application/json',
  payloadTemplate: String.raw`{
  "text": "{{.Title}}",
  "attachments": [
    {
      "color": "{{.Color}}",
      "blocks": [
        { "type": "section", "text": { "type": "mrkdwn", "text": "*{{.Title}}*\n{{.Text}}" } },
        {{if eq .AlertCount 1}}{
          "type": "section",
          "fields": [
            { "type": "mrkdwn", "text": "*Resource*\n{{or .ResourceName "-"}}" },
            { "type": "mrkdwn", "text": "*Node*\n{{or .Node "-"}}" },
            { "type": "mrkdwn", "text": "*Value*\n{{.ValueFormatted}} (threshold {{.ThresholdFormatted}})" },
            { "type": "mrkdwn", "text": "*Duration*\n{{.Duration}}" }
          ]
        },{{end}}
        { "type": "context", "elements": [{ "type": "mrkdwn", "text": "Lapwing{{if .Instance}} · {{.Instance}}{{end}} · {{.Timestamp}}" }] }
      ]
    }
  ]
}`,
  instructions:
    'In Slack: create an app, switch on Incoming Webhooks, add one to a workspace and choose a channel. Copy the URL.',
  prepare: (part) => [{ ...part, message: escapedNames(part.message, escaped) }],
};
