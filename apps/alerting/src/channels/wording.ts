import type { AlertMessage, AlertNotice, MessageKind } from '../domain/message.js';

const MAX_TITLE = 150;
const MAX_LINE = 200;
const MAX_LINES = 10;
/** Pushover takes 1024 characters, which is the least of all. */
const MAX_TEXT = 1000;
const UNITS: [letter: string, ms: number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
];

/** Cuts a text between characters, and says so. */
export function cut(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

/** How long something took, in its two largest units: `2h 5m`, `42s`. */
export function span(ms: number): string {
  let rest = Math.max(0, ms);
  const parts = UNITS.map(([letter, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return { letter, count };
  });
  const first = parts.findIndex(({ count }) => count > 0);
  if (first === -1) return '0s';
  const shown = parts.slice(first, first + 2).filter(({ count }) => count > 0);
  return shown.map(({ letter, count }) => `${count}${letter}`).join(' ');
}

/** Whether an alert is over, as this message tells it. */
export function isOver(alert: AlertNotice, kind: MessageKind): boolean {
  return kind === 'resolved' || alert.resolvedAt !== null;
}

/** What a message is about, in one line without line breaks, at most 150 characters. */
export function titleOf({ kind, alerts, total }: AlertMessage): string {
  const [worst] = alerts;
  if (kind === 'test') return 'Test message from Lapwing';
  const what = total === 1 && worst ? `${worst.type} of ${worst.resourceName}` : `${total} alerts`;
  const level = worst?.level === 'critical' ? 'Critical' : 'Warning';
  const lead = {
    firing: level,
    resolved: 'Resolved',
    escalation: `Still ${level.toLowerCase()}`,
    summary: 'During quiet hours',
  }[kind];
  return cut(`${lead}: ${what}`.replace(/\s+/g, ' '), MAX_TITLE);
}

/** What a message tells, a line for each alert, at most 1000 characters. Never empty. */
export function textOf({ kind, alerts, total }: AlertMessage): string {
  const shown = alerts.slice(0, MAX_LINES).map((alert) => lineOf(alert, kind, total === 1));
  const lines: string[] = [];
  for (const line of shown) {
    if (Array.from([...lines, line].join('\n')).length > MAX_TEXT - 20) break;
    lines.push(line);
  }
  const left = total - lines.length;
  return [...lines, ...(left > 0 ? [`and ${left} more`] : [])].join('\n');
}

function lineOf(
  { level, resourceName, type, message, ...alert }: AlertNotice,
  kind: MessageKind,
  alone: boolean,
): string {
  const over = isOver({ level, resourceName, type, message, ...alert }, kind);
  const lead = over ? 'resolved' : level;
  const text = message.trim() || `${type} of ${resourceName}`;
  return cut((alone ? text : `${lead}: ${resourceName}: ${text}`).replace(/\s+/g, ' '), MAX_LINE);
}
