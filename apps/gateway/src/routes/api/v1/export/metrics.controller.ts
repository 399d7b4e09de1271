import { Controller, Get, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { agent } from '../../../../http/query.js';
import { HostsService } from '../../../../services/hosts.service.js';
import { MetricsDocument, toMetricsDocument } from '../stream.view.js';
import { toCsv } from './metrics.view.js';

const ExportQuery = z.object({ format: z.enum(['json', 'csv']).default('json'), agent_id: agent });

const Exported = z.object({ metrics: z.array(MetricsDocument) });
const Csv = z.string().describe('agent_id,timestamp,metric,value');

/** Tyto's export of the current metrics. */
@Controller('api/v1/export/metrics')
export class ExportMetricsController {
  constructor(private readonly hosts: HostsService) {}

  @Get()
  @Requires('dashboard:view')
  @Answers('The newest metrics of all hosts, or of one', { 'application/json': Exported, 'text/csv': Csv })
  async get(
    @Query({ schema: ExportQuery }) { format, agent_id }: z.infer<typeof ExportQuery>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const documents = (await this.hosts.all(agent_id)).map(({ agentId, sample }) => toMetricsDocument(agentId, sample));
    reply.header('content-disposition', `attachment; filename="lapwing-metrics.${format}"`);
    reply.type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8');
    return format === 'csv' ? toCsv(documents) : { metrics: documents };
  }
}
