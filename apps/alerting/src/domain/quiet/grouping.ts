/** Which alerts are told of in one message. */
export interface GroupRule {
  /** Whether any are; each alone otherwise. */
  enabled: boolean;
  /** One message for each node of each instance. */
  byNode: boolean;
  /** One message for each resource. */
  byGuest: boolean;
}

/** What an alert is grouped by. */
export interface Groupable {
  alertId: string;
  node: string;
  instance: string;
  resourceId: string;
}

/** Names the group of an alert: two alerts with the same key are told of together. Neither by node nor by guest: one group for all. */
export function groupKey({ enabled, byNode, byGuest }: GroupRule, alert: Groupable): string {
  const { alertId, node, instance, resourceId } = alert;
  const parts = enabled ? { ...(byNode && { instance, node }), ...(byGuest && { resourceId }) } : { alertId };
  // As JSON, so that no name can end where another begins.
  return JSON.stringify(parts);
}
