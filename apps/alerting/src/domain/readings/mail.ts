import type { AlertConfig } from '@lapwing/contracts';
import type { Look, Reading } from '../reading.js';
import { installation, sectionScope, type Target } from './target.js';

/** How many mails the spam quarantine held, now and then within the last hours. */
export type MailMemory = [at: number, spam: number][];

type Thresholds = AlertConfig['pmgThresholds'];

/** What growth is measured against: the quarantine of two hours ago. */
const SPAN_MS = 2 * 3_600_000;
const STEP_MS = 600_000;
/** Just not critical. */
const BELOW = 0.999;

/** What a mail gateway tells. */
export function readMail(
  target: Target,
  memory: MailMemory,
  thresholds: Thresholds,
): { look: Look; memory: MailMemory } {
  const { items, time } = target.sections.mailGateway ?? { items: [], time: 0 };
  const gateway = items[0];
  const resource = installation(target);
  const queues = (gateway?.nodes ?? []).flatMap(({ queue }) => queue ?? []);
  const sum = (pick: (queue: (typeof queues)[number]) => number): number | null =>
    queues.length === 0 ? null : queues.reduce((total, queue) => total + pick(queue), 0);
  const oldest = queues.length === 0 ? null : Math.max(...queues.map(({ oldestAge }) => oldestAge)) / 60;
  const spam = gateway?.quarantine?.spam ?? null;
  const readings: Reading[] = [
    {
      resource,
      signal: 'queue-depth',
      value: sum(({ active, deferred, hold, incoming }) => active + deferred + hold + incoming),
    },
    { resource, signal: 'queue-deferred', value: sum(({ deferred }) => deferred) },
    { resource, signal: 'queue-hold', value: sum(({ hold }) => hold) },
    { resource, signal: 'message-age', value: oldest },
    { resource, signal: 'quarantine-spam', value: spam },
    { resource, signal: 'quarantine-virus', value: gateway?.quarantine?.virus ?? null },
    {
      resource,
      signal: 'quarantine-growth',
      ...(spam === null ? { value: null } : growth(memory, spam, time, thresholds)),
    },
  ];
  return {
    look: { scope: sectionScope(target.id, 'mailGateway'), time, readings },
    memory: remembered(memory, spam, time),
  };
}

/** Few new mails are no growth, whatever their share, and not so many are none that is critical. */
function growth(
  memory: MailMemory,
  spam: number,
  time: number,
  { quarantineGrowthWarnMin: least, quarantineGrowthCritMin: many, quarantineGrowthCritPct: critical }: Thresholds,
): Pick<Reading, 'value' | 'detail'> {
  const then = memory.find(([at]) => at >= time - SPAN_MS)?.[1];
  if (then === undefined || then <= 0 || spam - then < least) return { value: 0 };
  const grown = spam - then;
  const share = (grown / then) * 100;
  const detail = `${grown} more mails than up to two hours ago, ${Math.round(share)} %`;
  return { value: critical > 0 && grown < many ? Math.min(share, critical * BELOW) : share, detail };
}

function remembered(memory: MailMemory, spam: number | null, time: number): MailMemory {
  const recent = memory.filter(([at]) => at >= time - SPAN_MS);
  const last = recent.at(-1)?.[0] ?? 0;
  return spam === null || time - last < STEP_MS ? recent : [...recent, [time, spam]];
}
