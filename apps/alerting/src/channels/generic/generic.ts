import type { WebhookService } from '../webhook-channel.js';

/** One alert in the names that Pulse's receivers know, with what Lapwing adds. */
const item = (alert: string): string => `{
      "id": "{{${alert}.ID}}",
      "level": "{{${alert}.Level}}",
      "type": "{{${alert}.Type}}",
      "resourceId": "{{${alert}.ResourceID}}",
      "resourceName": "{{${alert}.ResourceName}}",
      "resourceType": "{{${alert}.ResourceType}}",
      "node": "{{${alert}.Node}}",
      "message": "{{${alert}.Message}}",
      "value": {{${alert}.Value}},
      "threshold": {{${alert}.Threshold}},
      "startTime": "{{${alert}.StartTime}}",
      "endTime": {{if ${alert}.EndTime}}"{{${alert}.EndTime}}"{{else}}null{{end}},
      "duration": "{{${alert}.Duration}}",
      "resolved": {{${alert}.Resolved}},
      "acknowledged": {{${alert}.Acknowledged}},
      "metadata": {{json ${alert}.Metadata}}
    }`;

/** Anything that takes JSON: `alert` where there is one, `alerts` and `count` always. */
export const generic: WebhookService = {
  service: 'generic',
  name: 'Generic',
  urlPattern: 'https://example.com/webhook',
  method: 'POST',
  headers: {},
  contentType: 'application/json',
  payloadTemplate: `{
  "source": "pulse-monitoring",
  "event": "{{.Kind}}",
  "messageId": "{{.MessageID}}",
  "title": "{{.Title}}",
  "text": "{{.Text}}",
  "timestamp": "{{.Timestamp}}",
  "instance": "{{.Instance}}",
  "count": {{.AlertCount}},
  "grouped": {{gt .AlertCount 1}},{{if eq .AlertCount 1}}
  "alert": ${item('$')},{{end}}
  "alerts": [{{range $index, $alert := .Alerts}}{{if $index}},{{end}}
    ${item('$alert')}{{end}}
  ]
}`,
  instructions:
    'Enter the URL that takes JSON by POST. Headers and the template can be changed. With a secret, X-Lapwing-Signature holds v1= and the HMAC-SHA256 of X-Lapwing-Timestamp, a point and the body, hexadecimal.',
};
