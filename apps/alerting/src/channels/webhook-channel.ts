import type { AlertMessage } from '../domain/message.js';

/** How a webhook may be called. A GET has no body. */
export const webhookMethods = ['POST', 'PUT', 'GET', 'PATCH'] as const;
/** One of {@link webhookMethods}. */
export type WebhookMethod = (typeof webhookMethods)[number];

/** A receiver that somebody has set up. */
export interface Webhook {
  id: string;
  name: string;
  /** A template, too: values are escaped for URLs. */
  url: string;
  method: WebhookMethod;
  /** Sent as they are. */
  headers: Record<string, string>;
  enabled: boolean;
  /** Of whom it is: one of the registry. */
  service: string;
  /** What is sent, in place of the service's own template. */
  template: string | null;
  /** What templates find as CustomFields. */
  customFields: Record<string, string>;
  /** Signs what is sent. */
  secret: string | null;
}

/** What one request is about. */
export interface WebhookPart {
  message: AlertMessage;
  headers: Record<string, string>;
  customFields: Record<string, string>;
}

/** A kind of receiver: how it wants to be called. */
export interface WebhookService {
  /** Its name in settings. */
  service: string;
  /** For people. */
  name: string;
  /** What its URLs look like, for people. */
  urlPattern: string;
  method: WebhookMethod;
  /** Sent unless the webhook has the same. */
  headers: Record<string, string>;
  contentType: string;
  /** See `templateData` for what it finds. */
  payloadTemplate: string;
  /** How to set it up, for people. */
  instructions: string;
  /** Makes what is told into requests, where that is more than one request with everything. */
  prepare?(part: WebhookPart): WebhookPart[];
  /** What such a webhook lacks, as sentences. */
  check?(webhook: Pick<Webhook, 'url' | 'headers' | 'customFields'>): string[];
}

/** A message in which names of things, which somebody else has chosen, are written otherwise: so that they are text and nothing else. */
export function escapedNames(message: AlertMessage, escape: (text: string) => string): AlertMessage {
  const alerts = message.alerts.map((alert) => ({
    ...alert,
    message: escape(alert.message),
    resourceName: escape(alert.resourceName),
    resourceId: escape(alert.resourceId),
    resourceType: escape(alert.resourceType),
    node: escape(alert.node),
    acknowledgedBy: alert.acknowledgedBy === null ? null : escape(alert.acknowledgedBy),
  }));
  return { ...message, alerts };
}

/** Text that Markdown takes for text. */
export const escapedMarkdown = (text: string): string => text.replaceAll(/[\\`*_~|<>[\]()#]/g, (sign) => `\\${sign}`);

/** Later sets win. Names come out in small letters, as they mean the same however they are written. */
export function mergeHeaders(...sets: Record<string, string>[]): Record<string, string> {
  return Object.fromEntries(
    sets.flatMap((set) => Object.entries(set).map(([name, value]) => [name.toLowerCase(), value])),
  );
}
