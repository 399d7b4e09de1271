import type { WebhookPart, WebhookService } from '../webhook-channel.js';

/** Where people put the key of their integration: a header or a custom field of this name. */
const ROUTING_KEY = 'routing_key';

function routingKeyOf({ headers, customFields }: Pick<WebhookPart, 'headers' | 'customFields'>): string {
  const header = Object.entries(headers).find(([name]) => name.toLowerCase() === ROUTING_KEY)?.[1];
  return customFields[ROUTING_KEY] || header || '';
}

/** An event is about one alert: its id lets PagerDuty tell that it is over. */
function events(part: WebhookPart): WebhookPart[] {
  const headers = Object.fromEntries(
    Object.entries(part.headers).filter(([name]) => name.toLowerCase() !== ROUTING_KEY),
  );
  const customFields = { ...part.customFields, [ROUTING_KEY]: routingKeyOf(part) };
  return part.message.alerts.map((alert) => ({
    message: { ...part.message, alerts: [alert], total: 1 },
    headers,
    customFields,
  }));
}

/** Source: PagerDuty, "Events API v2: Send an alert event". */
export const pagerduty: WebhookService = {
  service: 'pagerduty',
  name: 'PagerDuty',
  urlPattern: 'https://events.pagerduty.com/v2/enqueue',
  method: 'POST',
  headers: {},
  contentType: 'application/json',
  payloadTemplate: String.raw`{
  "routing_key": "{{.CustomFields.routing_key}}",
  "event_action": "{{if .Resolved}}resolve{{else}}trigger{{end}}",
  "dedup_key": "{{.ID}}",
  "payload": {
    "summary": "{{.Title}}: {{.Text}}",
    "source": "{{or .Node .ResourceName "lapwing"}}",
    "severity": "{{.Level}}",
    "timestamp": "{{.StartTime}}",
    "component": "{{.ResourceName}}",
    "group": "{{.ResourceType}}",
    "class": "{{.Type}}",
    "custom_details": {
      "resourceId": "{{.ResourceID}}",
      "value": "{{.ValueFormatted}}",
      "threshold": "{{.ThresholdFormatted}}",
      "duration": "{{.Duration}}"
    }
  },
  "client": "Lapwing"{{if .Instance}},
  "client_url": "{{.Instance}}"{{end}}
}`,
  instructions:
    'In PagerDuty: Services, your service, Integrations, Add, Events API v2. Put the Integration Key into the custom field routing_key, or a header of this name.',
  prepare: events,
  check: (webhook) =>
    routingKeyOf(webhook) === '' ? ['PagerDuty needs a routing_key, as a custom field or a header'] : [],
};
