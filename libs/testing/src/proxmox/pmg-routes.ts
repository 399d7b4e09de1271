import { mailCounts, mailQueues, type MailNode, type MailQueue, type QueuedMail } from './mail-gateway.js';
import { uptimeOf } from './pve-resources.js';
import { parameterError } from './pve-nodes.js';
import { Enveloped, ProxmoxError, type Ask, type Routes } from './router.js';
import { GiB, day, nowSeconds } from './units.js';

type Entry = Record<string, unknown>;
const version = { version: '8.2.6', release: '8.2', repoid: '9c4e1d3f' };

function nodeOf({ estate, parameters }: Ask): MailNode {
  const name = parameters['n'] ?? '';
  const [first] = estate.mailGateway.nodes.values();
  const node = name === 'localhost' ? first : estate.mailGateway.nodes.get(name);
  if (!node) throw new ProxmoxError(500, `no such cluster node '${name}'`);
  if (!node.online) throw new ProxmoxError(595, 'No route to host');
  return node;
}

function figures(node: MailNode): Entry {
  const { memory, rootfs } = node;
  const root = { ...rootfs, avail: rootfs.total - rootfs.used, free: rootfs.total - rootfs.used };
  return {
    cpu: node.cpu,
    wait: 0.0012,
    loadavg: ['0.31', '0.28', '0.22'],
    uptime: uptimeOf(node),
    insync: 1,
    memory: {
      ...memory,
      free: memory.total - memory.used,
    },
    rootfs: root,
  };
}

function status(ask: Ask): Entry {
  const cpuinfo = { model: 'Common KVM processor', cpus: 4, sockets: 1, mhz: '2400.000', user_hz: 100, hvm: 0 };
  return {
    ...figures(nodeOf(ask)),
    swap: {
      total: 4 * GiB,
      used: 0,
      free: 4 * GiB,
    },
    cpuinfo,
    time: nowSeconds(),
    kversion: 'Linux 6.8.12-15-pve #1 SMP PREEMPT_DYNAMIC',
    pmgversion: 'pmg-api/8.2.6/9c4e1d3f',
  };
}

function clusterStatus({ estate, certificate }: Ask): Entry[] {
  return [...estate.mailGateway.nodes.values()].map((node) => ({
    cid: node.cid,
    name: node.name,
    ip: node.address,
    type: node.role,
    fingerprint: certificate.fingerprint,
    ...(node.online
      ? {
          ...figures(node),
          level: '',
        }
      : { conn_error: 'No route to host' }),
  }));
}

const ages = [5, 10, 20, 40, 80, 160, 320, 640, 1280];

function shape(domain: string, mails: QueuedMail[]): Record<string, string> {
  const count = (from: number, to: number): string => {
    const minutes = mails.map(({ arrival }) => (nowSeconds() - arrival) / 60);
    return String(minutes.filter((age) => age >= from && age < to).length);
  };
  const columns = ages.map((age, index) => [`${age}m`, count(ages[index - 1] ?? 0, age)]);
  const rest = count(1280, Number.POSITIVE_INFINITY);
  return { domain, total: String(mails.length), ...Object.fromEntries(columns), '1280m+': rest } as Record<
    string,
    string
  >;
}

function queueShape(ask: Ask): unknown[] {
  const mails = queueOf(ask, ask.query.get('queue') ?? 'deferred');
  const domains = [...new Set(mails.map(domainOf))];
  return [
    shape('TOTAL', mails),
    ...domains.map((domain) =>
      shape(
        domain,
        mails.filter((mail) => domainOf(mail) === domain),
      ),
    ),
  ];
}

const domainOf = ({ receiver }: QueuedMail): string => receiver.split('@')[1] ?? '';

function queueOf(ask: Ask, name: string): QueuedMail[] {
  const node = nodeOf(ask);
  if ((mailQueues as readonly string[]).includes(name)) return node.queues[name as MailQueue];
  throw parameterError('queue', `value '${name}' does not have a value in the enumeration '${mailQueues.join(', ')}'`);
}

