import { Bus } from '@lapwing/bus';
import { cleanLogName, logSourceKinds, logsourceList } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../../http/access.js';
import { Answers, isoTime } from '../../../../http/answer.js';
import { filterFields } from '../logs.view.js';

const { agent_id, source } = filterFields;
const SourcesQuery = z.object({ agent_id, source });
const Sources = z.object({
  sources: z.array(
    z.object({
      agent_id: z.string(),
      source: z.enum(logSourceKinds),
      source_name: z.string(),
      last_seen: isoTime.nullable().describe('when the last line came, as far as it is kept'),
    }),
  ),
});

/** The logs that there are, for those who choose among them. */
@Controller('api/v1/logs/sources')
export class LogSourcesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('logs:view')
  @Answers('The logs that there are, at most 1000, by agent, source and name', Sources)
  async list(@Query({ schema: SourcesQuery }) query: z.infer<typeof SourcesQuery>): Promise<z.infer<typeof Sources>> {
    const question = { agentId: query.agent_id ?? null, source: query.source ?? null };
    const { sources } = await this.bus.request(logsourceList, question);
    return {
      sources: sources.map(({ agentId, name, lastAt, ...one }) => ({
        agent_id: agentId,
        source: one.source,
        source_name: cleanLogName(name),
        last_seen: lastAt === null ? null : new Date(lastAt).toISOString(),
      })),
    };
  }
}
