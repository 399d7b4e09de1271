import { serverIdOf, type BackupServer, type MailGateway } from '@lapwing/contracts';
import { isoSeconds } from '../../../http/query.js';
import { linkOf, type EstateTarget } from '../../../services/estate.js';
import { percentOf, usageView } from './machines.view.js';

type Job = BackupServer['syncJobs'][number];

/** Status, version and link of a server. */
function standing(target: EstateTarget, now: number) {
  const link = linkOf(target, now);
  return {
    name: target.name,
    host: target.host,
    status: link?.status ?? 'offline',
    version: link?.version ?? '',
    connectionHealth: link?.health ?? 'error',
    lastSeen: isoSeconds(link?.reachedAt ?? 0),
  };
}

const jobView = ({ lastRunAt, nextRunAt, state, ...job }: Job) => ({
  ...job,
  status: state,
  ...(lastRunAt !== null && { lastRun: isoSeconds(lastRunAt) }),
  ...(nextRunAt !== null && { nextRun: isoSeconds(nextRunAt) }),
});

/** A Proxmox Backup Server as Pulse's clients know it: processors and memory in percent. */
export function backupServerView(target: EstateTarget, server: BackupServer, now: number) {
  return {
    id: serverIdOf('pbs', target.name),
    ...standing(target, now),
    cpu: Math.round(server.cpu * 100) / 100,
    memory: percentOf(server.memory.used, server.memory.total),
    memoryUsed: server.memory.used,
    memoryTotal: server.memory.total,
    uptime: Math.floor(server.uptime),
    datastores: server.datastores.map(({ total, used, free, error, deduplicationFactor, ...store }) => ({
      ...store,
      ...usageView({ total, used, free }),
      ...(error !== '' && { error }),
      ...(deduplicationFactor !== null && { deduplicationFactor: Math.round(deduplicationFactor * 100) / 100 }),
    })),
    backupJobs: server.backupJobs.map(jobView),
    syncJobs: server.syncJobs.map(jobView),
    verifyJobs: server.verifyJobs.map(jobView),
    pruneJobs: server.pruneJobs.map(jobView),
    garbageJobs: server.garbageJobs.map(jobView),
  };
}

/** A Proxmox Mail Gateway as the document shows it: mails of the last day in all, and by hour. */
export function mailGatewayView(target: EstateTarget, gateway: MailGateway, now: number) {
  const updatedAt = isoSeconds(gateway.readAt);
  const { mail } = gateway;
  return {
    id: serverIdOf('pmg', target.name),
    ...standing(target, now),
    nodes: gateway.nodes.map(({ queue, loadAverage, ...node }) => ({
      ...node,
      // As documented: of a member that answers, the status is what it is in the cluster.
      status: node.status === 'online' ? node.role : node.status,
      loadAvg: loadAverage,
      ...(queue && {
        queueStatus: { ...queue, total: queue.active + queue.deferred + queue.hold + queue.incoming, updatedAt },
      }),
    })),
    ...(mail && { mailStats: mailStatsView(mail, updatedAt) }),
    mailCount: gateway.hours.map(({ at, count, index, greylisted, pregreetRejects, ...counts }) => ({
      timestamp: isoSeconds(at),
      count,
      ...counts,
      pregreet: pregreetRejects,
      greylist: greylisted,
      index,
      timeframe: 'hour',
      windowStart: isoSeconds(at),
    })),
    spamDistribution: gateway.spamScores,
    ...(gateway.quarantine && { quarantine: gateway.quarantine }),
    lastUpdated: updatedAt,
  };
}

function mailStatsView(
  { greylisted, averageProcessMs, ...counts }: NonNullable<MailGateway['mail']>,
  updatedAt: string,
) {
  return {
    timeframe: 'day',
    countTotal: counts.countIn + counts.countOut,
    ...counts,
    greylistCount: greylisted,
    averageProcessTimeMs: Math.round(averageProcessMs),
    updatedAt,
  };
}
