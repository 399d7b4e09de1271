import { Bus } from '@lapwing/bus';
import { LapwingError, ProcessEntry, processGet, processList, processSignal } from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { Audits, Requires } from '../../../http/access.js';
import { Answers, isoTime } from '../../../http/answer.js';
import { agent, isoSeconds, whole } from '../../../http/query.js';
import { signal } from '../../../http/signal.js';
import { HostsService } from '../../../services/hosts.service.js';

const SignalBody = z.object({ signal });
const AgentQuery = z.object({ agent_id: agent });
const ListQuery = z.object({
  agent_id: agent,
  sort_by: z.enum(['cpu', 'memory']).default('cpu'),
  limit: whole(1, 500).default(20),
});
const PidParam = z.object({
  pid: z
    .string()
    .regex(/^-?\d{1,10}$/, 'a process id: a whole number')
    .transform(Number),
});

const Process = z.object({
  pid: z.int(),
  name: z.string(),
  cmdline: z.string(),
  user: z.string(),
  state: z.string(),
  cpu: z.number().describe('percent of one core'),
  memory: z.int().describe('bytes'),
  threads: z.int(),
  startTime: isoTime,
});
const Listed = z.object({ processes: z.array(ProcessEntry), total: z.int() });
const Sent = z.object({ success: z.literal(true), message: z.string() });

/** Processes of any host: the greatest, and Tyto's: one in full, and signals to it. */
@Controller('api/v1/processes')
export class ProcessesController {
  constructor(
    private readonly bus: Bus,
    private readonly hosts: HostsService,
  ) {}

  @Get()
  @Requires('processes:view')
  @Answers('The processes of a host that use the most', Listed)
  async list(@Query({ schema: ListQuery }) query: z.infer<typeof ListQuery>): Promise<z.infer<typeof Listed>> {
    const { agent_id: agentId, sort_by: sortBy, limit } = query;
    return this.bus.command(processList, await this.hosts.forCommand(agentId), { sortBy, limit });
  }

  @Get(':pid')
  @Requires('processes:view')
  @Answers('One process of a host, in full', Process)
  async get(
    @Param({ schema: PidParam }) { pid }: z.infer<typeof PidParam>,
    @Query({ schema: AgentQuery }) { agent_id }: z.infer<typeof AgentQuery>,
  ) {
    if (pid < 1) throw new LapwingError('INVALID_INPUT', '"pid" must be a positive whole number');
    const detail = await this.bus.command(processGet, await this.hosts.forCommand(agent_id), { pid });
    const { name, cmdline, user, state, cpu, memory, threads, startTime } = detail;
    return { pid, name, cmdline, user, state, cpu, memory, threads, startTime: isoSeconds(startTime) };
  }

  @Post(':pid/signal')
  @HttpCode(200)
  @Requires('processes:signal')
  @Audits(({ params, query, body }) => {
    const { pid } = params as { pid: string };
    const { agent_id: agentId = 'local' } = query as { agent_id?: string };
    const details = { signal: (body as { signal: string | number }).signal, agent: agentId };
    return { type: 'process', action: 'signalled', target: pid, details };
  })
  @Answers('Sends a signal to a process', Sent)
  async signal(
    @Param({ schema: PidParam }) { pid }: z.infer<typeof PidParam>,
    @Query({ schema: AgentQuery }) { agent_id }: z.infer<typeof AgentQuery>,
    @Body({ schema: SignalBody }) { signal: name }: z.infer<typeof SignalBody>,
  ) {
    await this.bus.command(processSignal, await this.hosts.forCommand(agent_id), { pid, signal: name });
    return { success: true, message: `${name} sent to process ${pid}` };
  }
}
