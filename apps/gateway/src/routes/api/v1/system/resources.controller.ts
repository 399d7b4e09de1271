import { Bus } from '@lapwing/bus';
import { historyGet, processList, processSignal } from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { Audits, Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { agent, flag, whole } from '../../../../http/query.js';
import { signal } from '../../../../http/signal.js';
import { HostsService } from '../../../../services/hosts.service.js';
import { Resources, ResourcesHistory, defaultStep, interval, toHistory, toResources } from './resources.view.js';

const HOUR_MS = 3_600_000;

const ResourcesQuery = z.object({
  processes: flag.default(false),
  info: flag.default(false),
  sortBy: z.enum(['cpu', 'memory']).default('cpu'),
  limit: whole(1, 500).default(20),
  agent_id: agent,
});
const KillBody = z.object({
  action: z.literal('kill'),
  pid: z.int(),
  signal: signal.default('SIGTERM'),
  agent_id: agent,
});
const HistoryQuery = z.object({ hours: whole(1, 8760).default(24), interval: interval.optional(), agent_id: agent });

const Killed = z.object({ success: z.literal(true), message: z.string() });

/** Supascale's resources of the host: now, before, and ending a process. */
@Controller('api/v1/system/resources')
export class ResourcesController {
  constructor(
    private readonly bus: Bus,
    private readonly hosts: HostsService,
  ) {}

  @Get()
  @Requires('system:read')
  @Answers('What a host uses now', Resources)
  async get(@Query({ schema: ResourcesQuery }) query: z.infer<typeof ResourcesQuery>) {
    const { agentId, sample } = await this.hosts.latest(query.agent_id);
    const { sortBy, limit } = query;
    const list = query.processes ? await this.bus.command(processList, agentId, { sortBy, limit }) : undefined;
    return toResources(sample, { processes: list?.processes, info: query.info });
  }

  @Post()
  @HttpCode(200)
  @Requires('system:write')
  @Audits(({ body }) => {
    const { pid, signal: sent = 'SIGTERM', agent_id: agentId = 'local' } = body as z.input<typeof KillBody>;
    return { type: 'process', action: 'signalled', target: String(pid), details: { signal: sent, agent: agentId } };
  })
  @Answers('Sends a signal to a process', Killed)
  async kill(@Body({ schema: KillBody }) { pid, signal: name, agent_id }: z.infer<typeof KillBody>) {
    await this.bus.command(processSignal, await this.hosts.forCommand(agent_id), { pid, signal: name });
    const done = name === 'SIGTERM' || name === 'SIGKILL' ? 'terminated' : `sent ${name}`;
    return { success: true, message: `Process ${pid} ${done}` };
  }

  @Get('history')
  @Requires('system:read')
  @Answers('What a host used, as means by step', ResourcesHistory)
  async history(@Query({ schema: HistoryQuery }) query: z.infer<typeof HistoryQuery>) {
    const to = Date.now();
    const from = to - query.hours * HOUR_MS;
    const step = query.interval ?? defaultStep(query.hours);
    const agentIds = [await this.hosts.resolve(query.agent_id)];
    return toHistory(
      await this.bus.request(historyGet, { agentIds, metrics: ['cpu', 'memory', 'disk'], from, to, step }),
    );
  }
}