function queue(ask: Ask): Enveloped {
  const name = ask.parameters['queue'] ?? '';
  const mails = queueOf(ask, name);
  const start = Number(ask.query.get('start') ?? 0);
  const page = mails.slice(start, start + Number(ask.query.get('limit') ?? 50)).map((mail) => ({
    queue_name: name,
    queue_id: mail.id,
    arrival_time: mail.arrival,
    message_size: mail.size,
    sender: mail.sender,
    receiver: mail.receiver,
    reason: mail.reason,
  }));
  return new Enveloped(page, { total: mails.length });
}

function hoursOfToday(): number {
  return (nowSeconds() % day) / 3600;
}

function mailStatistics({ estate: { mailGateway } }: Ask): Entry {
  const counts = mailCounts(mailGateway, hoursOfToday());
  const { in: incoming, greylisted } = mailGateway.traffic;
  const glcount = Math.round(incoming * hoursOfToday() * greylisted);
  const spfcount = Math.round(glcount / 4);
  const junk = ['viruscount_in', 'spamcount_in', 'rbl_rejects', 'pregreet_rejects'].map((name) => counts[name] ?? 0);
  return {
    ...counts,
    glcount,
    spfcount,
    avptime: 1.42,
    junk_out: 0,
    junk_in: junk.reduce((sum, count) => sum + count, glcount + spfcount),
    bytes_in: (counts['count_in'] ?? 0) * mailGateway.meanSize,
    bytes_out: (counts['count_out'] ?? 0) * mailGateway.meanSize,
  };
}

function mailCount({ estate, query }: Ask): Entry[] {
  const span = Number(query.get('timespan') ?? 3600);
  if (span < 3600) throw parameterError('timespan', 'value must have a minimum value of 3600');
  const end = Number(query.get('endtime') ?? nowSeconds());
  const start = Number(query.get('starttime') ?? nowSeconds() - (nowSeconds() % day));
  const steps = Math.min(5000, Math.max(1, Math.ceil((end - start) / span)));
  return Array.from({ length: steps }, (_, index) => ({
    index,
    time: start + index * span,
    ...mailCounts(estate.mailGateway, Math.max(0, Math.min(span, end - start - index * span)) / 3600),
  }));
}

const distribution = [0.62, 0.07, 0.06, 0.05, 0.04, 0.03, 0.03, 0.02, 0.02, 0.02, 0.04];

function spamScores({ estate: { mailGateway } }: Ask): Entry[] {
  const incoming = mailCounts(mailGateway, hoursOfToday())['count_in'] ?? 0;
  return distribution.map((ratio, level) => ({ level, count: Math.round(incoming * ratio), ratio }));
}

const stored = (count: number, size: number): Entry => ({
  count,
  mbytes: (count * size) / 1048576,
  avgbytes: count > 0 ? size : 0,
});

/** What a Proxmox Mail Gateway answers. Source: its API viewer and the Perl modules of pmg-api. */
export const pmgRoutes: Routes = {
  '/version': () => version,
  '/config/cluster/status': clusterStatus,
  '/nodes': ({ estate }) => [...estate.mailGateway.nodes.keys()].map((node) => ({ node })),
  '/nodes/{n}/status': status,
  '/nodes/{n}/postfix/qshape': queueShape,
  '/nodes/{n}/postfix/queue': (ask) => (nodeOf(ask), mailQueues.map((name) => ({ name }))),
  '/nodes/{n}/postfix/queue/{queue}': queue,
  '/statistics/mail': mailStatistics,
  '/statistics/mailcount': mailCount,
  '/statistics/spamscores': spamScores,
  '/quarantine/spamstatus': ({ estate: { mailGateway } }) => {
    const { count, meanLevel } = mailGateway.quarantine.spam;
    return { ...stored(count, 31_000), avgspam: count > 0 ? meanLevel : 0 };
  },
  '/quarantine/virusstatus': ({ estate: { mailGateway } }) => stored(mailGateway.quarantine.virus.count, 120_000),
};
