import type { AlertMessage, AlertNotice } from '../domain/message.js';

const STARTED_AT = Date.UTC(2026, 0, 15, 12);

/** Names that need every kind of escaping: what renders with these renders with all. */
const AWKWARD = 'web "01"\\ <&>\n\tä😀';

function notice(changes: Partial<AlertNotice>): AlertNotice {
  return {
    id: 'vm-101-cpu',
    level: 'critical',
    type: 'cpu',
    resourceId: 'vm-101',
    resourceName: AWKWARD,
    resourceType: 'vm',
    node: 'pve1',
    instance: 'pve',
    message: `CPU of ${AWKWARD} is at 95.2 %`,
    value: 95.2,
    threshold: 90,
    unit: '%',
    startedAt: STARTED_AT,
    resolvedAt: null,
    acknowledged: false,
    acknowledgedAt: null,
    acknowledgedBy: null,
    metadata: { cores: 4, tags: [AWKWARD] },
    ...changes,
  };
}

/** Messages as templates meet them, for trying a template before it is kept: one alert, one that is over, several, hardly anything. */
export function sampleMessages(): AlertMessage[] {
  const common = { createdAt: STARTED_AT + 125_000, publicUrl: 'https://lapwing.example' };
  const over = notice({ resolvedAt: STARTED_AT + 120_000 });
  const acknowledged = notice({ id: 'ct-7-disk', level: 'warning', acknowledged: true, acknowledgedBy: 'anna' });
  const bare = notice({ node: '', resourceType: '', unit: '', value: Number.NaN, message: '', metadata: {} });
  return [
    { ...common, id: 'sample-firing', kind: 'firing', total: 1, alerts: [notice({})] },
    { ...common, id: 'sample-resolved', kind: 'resolved', total: 1, alerts: [over] },
    {
      ...common,
      id: 'sample-summary',
      kind: 'summary',
      total: 12,
      alerts: [notice({}), over, { ...acknowledged, acknowledgedAt: STARTED_AT }],
    },
    { ...common, id: 'sample-bare', kind: 'escalation', total: 1, alerts: [bare], publicUrl: '' },
  ];
}
