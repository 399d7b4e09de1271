import { ConsumerState, HealthCheck, HealthStatus, ServiceDiagnostics } from '@lapwing/contracts';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { z } from 'zod';
import { isoTime } from '../../http/answer.js';
import { isoSeconds } from '../../http/query.js';
import type { Diagnosis } from '../../services/diagnostics.service.js';
import { linkOf, type EstateTarget } from '../../services/estate.js';
import { ApiVersion, toApiVersion } from './version.view.js';

const { memory, eventLoop } = ServiceDiagnostics.shape;
const seconds = z.int().describe('seconds since 1970');
const Replica = z.object({
  instance: z.string(),
  status: HealthStatus,
  version: z.string(),
  uptime: z.number().describe('seconds'),
  memory,
  cpu: z.number().describe('percent of one core'),
  eventLoop: eventLoop.describe('how late it was over a minute, milliseconds'),
  checks: z.array(HealthCheck),
});
const Service = z.object({
  status: HealthStatus,
  message: z.string(),
  details: z.record(z.string(), z.string()).nullable(),
  replicas: z.array(Replica),
});
const Node = z.object({
  id: z.string(),
  name: z.string(),
  type: z.enum(['pve', 'pbs', 'pmg']),
  connected: z.boolean(),
  status: z.string().describe('healthy, degraded, error, or pending before the first poll'),
  lastPoll: isoTime.nullable().describe('when it answered last'),
  error: z.string().nullable(),
  failures: z.int().describe('polls that failed in a row'),
  version: z.string(),
});

/** Requests that this gateway has answered since it began. */
export const RequestFigures = z.object({
  count: z.int(),
  failed: z.int().describe('answered with 500 or more'),
  p50Ms: z.number().nullable().describe('half of them took no longer; a class of the histogram'),
  p95Ms: z.number().nullable(),
});

/** The diagnostics document. */
export const DiagnosticsDocument = ApiVersion.extend({
  uptime: z.number().describe('seconds'),
  system: z.object({
    os: z.string(),
    arch: z.string(),
    nodeVersion: z.string(),
    numCPU: z.int(),
    memoryTotal: z.int().describe('bytes of the machine'),
    memoryFree: z.int().describe('bytes of the machine'),
    memory: memory.describe('bytes of this process'),
  }),
  nodes: z.array(Node),
  services: z.record(z.string(), Service),
  workers: z.array(z.object({ name: z.string(), running: z.boolean(), message: z.string().nullable() })),
  errors: z.array(
    z.object({
      time: isoTime,
      level: z.enum(['warn', 'error', 'fatal']),
      service: z.string(),
      component: z.string(),
      message: z.string(),
      error: z.string().nullable(),
      count: z.int(),
    }),
  ),
  queue: z.object({
    streams: z.array(
      z.object({
        stream: z.string(),
        messages: z.int(),
        bytes: z.int(),
        consumers: z.int(),
        oldest: isoTime.nullable(),
        newest: isoTime.nullable(),
      }),
    ),
    consumers: z.array(ConsumerState),
  }),
  breakers: z.array(
    z.object({
      kind: z.string(),
      name: z.string(),
      state: z.literal('open'),
      failures: z.int().nullable(),
      since: isoTime.nullable(),
      retryAt: isoTime.nullable(),
      reason: z.string(),
    }),
  ),
  performance: z.object({
    cpu: z.number().describe('percent of one core'),
    eventLoop,
    requests: RequestFigures,
    pollingCycles: z.int(),
  }),
  timestamp: seconds,
});
type Document = z.infer<typeof DiagnosticsDocument>;

const iso = (time: number | null): string | null => (time === null ? null : isoSeconds(time));

