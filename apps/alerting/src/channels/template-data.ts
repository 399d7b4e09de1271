import type { AlertMessage, AlertNotice, MessageKind } from '../domain/message.js';
import { formatFigure, formatThreshold } from '../domain/signals.js';
import { isOver, span, textOf, titleOf } from './wording.js';

/** An alert as templates find it. Times are RFC 3339, in UTC; empty where there is none. */
export interface AlertData {
  ID: string;
  /** `warning` or `critical`. */
  Level: string;
  Type: string;
  ResourceName: string;
  ResourceID: string;
  ResourceType: string;
  Node: string;
  /** Where people find Lapwing; empty when nobody has said. */
  Instance: string;
  Message: string;
  Value: number;
  Threshold: number;
  /** With the unit. */
  ValueFormatted: string;
  ThresholdFormatted: string;
  StartTime: string;
  EndTime: string;
  /** The end; of what lasts, the time after which somebody who hears no more of it may take it for over. */
  EndsAt: string;
  /** `2h 5m`. */
  Duration: string;
  /** When it was told. */
  Timestamp: string;
  Acknowledged: boolean;
  AckTime: string;
  AckUser: string;
  Resolved: boolean;
  /** `#rrggbb`. */
  Color: string;
  Metadata: Record<string, unknown>;
}

/** What templates find: the first alert's fields, all alerts, and what is said of them together. */
export interface TemplateData extends AlertData {
  /** `firing`, `resolved`, `escalation`, `summary` or `test`. */
  Kind: MessageKind;
  /** One line, at most 150 characters. */
  Title: string;
  /** A line for each alert, at most 1000 characters. */
  Text: string;
  MessageID: string;
  /** Those that did not fit into the message included. */
  AlertCount: number;
  Alerts: AlertData[];
  CustomFields: Record<string, string>;
  /** Of Telegram. */
  ChatID: string;
}

const LASTS_MS = 30 * 86_400_000;
const TEST_LASTS_MS = 300_000;
const COLORS = { critical: '#dc2626', warning: '#f59e0b', resolved: '#16a34a', test: '#3b82f6' };

/**
 * What a template is rendered with.
 * @param chatId where Telegram puts it.
 */
export function templateData(
  message: AlertMessage,
  customFields: Record<string, string>,
  chatId: string,
): TemplateData {
  const alerts = message.alerts.map((alert) => alertData(alert, message));
  const [first] = alerts;
  if (!first) throw new Error('a message without alerts');
  return {
    ...first,
    Resolved: alerts.every(({ Resolved }) => Resolved),
    Kind: message.kind,
    Title: titleOf(message),
    Text: textOf(message),
    MessageID: message.id,
    AlertCount: message.total,
    Alerts: alerts,
    CustomFields: customFields,
    ChatID: chatId,
  };
}

function alertData(alert: AlertNotice, { kind, createdAt, publicUrl }: AlertMessage): AlertData {
  const over = isOver(alert, kind);
  // What is over has an end, if only that of being told.
  const endedAt = over ? (alert.resolvedAt ?? createdAt) : null;
  return {
    ID: alert.id,
    Level: alert.level,
    Type: alert.type,
    ResourceName: alert.resourceName,
    ResourceID: alert.resourceId,
    ResourceType: alert.resourceType,
    Node: alert.node,
    Instance: publicUrl,
    Message: alert.message,
    ...figures(alert),
    StartTime: time(alert.startedAt),
    EndTime: time(endedAt),
    EndsAt: time(endedAt ?? createdAt + (kind === 'test' ? TEST_LASTS_MS : LASTS_MS)),
    Duration: span((endedAt ?? createdAt) - alert.startedAt),
    Timestamp: time(createdAt),
    Acknowledged: alert.acknowledged,
    AckTime: time(alert.acknowledgedAt),
    AckUser: alert.acknowledgedBy ?? '',
    Resolved: over,
    Color: COLORS[kind === 'test' ? 'test' : over ? 'resolved' : alert.level],
    Metadata: alert.metadata,
  };
}

function figures({
  value,
  threshold,
  unit,
}: AlertNotice): Pick<AlertData, 'Value' | 'Threshold' | 'ValueFormatted' | 'ThresholdFormatted'> {
  // JSON has no word for what is no number.
  const [Value, Threshold] = [finite(value), finite(threshold)];
  return {
    Value,
    Threshold,
    ValueFormatted: formatFigure(Value, unit),
    ThresholdFormatted: formatThreshold(Threshold, unit),
  };
}

const finite = (value: number): number => (Number.isFinite(value) ? Math.round(value * 100) / 100 : 0);

/** RFC 3339 to the second, as Go writes it. */
function time(at: number | null): string {
  return at === null ? '' : new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
