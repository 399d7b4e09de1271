import type { WebhookPart, WebhookService } from '../webhook-channel.js';

/**
 * To Alertmanager an alert is its labels, so that one whose level changes is two: the other one is over. That of one that was never heard of
 * is nothing to it.
 */
function bothLevels(part: WebhookPart): WebhookPart[] {
  const { alerts, createdAt } = part.message;
  const both = alerts.flatMap((alert) => {
    const level = alert.level === 'critical' ? ('warning' as const) : ('critical' as const);
    return [alert, { ...alert, level, resolvedAt: alert.resolvedAt ?? createdAt }];
  });
  return [{ ...part, message: { ...part.message, alerts: both } }];
}

/** Source: Prometheus Alertmanager, OpenAPI of its API v2, "POST /alerts". It takes a list, and an alert is over at endsAt. */
export const alertmanager: WebhookService = {
  service: 'alertmanager',
  name: 'Prometheus Alertmanager',
  urlPattern: 'https://alertmanager.example.com/api/v2/alerts',
  method: 'POST',
  headers: {},
  contentType: 'application/json',
  payloadTemplate: String.raw`[{{range $index, $alert := .Alerts}}{{if $index}},{{end}}
  {
    "labels": {
      "alertname": "{{$alert.Type}}",
      "severity": "{{$alert.Level}}",
      "alert_id": "{{$alert.ID}}",
      "instance": "{{$alert.ResourceName}}",
      "resource_id": "{{$alert.ResourceID}}",
      "resource_type": "{{$alert.ResourceType}}",
      "node": "{{$alert.Node}}"
    },
    "annotations": {
      "summary": "{{$alert.Message}}",
      "value": "{{$alert.ValueFormatted}}",
      "threshold": "{{$alert.ThresholdFormatted}}"
    },
    "startsAt": "{{$alert.StartTime}}",
    "endsAt": "{{$alert.EndsAt}}"{{if $alert.Instance}},
    "generatorURL": "{{$alert.Instance}}"{{end}}
  }{{end}}
]`,
  instructions: 'Enter the address of the Alertmanager with /api/v2/alerts at its end.',
  prepare: bothLevels,
};