/** The document; what it is made of holds no secrets, and of the texts of others nothing is taken over. */
export function toDiagnostics(diagnosis: Diagnosis, requests: z.infer<typeof RequestFigures>): Document {
  const { health, replicas, own, at } = diagnosis;
  return {
    ...toApiVersion(),
    uptime: own.uptime,
    system: {
      os: process.platform,
      arch: process.arch,
      nodeVersion: own.node,
      numCPU: availableParallelism(),
      memoryTotal: totalmem(),
      memoryFree: freemem(),
      memory: own.memory,
    },
    nodes: diagnosis.nodes.map((node) => toNode(node, at)),
    services: Object.fromEntries(
      Object.entries(health.services).map(([name, line]) => [
        name,
        { ...line, replicas: replicas.filter(({ service }) => service === name).map(toReplica) },
      ]),
    ),
    workers: health.workers,
    errors: diagnosis.problems.map((problem) => ({ ...problem, time: isoSeconds(problem.time) })),
    queue: {
      streams: diagnosis.streams.map(({ oldestAt, newestAt, ...stream }) => ({
        ...stream,
        oldest: iso(oldestAt),
        newest: iso(newestAt),
      })),
      consumers: consumersOf(replicas),
    },
    breakers: diagnosis.breakers.map((breaker) => ({
      ...breaker,
      state: 'open',
      since: iso(breaker.since),
      retryAt: iso(breaker.retryAt),
    })),
    performance: { cpu: own.cpu, eventLoop: own.eventLoop, requests, pollingCycles: diagnosis.polls },
    timestamp: Math.floor(at / 1000),
  };
}

function toReplica(replica: ServiceDiagnostics): z.infer<typeof Replica> {
  const { instance, status, version, uptime, memory: used, cpu, eventLoop: lag, checks } = replica;
  return { instance, status, version, uptime, memory: used, cpu, eventLoop: lag, checks };
}

function toNode(target: EstateTarget, now: number): z.infer<typeof Node> {
  const { id, name, type } = target;
  const link = linkOf(target, now);
  // What a server says in its own words could be anything.
  const error = link?.fault === 'remote' ? 'the server answers with an error' : link?.error;
  return {
    id,
    name,
    type,
    connected: link?.status === 'online' && link.health !== 'error',
    status: link?.health ?? 'pending',
    lastPoll: iso(link?.reachedAt ?? null),
    error: error || null,
    failures: link?.failures ?? 0,
    version: link?.version ?? '',
  };
}

/** All replicas of a service see the same consumers. */
function consumersOf(replicas: ServiceDiagnostics[]): ConsumerState[] {
  const all = new Map<string, ConsumerState>();
  for (const { consumers } of replicas) for (const one of consumers) all.set(`${one.stream} ${one.consumer}`, one);
  return [...all.values()];
}

interface Sample {
  value: number;
  metricName?: string;
  labels: object;
}

/** How many requests there were, and how long they took at most, out of the histogram of requests. */
export function requestFigures(values: readonly Sample[]): z.infer<typeof RequestFigures> {
  const count = sumOf(values, '_count');
  const failed = sumOf(values, '_count', ({ status }) => Number(status) >= 500);
  const classes = new Map<number, number>();
  for (const { metricName, labels, value } of values) {
    const limit = Number((labels as Labels).le);
    if (metricName?.endsWith('_bucket') && Number.isFinite(limit))
      classes.set(limit, (classes.get(limit) ?? 0) + value);
  }
  // The classes count all that are not above their limit; of what is above the last one no limit is known.
  const within = (share: number): number | null => {
    const found = [...classes].toSorted(([one], [other]) => one - other).find(([, below]) => below >= share * count);
    return count > 0 && found ? found[0] * 1000 : null;
  };
  return { count, failed, p50Ms: within(0.5), p95Ms: within(0.95) };
}

const sumOf = (values: readonly Sample[], end: string, isWanted: (labels: Labels) => boolean = () => true): number =>
  values
    .filter(({ metricName, labels }) => metricName?.endsWith(end) && isWanted(labels as Labels))
    .reduce((total, { value }) => total + value, 0);

type Labels = { status?: string; le?: number | string };
