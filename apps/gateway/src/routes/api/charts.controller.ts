import { guestIdOf, nodeIdOf, storageIdOf, type ChartMetric } from '@lapwing/contracts';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { sendPieces } from '../../http/pieces.js';
import { ChartsService, type ChartsQuestion } from '../../services/charts.service.js';
import { itemsOf, type EstateTarget } from '../../services/estate.js';
import { EstateService } from '../../services/estate.service.js';
import {
  chartView,
  guestMetrics,
  nodeMetrics,
  ranges,
  stepFor,
  storageChartView,
  storageMetrics,
  type Range,
} from './charts.view.js';
import { percentOf } from './state/machines.view.js';

const rangeNames = Object.keys(ranges) as [Range, ...Range[]];
const ChartsQuery = z.object({ range: z.enum(rangeNames).default('1h') });
const MAX_MINUTES = 43_200;
const StorageQuery = z.object({
  range: z
    .string()
    .default('60')
    .transform((text, context) => {
      const named = ranges[text as Range] as (typeof ranges)[Range] | undefined;
      const minutes = named ? named.span / 60 : /^\d{1,5}$/.test(text) ? Number(text) : 0;
      if (minutes >= 1 && minutes <= MAX_MINUTES) return minutes;
      context.addIssue({
        code: 'custom',
        message: `minutes from 1 to ${MAX_MINUTES}, or one of ${rangeNames.join(', ')}`,
      });
      return z.NEVER;
    }),
});

const points = z.array(z.object({ timestamp: z.int(), value: z.number() }));
const byId = z.record(z.string(), z.record(z.string(), points));
const Charts = z.object({
  data: byId.describe('guests'),
  nodeData: byId,
  storageData: byId,
  timestamp: z.int().describe('milliseconds since 1970'),
  stats: z.object({ oldestDataTimestamp: z.int() }),
});
const storagePoints = z.array(z.object({ timestamp: z.string(), value: z.number() }));
const StorageCharts = z.record(
  z.string(),
  z.object({ usage: storagePoints, used: storagePoints, total: storagePoints, avail: storagePoints }),
);

/** A resource that has a series: its name there, its id for clients, and what it shows now. */
interface Charted {
  name: string;
  id: string;
  now: Partial<Record<ChartMetric, number>>;
}

/** Pulse's charts, out of the stored series. */
@Controller('api')
export class ChartsController {
  constructor(
    private readonly charts: ChartsService,
    private readonly estate: EstateService,
  ) {}

  @Get('charts')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers('Series of guests, nodes and storages', Charts)
  async get(
    @Query({ schema: ChartsQuery }) { range }: z.infer<typeof ChartsQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await sendPieces(request, reply, this.#write(range));
  }

  @Get('storage-charts')
  @Requires('dashboard:view', { inApiOnlyMode: true })
  @Answers('Series of storages', StorageCharts)
  async storage(
    @Query({ schema: StorageQuery }) { range: minutes }: z.infer<typeof StorageQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await sendPieces(request, reply, this.#writeStorages(minutes));
  }

  async *#write(range: Range): AsyncGenerator<string> {
    const { span, step } = ranges[range];
    const to = Date.now();
    const time = { from: to - span * 1000, to, step };
    let oldest = to;
    const parts = [
      { key: 'data', kind: 'guest', metrics: guestMetrics, of: guestsOf },
      { key: 'nodeData', kind: 'node', metrics: nodeMetrics, of: nodesOf },
      { key: 'storageData', kind: 'storage', metrics: storageMetrics, of: storagesOf },
    ] as const;
    for (const [index, { key, kind, metrics, of }] of parts.entries()) {
      yield `${index === 0 ? '{' : ','}"${key}":{`;
      const wanted: Record<string, ChartMetric> = metrics;
      let first = true;
      for await (const { resources: charted, series } of this.#each(of, {
        kind,
        metrics: Object.values(wanted),
        ...time,
      })) {
        oldest = Math.min(oldest, ...charted.map(({ name }) => series.get(name)?.times[0] ?? to));
        const texts = charted.map(
          ({ id, name, now }) =>
            `${JSON.stringify(id)}:${JSON.stringify(chartView(series.get(name), wanted, { time: to, values: now }))}`,
        );
        if (texts.length > 0) yield `${first ? '' : ','}${texts.join(',')}`;
        first &&= texts.length === 0;
      }
      yield '}';
    }
    yield `,"timestamp":${to},"stats":{"oldestDataTimestamp":${oldest}}}`;
  }

  async *#writeStorages(minutes: number): AsyncGenerator<string> {
    const to = Date.now();
    const question = { kind: 'storage' as const, metrics: ['disk', 'diskUsed', 'total'] as ChartMetric[] };
    let first = true;
    yield '{';
    for await (const { resources: charted, series } of this.#each(storagesOf, {
      ...question,
      from: to - minutes * 60_000,
      to,
      step: stepFor(minutes),
    })) {
      const texts = charted.map(
        ({ id, name }) => `${JSON.stringify(id)}:${JSON.stringify(storageChartView(series.get(name)))}`,
      );
      if (texts.length > 0) yield `${first ? '' : ','}${texts.join(',')}`;
      first &&= texts.length === 0;
    }
    yield '}';
  }

  /** The resources of all targets with their series, a piece at a time. */
  async *#each(of: (target: EstateTarget) => Charted[], question: ChartsQuestion) {
    for (const target of this.estate.targets()) yield* this.charts.read(target.id, of(target), question);
  }
}

function guestsOf(target: EstateTarget): Charted[] {
  return itemsOf(target, 'guests')
    .filter(({ template }) => !template)
    .map((guest) => ({
      name: String(guest.vmid),
      id: guestIdOf(target.name, guest),
      now: {
        cpu: guest.cpu,
        memory: percentOf(guest.memory.used, guest.memory.total),
        ...(guest.disk && { disk: percentOf(guest.disk.used, guest.disk.total) }),
        diskRead: guest.diskRead,
        diskWrite: guest.diskWrite,
        networkIn: guest.networkIn,
        networkOut: guest.networkOut,
      },
    }));
}

function nodesOf(target: EstateTarget): Charted[] {
  const [server] = itemsOf(target, 'backupServer');
  if (server) {
    const now = { cpu: server.cpu, memory: percentOf(server.memory.used, server.memory.total) };
    return [{ name: 'localhost', id: `pbs-${target.name}`, now }];
  }
  return itemsOf(target, 'nodes').map((node) => ({
    name: node.name,
    id: nodeIdOf(target.name, node.name),
    now: {
      cpu: node.cpu,
      memory: percentOf(node.memory.used, node.memory.total),
      disk: percentOf(node.disk.used, node.disk.total),
    },
  }));
}

function storagesOf(target: EstateTarget): Charted[] {
  const [server] = itemsOf(target, 'backupServer');
  const datastores = (server?.datastores ?? []).map((store) => ({
    name: store.name,
    id: `pbs-${target.name}-${store.name}`,
    now: { disk: percentOf(store.used, store.total) },
  }));
  const storages = itemsOf(target, 'storages').map((storage) => ({
    name: (storage.shared ? storage.name : `${storage.nodes[0] ?? ''}/${storage.name}`).slice(0, 500),
    id: storageIdOf(target.name, storage),
    now: { disk: percentOf(storage.used, storage.total) },
  }));
  return [...storages, ...datastores];
}
