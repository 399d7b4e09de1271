import { Bus } from '@lapwing/bus';
import { historyGet } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { agent, instant } from '../../../http/query.js';
import { History, steps, toHistory } from './history.view.js';

const HOUR_MS = 3_600_000;
const HistoryQuery = z.object({
  from: instant.optional(),
  to: instant.optional(),
  resolution: z.enum(['raw', '1m', '5m', '1h']).default('1m'),
  agent_id: agent,
});

/** Tyto's history: mean, least and greatest by step; of one agent, or over all. */
@Controller('api/v1/history')
export class HistoryController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('dashboard:view')
  @Answers('Mean, least and greatest by step, of one agent or over all', History)
  async get(@Query({ schema: HistoryQuery }) query: z.infer<typeof HistoryQuery>) {
    const to = query.to ?? Date.now();
    const from = query.from ?? to - HOUR_MS;
    const agentIds = query.agent_id === undefined ? null : [query.agent_id];
    const question = {
      agentIds,
      metrics: ['cpu' as const, 'memory' as const, 'disk' as const, 'temperature' as const],
      from,
      to,
    };
    const history = await this.bus.request(historyGet, { ...question, step: steps[query.resolution] });
    return toHistory({ from, to, resolution: query.resolution }, history);
  }
}
