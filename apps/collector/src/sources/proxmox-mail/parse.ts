import type { MailGateway } from '@lapwing/contracts';
import { amount, instant, record, records, text, whole, type Json } from '../proxmox/values.js';

type Member = MailGateway['nodes'][number];

/** The members, as `config/cluster/status?list_single_node=1` tells them. */
export function parseMembers(data: unknown): Member[] {
  return records(data, 64).map((entry) => {
    const failed = text(entry['conn_error'], 64) !== '';
    const role = text(entry['type'], 64) === 'node' ? 'node' : 'master';
    return {
      name: text(entry['name']),
      status: failed ? 'offline' : 'online',
      role,
      uptime: amount(entry['uptime']),
      loadAverage: text(entry['loadavg'], 64),
      queue: null,
    };
  });
}

/** A queue of Postfix out of `postfix/qshape`: mails by domain and age; the line `TOTAL` sums them up. */
export function parseQueue(data: unknown): { total: number; oldestAge: number } {
  const all = records(data, 1000);
  const sum = all.find(({ domain }) => domain === 'TOTAL') ?? {};
  return { total: amount(sum['total']), oldestAge: oldestOf(sum) };
}

/** The columns of qshape are ages in minutes, `5` for younger than that, `1280+` for older. */
function oldestOf(sum: Json): number {
  const ages = Object.entries(sum).flatMap(([column, count]) => {
    const minutes = /^(\d+)m?\+?$/.exec(column)?.[1];
    return minutes !== undefined && amount(count) > 0 ? [Number(minutes) * 60] : [];
  });
  return Math.max(0, ...ages);
}

function countsOf(entry: Json) {
  return {
    countIn: amount(entry['count_in']),
    countOut: amount(entry['count_out']),
    spamIn: amount(entry['spamcount_in']),
    spamOut: amount(entry['spamcount_out']),
    virusIn: amount(entry['viruscount_in']),
    virusOut: amount(entry['viruscount_out']),
    bouncesIn: amount(entry['bounces_in']),
    bouncesOut: amount(entry['bounces_out']),
    rblRejects: amount(entry['rbl_rejects']),
    pregreetRejects: amount(entry['pregreet_rejects']),
    greylisted: amount(entry['glcount'], amount(entry['greylist'])),
  };
}

/** The sums of a while, as `statistics/mail` tells them. */
export function parseMail(data: unknown): NonNullable<MailGateway['mail']> {
  const entry = record(data);
  return {
    ...countsOf(entry),
    bytesIn: amount(entry['bytes_in']),
    bytesOut: amount(entry['bytes_out']),
    junkIn: amount(entry['junk_in']),
    averageProcessMs: amount(entry['avptime']) * 1000,
  };
}

/** Hour by hour, as `statistics/mailcount` tells it. */
export function parseHours(data: unknown): MailGateway['hours'] {
  return records(data, 400).map((entry, index) => ({
    ...countsOf(entry),
    at: instant(entry['time']) ?? 0,
    count: amount(entry['count'], amount(entry['count_in']) + amount(entry['count_out'])),
    index: whole(entry['index'], index),
  }));
}

/** How many mails got which score, as `statistics/spamscores` tells it. */
export function parseScores(data: unknown): MailGateway['spamScores'] {
  return records(data, 50).map((entry) => ({ score: text(entry['level'], 16), count: amount(entry['count']) }));
}

/** What a quarantine holds, out of `quarantine/spamstatus` and the like. */
export function parseQuarantined(data: unknown): number {
  return amount(record(data)['count']);
}
