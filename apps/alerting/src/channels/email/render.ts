import type { AlertMessage, AlertNotice } from '../../domain/message.js';
import { formatFigure, formatThreshold } from '../../domain/signals.js';
import { isOver, span, titleOf } from '../wording.js';

/** A mail, ready to be sent. */
export interface RenderedMail {
  /** One line. */
  subject: string;
  text: string;
  html: string;
}

type Fact = [name: string, value: string];

const COLORS = { critical: '#dc2626', warning: '#b45309', resolved: '#15803d' };
const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text within HTML, also within the quotes of an attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => HTML[character] ?? '');
}

/** A message as a mail: the same in plain text and in HTML. */
export function renderEmail(message: AlertMessage): RenderedMail {
  const title = titleOf(message);
  return { subject: `[Lapwing] ${title}`, text: plainText(title, message), html: html(title, message) };
}

function plainText(title: string, message: AlertMessage): string {
  const alerts = message.alerts.map((alert) =>
    [
      `${stateOf(alert, message).toUpperCase()}: ${sentenceOf(alert)}`,
      ...factsOf(alert, message).map(([name, value]) => `  ${name}: ${value}`),
    ].join('\n'),
  );
  return [title, ...alerts, ...leftOut(message), ...(link(message) ? [link(message)] : [])].join('\n\n') + '\n';
}

function html(title: string, message: AlertMessage): string {
  const url = link(message);
  return [
    '<!doctype html><html><head><meta charset="utf-8"></head>',
    '<body style="font-family:sans-serif;font-size:14px;color:#111827">',
    `<h2 style="font-size:18px">${escapeHtml(title)}</h2>`,
    ...message.alerts.map((alert) => alertHtml(alert, message)),
    ...leftOut(message).map((line) => `<p>${escapeHtml(line)}</p>`),
    ...(url ? [`<p><a href="${escapeHtml(url)}">Open Lapwing</a></p>`] : []),
    '</body></html>',
  ].join('\n');
}

function alertHtml(alert: AlertNotice, message: AlertMessage): string {
  const state = stateOf(alert, message);
  const rows = factsOf(alert, message).map(
    ([name, value]) =>
      `<tr><td style="color:#6b7280;padding-right:16px">${escapeHtml(name)}</td><td>${escapeHtml(value)}</td></tr>`,
  );
  return [
    `<div style="border-left:4px solid ${COLORS[state]};padding:4px 12px;margin:12px 0">`,
    `<p><strong style="color:${COLORS[state]}">${state}</strong> ${escapeHtml(sentenceOf(alert))}</p>`,
    `<table>${rows.join('')}</table>`,
    '</div>',
  ].join('\n');
}

function stateOf(alert: AlertNotice, { kind }: AlertMessage): keyof typeof COLORS {
  return isOver(alert, kind) ? 'resolved' : alert.level;
}

const line = (text: string): string => text.replace(/\s+/g, ' ').trim();

const sentenceOf = ({ message, type, resourceName }: AlertNotice): string =>
  line(message) || line(`${type} of ${resourceName}`);

function factsOf(alert: AlertNotice, { createdAt }: AlertMessage): Fact[] {
  const { value, threshold, unit, startedAt, resolvedAt } = alert;
  const facts: Fact[] = [
    ['Resource', alert.resourceName],
    ['Kind', alert.resourceType],
    ['Node', alert.node],
    [
      'Value',
      unit === '' && threshold === 0
        ? ''
        : `${formatFigure(value, unit)} (threshold ${formatThreshold(threshold, unit)})`,
    ],
    ['Since', new Date(startedAt).toUTCString()],
    ['Lasts', span((resolvedAt ?? createdAt) - startedAt)],
    ['Acknowledged', alert.acknowledged ? `by ${alert.acknowledgedBy ?? 'somebody'}` : ''],
  ];
  return facts.map(([name, text]): Fact => [name, line(text)]).filter(([, text]) => text !== '');
}

function leftOut({ alerts, total }: AlertMessage): string[] {
  return total > alerts.length ? [`and ${total - alerts.length} more`] : [];
}

/** Nothing but the web may stand behind a link. */
function link({ publicUrl }: AlertMessage): string {
  return /^https?:\/\/[^\s]+$/.test(publicUrl) ? publicUrl : '';
}
